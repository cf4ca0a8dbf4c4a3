//===- IntegerWeights.h - weights that quantization makes -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vectors and filters of i8, i32 and f32 as symbols of the module. What is
// equal is one symbol: most zero points and tables are.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_INTEGERWEIGHTS_H
#define MINNOW_PASSES_INTEGERWEIGHTS_H

#include "dialects/mobile/Mobile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include <cstring>
#include <vector>

namespace minnow {

class IntegerWeights {
public:
  explicit IntegerWeights(mlir::ModuleOp module) : symbols(module) {}

  /// The numbers of the weight whose value `value` is, as `T`s, row-major. A
  /// value that is no weight, or a weight that was printed without its numbers,
  /// is reported.
  template <typename T>
  mlir::FailureOr<std::vector<T>> read(mlir::Value value) {
    auto bytes = readBytes(value, sizeof(T));
    if (mlir::failed(bytes))
      return mlir::failure();
    std::vector<T> numbers(bytes->size() / sizeof(T));
    std::memcpy(numbers.data(), bytes->data(), bytes->size());
    return numbers;
  }

  /// A vector of `numbers` as the value of a weight called `name`, or of an
  /// equal weight made before.
  template <typename T>
  mlir::Value create(mlir::OpBuilder &builder, mlir::Location location,
                     llvm::StringRef name, llvm::ArrayRef<T> numbers) {
    return create(builder, location, name, numbers,
                  {static_cast<int64_t>(numbers.size())});
  }

  /// As above, under `shape`; `quantized`, if given, is the element type of the
  /// value.
  template <typename T>
  mlir::Value create(mlir::OpBuilder &builder, mlir::Location location,
                     llvm::StringRef name, llvm::ArrayRef<T> numbers,
                     llvm::ArrayRef<int64_t> shape, mlir::Type quantized = {}) {
    mlir::Type element;
    if constexpr (std::is_same_v<T, float>)
      element = builder.getF32Type();
    else
      element = builder.getIntegerType(8 * sizeof(T));
    auto type = mlir::RankedTensorType::get(shape, element);
    return add(builder, location, name, type,
               {reinterpret_cast<const char *>(numbers.data()),
                numbers.size() * sizeof(T)},
               quantized ? type.clone(quantized) : type);
  }

  /// Erases the weights whose values nobody uses.
  void eraseUnused();

private:
  mlir::FailureOr<llvm::ArrayRef<char>> readBytes(mlir::Value value,
                                                  size_t elementBytes);
  mlir::Value add(mlir::OpBuilder &builder, mlir::Location location,
                  llvm::StringRef name, mlir::RankedTensorType type,
                  llvm::ArrayRef<char> bytes, mlir::Type valueType);

  mlir::SymbolTable symbols;
  llvm::StringMap<mobile::WeightOp> known; // by type and bytes
};

} // namespace minnow

#endif // MINNOW_PASSES_INTEGERWEIGHTS_H
