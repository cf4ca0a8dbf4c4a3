//===- CompensatedRounding.h - a few weights to 8 bits ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounds a filter one weight after another. What the rounding of one costs, the
// weights that are still open make good as well as they can: with the costs
// d' C d of the errors d and C = R' R, R triangular, each takes the number next
// to where its row of R d is 0. That is what GPTQ does (Frantar et al., 2022),
// and Babai's nearest plane in the lattice R. A few of the best beginnings are
// followed at once, for the best first step need not be part of the best whole.
// Plain numbers: no IR.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_COMPENSATEDROUNDING_H
#define MINNOW_PASSES_COMPENSATEDROUNDING_H

#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace minnow {

class CompensatedRounding {
public:
  /// `costs` is C, row-major and positive definite.
  explicit CompensatedRounding(llvm::ArrayRef<float> costs);

  /// Rounds `weights` to multiples of `scale`, at most 127 of them, whose
  /// factors become `numbers`. Follows `width` beginnings. Returns d' C d.
  double round(llvm::ArrayRef<float> weights, float scale, unsigned width,
               llvm::MutableArrayRef<float> numbers) const;

private:
  size_t size;
  std::vector<size_t> order;  // the weights as the rows of R have them
  std::vector<double> factor; // R, row-major
};

} // namespace minnow

#endif // MINNOW_PASSES_COMPENSATEDROUNDING_H
