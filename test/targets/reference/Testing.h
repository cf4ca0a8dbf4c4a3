//===- Testing.h - tensors and kernels of the reference's tests -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels come as text, operands are random, and what they should give is
// computed by the plainest loops, in double.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_TARGETS_REFERENCE_TESTING_H
#define MINNOW_TEST_TARGETS_REFERENCE_TESTING_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "targets/reference/Evaluate.h"
#include <gtest/gtest.h>

namespace minnow::test {

/// A row-major tensor of any rank.
struct Tensor {
  explicit Tensor(std::vector<int64_t> shape);

  /// The element at a position; 0 outside of the tensor, as in zero padding.
  float at(std::initializer_list<int64_t> position) const;
  float &operator[](std::initializer_list<int64_t> position);
  bool contains(std::initializer_list<int64_t> position) const;

  std::vector<int64_t> shape;
  std::vector<float> data;
};

/// A tensor of numbers between -1 and 1 that depend on the shape and `seed`.
Tensor makeRandom(std::vector<int64_t> shape, unsigned seed = 0);

/// A tensor whose elements `element` computes from their positions.
template <typename Fn> Tensor makeMap(std::vector<int64_t> shape, Fn element) {
  Tensor result(shape);
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t y = 0; y < shape[1]; ++y)
      for (int64_t x = 0; x < shape[2]; ++x)
        for (int64_t c = 0; c < shape[3]; ++c)
          result[{n, y, x, c}] = float(element(n, y, x, c));
  return result;
}

/// `tensor` in layout `kind` of one size, such as `#mobile.layout<panels
/// [48]>`.
Tensor packPanels(const Tensor &tensor, int64_t panel,
                  mobile::LayoutKind kind = mobile::LayoutKind::Panels);

/// A context that knows Minnow's dialects.
mlir::MLIRContext &getContext();

/// Parses `text`; a failure is the test's.
mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef text);

/// Executes the one kernel of `text` on operands as they lie in memory.
Tensor execute(llvm::StringRef text, std::vector<Tensor> arguments,
               std::vector<int64_t> resultShape);

/// Executes `mobile.kernel @k(SIGNATURE) -> RESULT` whose body is one line that
/// computes `%r`.
Tensor executeOne(const std::string &signature, const std::string &result,
                  const std::string &line, std::vector<Tensor> arguments,
                  std::vector<int64_t> resultShape);

/// Fails the test unless max |actual - expected| <= tolerance * max |expected|.
void expectNear(const Tensor &actual, const Tensor &expected,
                double tolerance = 1e-6);

} // namespace minnow::test

#endif // MINNOW_TEST_TARGETS_REFERENCE_TESTING_H
