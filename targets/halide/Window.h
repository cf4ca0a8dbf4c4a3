//===- Window.h - how a window moves over a map -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Read alike from convolutions and pools.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_WINDOW_H
#define MINNOW_TARGETS_HALIDE_WINDOW_H

#include "targets/halide/Stage.h"
#include "targets/halide/View.h"

namespace minnow::halide {

struct Window {
  int height = 1, width = 1, rowStride = 1, columnStride = 1;
  int top = 0, bottom = 0, left = 0, right = 0;

  Window() = default;
  template <typename Op>
  Window(Op op, llvm::ArrayRef<int64_t> size)
      : height(size[0]), width(size[1]), rowStride(op.getStrides()[0]),
        columnStride(op.getStrides()[1]), top(op.getPad()[0]),
        bottom(op.getPad()[1]), left(op.getPad()[2]), right(op.getPad()[3]) {}

  bool isPadded() const { return top || bottom || left || right; }
  /// The row or column of the input that `tap` reads for the result at (x, y).
  Halide::Expr row(Halide::Expr tap) const { return y * rowStride + tap - top; }
  Halide::Expr column(Halide::Expr tap) const {
    return x * columnStride + tap - left;
  }
};

/// That of a convolution, a full or a depthwise one.
inline Window getWindow(mlir::Operation *op) {
  llvm::ArrayRef<int64_t> filter = getShape(op->getOperand(1));
  if (auto conv = llvm::dyn_cast<mobile::Conv2DOp>(op))
    return {conv, filter};
  return {llvm::cast<mobile::DepthwiseConv2DOp>(op), filter};
}

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_WINDOW_H
