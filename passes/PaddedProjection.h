//===- PaddedProjection.h - a shift through padding -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A shift before a convolution adds a constant to its result, but where the
// convolution pads, less of it. Behind a depthwise convolution and a
// projection, the keys and values of Mobile MQA, that is a small map.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_PADDEDPROJECTION_H
#define MINNOW_PASSES_PADDEDPROJECTION_H

#include "passes/FoldWeights.h"

namespace minnow {

/// A padded depthwise convolution whose result only a projection reads.
struct PaddedProjection {
  mobile::DepthwiseConv2DOp depthwise;
  mobile::Conv2DOp projection;

  /// Fails if `op` is none, or if the projection's result is larger than the
  /// input, so that adding a map to it would cost more than the norm does.
  static std::optional<PaddedProjection> match(mlir::Operation *op);

  /// What the two make of a map that is `shift[c]` everywhere, without biases:
  /// the shape of the projection's result.
  mlir::FailureOr<std::vector<float>> run(llvm::ArrayRef<double> shift,
                                          FoldWeights &weights);
};

} // namespace minnow

#endif // MINNOW_PASSES_PADDEDPROJECTION_H
