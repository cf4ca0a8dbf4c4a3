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

/// What the rule of an operator works on to compute its first output.
struct Folding {
  const Node &node;
  /// Null where an input is left out.
  llvm::ArrayRef<HostTensorPtr> inputs;
  /// Of input 0, which is known even where its numbers are not.
  llvm::ArrayRef<int64_t> shape;
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

// Constants.cpp
mlir::FailureOr<HostTensor> foldConcat(const Folding &f);
mlir::FailureOr<HostTensor> foldConstant(const Folding &f);
mlir::FailureOr<HostTensor> foldConstantOfShape(const Folding &f);
mlir::FailureOr<HostTensor> foldFlatten(const Folding &f);
mlir::FailureOr<HostTensor> foldGather(const Folding &f);
mlir::FailureOr<HostTensor> foldIdentity(const Folding &f);
mlir::FailureOr<HostTensor> foldReshape(const Folding &f);
mlir::FailureOr<HostTensor> foldShape(const Folding &f);
mlir::FailureOr<HostTensor> foldSlice(const Folding &f);
mlir::FailureOr<HostTensor> foldSqueeze(const Folding &f);
mlir::FailureOr<HostTensor> foldTranspose(const Folding &f);
mlir::FailureOr<HostTensor> foldUnsqueeze(const Folding &f);

// Quantization.cpp
mlir::FailureOr<HostTensor> foldDequantizeLinear(const Folding &f);
mlir::FailureOr<HostTensor> foldQuantizeLinear(const Folding &f);

// Arithmetic.cpp
mlir::FailureOr<HostTensor> foldAdd(const Folding &f);
mlir::FailureOr<HostTensor> foldCast(const Folding &f);
mlir::FailureOr<HostTensor> foldCeil(const Folding &f);
mlir::FailureOr<HostTensor> foldClip(const Folding &f);
mlir::FailureOr<HostTensor> foldDiv(const Folding &f);
mlir::FailureOr<HostTensor> foldFloor(const Folding &f);
mlir::FailureOr<HostTensor> foldMax(const Folding &f);
mlir::FailureOr<HostTensor> foldMin(const Folding &f);
mlir::FailureOr<HostTensor> foldMul(const Folding &f);
mlir::FailureOr<HostTensor> foldNeg(const Folding &f);
mlir::FailureOr<HostTensor> foldSqrt(const Folding &f);
mlir::FailureOr<HostTensor> foldSub(const Folding &f);

/// The elements of `source` at `positions`, as a tensor of shape `shape`.
HostTensor gatherElements(const HostTensor &source, Shape shape,
                          llvm::ArrayRef<int64_t> positions);

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_ONNX_CONSTANTS_H
