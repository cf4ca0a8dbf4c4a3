//===- Constants.h - folds what does not depend on an input -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters write shapes and paddings as long chains of operators on integers
// and scalars. This evaluates them, so that converters see numbers.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_ONNX_CONSTANTS_H
#define MINNOW_COMPILER_IMPORT_ONNX_CONSTANTS_H

#include "compiler/import/onnx/Model.h"
#include "compiler/import/onnx/Node.h"

namespace minnow::importer {

using HostTensorPtr = std::shared_ptr<const HostTensor>;

/// What the rule of an operator works on.
struct Folding {
  const Node &node;
  /// Null where an input is left out.
  llvm::ArrayRef<HostTensorPtr> inputs;
  Model &model;
  /// How many elements results may still have.
  int64_t &budget;

  bool has(size_t i) const { return i < inputs.size() && inputs[i]; }
  /// Input `i`; a failure if it is left out.
  mlir::FailureOr<HostTensorPtr> get(size_t i) const;
  /// Input `i` as a short vector of integers.
  mlir::FailureOr<Shape> integers(size_t i) const;
  /// Axes from attribute "axes" or input `i`, `missing` where neither is there.
  mlir::FailureOr<Shape> axes(size_t i, llvm::ArrayRef<int64_t> missing) const;
  /// Takes the elements of a result of shape `shape` from the budget.
  llvm::LogicalResult reserve(llvm::ArrayRef<int64_t> shape) const;
};

using FoldRule = mlir::FailureOr<HostTensor> (*)(const Folding &folding);

class ConstantFolder {
public:
  explicit ConstantFolder(Model &model);

  /// Whether there is a rule for the operator.
  static bool knows(llvm::StringRef type);

  /// The node's first output; `inputs` may hold null where one is left out.
  mlir::FailureOr<HostTensor> fold(const Node &node,
                                   llvm::ArrayRef<HostTensorPtr> inputs);

  /// The operator Shape of something with the shape `shape`.
  mlir::FailureOr<HostTensor> foldShape(const Node &node,
                                        llvm::ArrayRef<int64_t> shape);

private:
  Model &model;
  int64_t budget;
};

/// The rule of an arithmetic operator, or null. (Arithmetic.cpp)
FoldRule findArithmeticRule(llvm::StringRef type);

/// The elements of `source` at `positions`, as a tensor of shape `shape`.
HostTensor gatherElements(const HostTensor &source, Shape shape,
                          llvm::ArrayRef<int64_t> positions);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_CONSTANTS_H
