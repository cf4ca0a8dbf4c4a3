//===- View.h - reshapes and transposes as one change of index --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Frameworks write one rearrangement of a tensor as a chain of reshapes and
// transposes, each exporter another. A view is what the chain says, whoever
// wrote it: for each dimension, the digits of its index and how far apart in
// memory two values of a digit are.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_VIEW_H
#define MINNOW_PASSES_VIEW_H

#include "dialects/mobile/Mobile.h"
#include "mlir/IR/PatternMatch.h"

namespace minnow {

/// One digit of an index: `size` values, which are `stride` elements of the
/// row-major tensor `base` apart. What the bases are is the user's choice.
struct Digit {
  int64_t size, stride;
  unsigned base = 0;

  bool operator==(const Digit &other) const {
    return size == other.size && stride == other.stride && base == other.base;
  }
};

/// The digits of one index, most significant first; none where it is only 0.
using Digits = llvm::SmallVector<Digit, 4>;

int64_t getSize(llvm::ArrayRef<Digit> digits);

/// `digits` with each run that is one digit written as one.
Digits mergeDigits(llvm::ArrayRef<Digit> digits);

/// The digits of each dimension of a tensor. Every element of the tensors
/// behind it is seen once.
struct View {
  llvm::SmallVector<Digits> dims;

  /// A tensor of `shape` as it is.
  static View ofShape(llvm::ArrayRef<int64_t> shape);

  llvm::SmallVector<int64_t> getShape() const;
  /// The digits of all dimensions in row-major order.
  Digits getDigits() const;

  /// As a reshape to `shape` changes it. False, and the view unchanged, where
  /// the new dimensions would cut across the digits, so that it is no view.
  bool reshape(llvm::ArrayRef<int64_t> shape);
  void transpose(llvm::ArrayRef<int64_t> permutation);
  /// As `op`, a reshape, a transpose or an op that keeps the shape, changes it.
  bool apply(mlir::Operation *op);
};

/// A value as a view of another value, which is its base 0.
struct TracedView {
  mlir::Value source;
  View view;
  /// What lies in between, in order of dataflow.
  llvm::SmallVector<mlir::Operation *> chain;
};

/// Goes back from `value` through reshapes and transposes, and through what
/// `through` says to be passed; these keep the shape and are entered by
/// operand 0. Ends early at a reshape that no view can express.
TracedView traceView(
    mlir::Value value, llvm::function_ref<bool(mlir::Operation *)> through =
                           [](mlir::Operation *) { return false; });

/// Writes `view` of `source` as at most a reshape, a transpose and a reshape.
mlir::Value materialize(mlir::OpBuilder &builder, mlir::Location location,
                        mlir::Value source, const View &view);

/// A chain of reshapes and transposes -> the fewest that do the same.
void populateSimplifyViews(mlir::RewritePatternSet &patterns);

} // namespace minnow

#endif // MINNOW_PASSES_VIEW_H
