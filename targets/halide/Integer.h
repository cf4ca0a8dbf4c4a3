//===- Integer.h - primitives on bytes as Halide functions ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products of bytes, in groups of neighbours that one instruction
// multiplies and adds up (Form::dotWidth). What a stage reads is copied first:
// with its border, in the type that the instruction wants, and for a depthwise
// convolution with the columns of a group side by side.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_INTEGER_H
#define MINNOW_TARGETS_HALIDE_INTEGER_H

#include "dialects/mobile/Layout.h"
#include "targets/halide/Stage.h"

namespace minnow::halide {

/// The operands of a product besides its input.
struct IntegerWeights {
  Halide::Func filter; // the physical dimensions of its layout, innermost first
  mobile::LayoutAttr layout; // dots or taps
  Weight bias;
  Halide::Expr zero; // what the border holds, of the input's type
};

// A byte of type u8 is the number + 128, wherever it is.

/// Whether `func` gives bytes, of either type.
bool isOfBytes(Halide::Func func);

/// A byte, i8, as u8; one of u8 as it is.
Halide::Expr addOffset(Halide::Expr byte);

/// What a byte of `type` is larger by than its number.
int getOffset(Halide::Type type);

/// The product of two numbers of fewer bits as i32.
Halide::Expr multiply(Halide::Expr a, Halide::Expr b);

/// A convolution with a filter of all input channels, or a linear layer.
Stage buildIntegerMatrix(mlir::Operation *op, const Tensor &input,
                         const IntegerWeights &weights, const Form &form,
                         bool flat);
Stage buildIntegerDepthwise(mobile::DepthwiseConv2DOp op, const Tensor &input,
                            const IntegerWeights &weights, const Form &form);

/// A number that may be too large for an i32, held so that it is not, but still
/// larger than any byte.
Halide::Expr holdInWord(Halide::Expr value);

/// a * b + c of f32, rounded once.
Halide::Expr fma(Halide::Expr a, Halide::Expr b, Halide::Expr c,
                 const Form &form);

/// Whether the sums of `product` begin with kSumBits (llvm/Bytes.h), because
/// what rounds them needs no conversion to floats then.
bool givesFloats(mlir::Operation *product, const Form &form);

/// The range of a byte and its zero point, i32.
struct ByteRange {
  Halide::Expr zero, low, high;

  /// Those among the parameters of a mobile.requantize.
  explicit ByteRange(Halide::Func parameters);
};

/// clamp(rne(value) + zero, low, high) as i8.
Halide::Expr roundToByte(Halide::Expr value, const ByteRange &range,
                         const Form &form);
/// clamp(rne(value) + zero, -128, 127), and clamp(rne(value), 0, 255) - 128, in
/// the words that llvm/Bytes.h looks for.
Halide::Expr roundFull(Halide::Expr value, Halide::Expr zero);
Halide::Expr roundRectified(Halide::Expr value);

/// The same of the fixed form: one scaled term, i32 or i8 less its zero point,
/// and the rounding of their sum, to vectors of bytes that fill a register if
/// `isWhole`.
Halide::Expr scaleFixed(Halide::Expr term, Halide::Expr factor,
                        Halide::Expr zero, Halide::Func parameters);
Halide::Expr roundFixed(Halide::Expr sum, Halide::Func parameters,
                        bool isWhole);

/// The dimensions of the input's copy of a depthwise convolution: a column of
/// its group, the group; and of its sums: the place of a result among those of
/// the same groups, and these. The sums of a matrix have one for their vectors.
extern const Halide::Var member, group, place, step, chunk;

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_INTEGER_H
