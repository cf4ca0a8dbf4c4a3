//===- HostTensor.h - numbers known at compile time -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights and the integers of shape arithmetic, as read from a file: row-major,
// in the file's own order of dimensions.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_HOSTTENSOR_H
#define MINNOW_COMPILER_IMPORT_HOSTTENSOR_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace minnow::importer {

using Shape = llvm::SmallVector<int64_t, 4>;

/// More elements and dimensions than any tensor of a network has.
constexpr int64_t maxElements = int64_t(1) << 31;
constexpr size_t maxRank = 8;

/// The product of the dimensions; nothing if one is negative, there are more
/// than maxRank, or the product of those that are not 0 exceeds maxElements.
std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

/// How a file stores integers.
struct IntegerType {
  unsigned bits = 64;
  bool isSigned = true;
};

/// Integers that stand for floats, in the compiler's signed form: element i is
/// scale * (numbers[i] - zero) with the scale and zero point of its index along
/// `axis`, or with the only ones.
struct QuantizedNumbers {
  std::string name;
  Shape shape;
  std::vector<int32_t> numbers;
  std::vector<float> scales;
  std::vector<int64_t> zeros;
  int64_t axis;
  unsigned bits; // 8 or 32
};

/// A tensor of floats, or of integers of any width. The data always has as many
/// elements as the shape.
struct HostTensor {
  Shape shape;
  std::variant<std::vector<float>, std::vector<int64_t>> data;
  /// Of integers.
  IntegerType stored = {};
  /// What the floats were dequantized from; null if they are floats by
  /// themselves.
  std::shared_ptr<const QuantizedNumbers> quantized = {};

  bool isFloat() const { return data.index() == 0; }
  size_t size() const { return isFloat() ? floats().size() : ints().size(); }
  const std::vector<float> &floats() const { return std::get<0>(data); }
  const std::vector<int64_t> &ints() const { return std::get<1>(data); }
};

/// A tensor of floats and the name that its symbol gets.
struct Weight {
  std::string key;
  std::shared_ptr<const HostTensor> tensor;

  llvm::ArrayRef<int64_t> shape() const { return tensor->shape; }
  /// The integers that the tensor stands for; null if it is floats. A constant
  /// that was reshaped has lost them.
  const QuantizedNumbers *quantized() const {
    const auto &numbers = tensor->quantized;
    return numbers && numbers->shape == tensor->shape ? numbers.get() : nullptr;
  }
};

/// For each element of the permuted tensor, in row-major order, the position of
/// that element in the source. Dimension i of the permuted tensor is dimension
/// `order[i]` of the source, which has the shape `shape`.
std::vector<int64_t> permutedPositions(llvm::ArrayRef<int64_t> shape,
                                       llvm::ArrayRef<int64_t> order);

/// The dimensions of `shape` in the order `order`.
Shape permuted(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> order);

/// 0, 1, ... rank - 1.
Shape identityOrder(size_t rank);

/// The value of IEEE half-precision `bits`; every one is a float.
float widenHalf(uint16_t bits);

/// The value of bfloat16 `bits`.
float widenBfloat(uint16_t bits);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_HOSTTENSOR_H
