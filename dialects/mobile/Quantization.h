//===- Quantization.h - quantized types of tensors --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a `!quant.uniform` element type says, and which of them a primitive
// takes. Down to lower-quant a tensor has quantized types; after it i8 and i32.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_DIALECTS_MOBILE_QUANTIZATION_H
#define MINNOW_DIALECTS_MOBILE_QUANTIZATION_H

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace minnow::mobile {

/// The attribute of an input or output of a network of storage types that holds
/// its quantized element type.
inline constexpr llvm::StringLiteral kQuantizedAttrName = "mobile.quantized";

/// The quantized element type of the tensor `type`; null if it has another.
mlir::quant::QuantizedType getQuantizedElement(mlir::Type type);

/// Whether `type` is a tensor of 8 bits and one scale. One of u8 is stored as
/// i8 too, each number less 128.
bool isQuantizedMap(mlir::Type type);

/// Whether `type` is a sum that is not rounded yet: quantized i32.
bool isQuantizedSum(mlir::Type type);

/// The tensor `type` as it is stored; other types are as they are.
mlir::Type getStorageType(mlir::Type type);

/// The bytes of a static tensor or memref as it is stored, row-major.
uint64_t getByteSize(mlir::Type type);

/// The scales of a quantized tensor: one, or one a channel.
llvm::SmallVector<double> getScales(mlir::Type type);

/// What the numbers of a quantized type are less as they are stored: 128 for
/// u8.
int64_t getStorageOffset(mlir::quant::QuantizedType element);

/// The zero points, as many as scales, and the one of a tensor of one scale,
/// and the least and the largest number; all as they are stored.
llvm::SmallVector<int64_t> getZeroPoints(mlir::Type type);
int64_t getZeroPoint(mlir::Type type);
std::pair<int64_t, int64_t> getStorageRange(mlir::Type type);

/// 8 bits of one scale, all of whose 256 numbers are used. The zero point is as
/// stored.
mlir::quant::QuantizedType getMapElement(mlir::MLIRContext *context,
                                         double scale, int64_t zeroPoint,
                                         bool isSigned = true);

/// What a sum of products of `input` and the filter `filter` is, unrounded; its
/// channels are the dimension `axis` of the result.
mlir::quant::QuantizedType getSumElement(mlir::Type input, mlir::Type filter,
                                         unsigned axis);

/// Whether a primitive whose result is inferred as `inferred` may have the
/// result `actual`: the same, or another way to round quantized numbers.
bool isCompatibleResult(mlir::Type inferred, mlir::Type actual);

/// Checks the element types of a primitive: all f32, or quantized as the op
/// says, or storage types after lower-quant.
mlir::LogicalResult verifyQuantization(mlir::Operation *op);

} // namespace minnow::mobile

#endif // MINNOW_DIALECTS_MOBILE_QUANTIZATION_H
