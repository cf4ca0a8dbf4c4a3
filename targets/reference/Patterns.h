//===- Patterns.h - primitives to linalg, by idea ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The patterns of lower-to-linalg, one a primitive, and what they share. All of
// them take and give static tensors of f32, i8 and i32.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_REFERENCE_PATTERNS_H
#define MINNOW_TARGETS_REFERENCE_PATTERNS_H

#include "dialects/mobile/Mobile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/DialectConversion.h"

namespace minnow {

/// conv2d, depthwise_conv2d, linear, pool2d: sums and maxima over windows.
void populateConvolutionPatterns(mlir::RewritePatternSet &patterns);
/// add, mul, activate, batch_norm, softmax.
void populateElementwisePatterns(mlir::RewritePatternSet &patterns);
/// matmul, attention.
void populateAttentionPatterns(mlir::RewritePatternSet &patterns);
/// pad, transpose, reshape.
void populateShapePatterns(mlir::RewritePatternSet &patterns);
/// requantize, dequantize, lookup.
void populateQuantizedPatterns(mlir::RewritePatternSet &patterns);

/// An f32 constant.
mlir::Value makeFloat(mlir::OpBuilder &builder, mlir::Location location,
                      double value);

/// Arithmetic on elements, as readable as formulas; the named operations are
/// those of f32.
struct Arithmetic {
  mlir::OpBuilder &builder;
  mlir::Location location;

  mlir::Value number(double value) {
    return makeFloat(builder, location, value);
  }
  mlir::Value add(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::AddFOp>(a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::SubFOp>(a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::MulFOp>(a, b);
  }
  /// a * b + c, rounded once.
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value div(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::DivFOp>(a, b);
  }
  /// Between `low` and `high`; NaN stays NaN.
  mlir::Value clamp(mlir::Value x, double low, double high) {
    x = make<mlir::arith::MaximumFOp>(x, number(low));
    return make<mlir::arith::MinimumFOp>(x, number(high));
  }
  /// An i32 constant.
  mlir::Value integer(int64_t value) {
    return make<mlir::arith::ConstantOp>(builder.getI32IntegerAttr(value));
  }
  template <typename OpTy, typename... Args> mlir::Value make(Args... args) {
    return OpTy::create(builder, location, args...);
  }
};

/// The last steps of a quantized computation on one element, as
/// mobile.requantize describes them; `parameters` are its zero, low and high.
/// From the unrounded f32 `x`, and in fixed point from `h` and the shift.
mlir::Value roundFloat(Arithmetic math, mlir::Value x,
                       mlir::ValueRange parameters);
mlir::Value roundFixed(Arithmetic math, mlir::Value h, mlir::Value shift,
                       mlir::ValueRange parameters);

/// `(a * b + 2^(bits-1)) >> bits` of i32 by way of i64.
mlir::Value multiplyHigh(Arithmetic math, mlir::Value a, mlir::Value b,
                         int bits);

/// The activation of one element.
mlir::Value activateElement(Arithmetic math, mobile::Activation activation,
                            mlir::Value x);

/// Applies `activation` to each element of `tensor`; the tensor itself for
/// `none`.
mlir::Value activate(mlir::OpBuilder &builder, mlir::Location location,
                     mobile::Activation activation, mlir::Value tensor);

/// The softmax of `tensor` over its last dimension.
mlir::Value softmax(mlir::RewriterBase &rewriter, mlir::Location location,
                    mlir::Value tensor);

/// Surrounds the NHWC `map` with `value`; `pad` is [top, bottom, left, right].
mlir::Value padMap(mlir::OpBuilder &builder, mlir::Location location,
                   mlir::Value map, llvm::ArrayRef<int64_t> pad,
                   mlir::Value value);

/// The one element of the vector `zero`, or 0 of the elements of `like` where
/// there is none: what a primitive reads outside of its input.
mlir::Value makePadding(mlir::OpBuilder &builder, mlir::Location location,
                        mlir::Value zero, mlir::Value like);

/// The tensor of logical `type` that lies in `packed` as `layout` says. Layout
/// unsigned is also undone by this, for it is its own inverse.
mlir::Value unpack(mlir::OpBuilder &builder, mlir::Location location,
                   mlir::Value packed, mobile::LayoutAttr layout,
                   mlir::RankedTensorType type);

/// A tensor of `type` whose elements are not set yet.
mlir::Value makeEmpty(mlir::OpBuilder &builder, mlir::Location location,
                      mlir::RankedTensorType type);

/// `value` as a constant of `element`, f32 or an integer.
mlir::Value makeNumber(mlir::OpBuilder &builder, mlir::Location location,
                       mlir::Type element, double value);

/// A tensor of `type` with the one value in each element.
mlir::Value makeFilled(mlir::OpBuilder &builder, mlir::Location location,
                       mlir::RankedTensorType type, double value);

/// What computes one element from the elements at hand.
using ElementFn = llvm::function_ref<mlir::Value(mlir::OpBuilder &,
                                                 mlir::ValueRange elements)>;

/// A tensor of `type` that `element` computes for each position from the
/// elements of `inputs`, read through `maps` (from positions of the result).
mlir::Value mapElements(mlir::OpBuilder &builder, mlir::Location location,
                        mlir::RankedTensorType type, mlir::ValueRange inputs,
                        llvm::ArrayRef<mlir::AffineMap> maps,
                        ElementFn element);

} // namespace minnow

#endif // MINNOW_TARGETS_REFERENCE_PATTERNS_H
