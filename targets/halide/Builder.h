//===- Builder.h - walks a kernel's region ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared by the files that make stages of its primitives and expressions of its
// element operations.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_BUILDER_H
#define MINNOW_TARGETS_HALIDE_BUILDER_H

#include "targets/halide/Integer.h"
#include "targets/halide/Region.h"

namespace minnow::halide {

/// A value of the region, and the stage that is computed with it because it is
/// not yet in memory (-1: none).
struct Computed {
  Tensor tensor;
  int pending = -1;
};

/// Makes the pipeline of one kernel.
class Builder {
public:
  Builder(mobile::KernelOp kernel, const Form &form)
      : kernel(kernel), form(form) {
    pipeline.view = getView(kernel);
    isOpen = slidesTwice();
  }
  Pipeline build();

private:
  Tensor getSizes(mlir::Value value) const;
  Halide::ImageParam addParameter(unsigned index);
  Computed read(mlir::Value value);
  Weight readMatrix(mlir::Value filter);
  Weight readVector(mlir::Value vector);
  IntegerWeights readIntegerWeights(mlir::Value filter, mlir::Value bias,
                                    Halide::Expr zero);
  template <typename Op> Halide::Expr readBorder(Op op);
  /// The only element of a vector, or a null one's, which is 0.
  Halide::Expr readZero(mlir::Value zero);
  Halide::Expr readOperand(mlir::Value value, mlir::Value like);

  Computed visit(mlir::Operation *op);
  Computed transpose(mobile::TransposeOp op);
  Computed pad(mobile::PadOp op);
  template <typename Op> Computed binary(Op op);
  Computed pool(mobile::Pool2DOp op);
  Computed byteProduct(mlir::Operation *op);
  Computed requantize(mobile::RequantizeOp op);
  Computed dequantize(mobile::DequantizeOp op);
  Computed lookup(mobile::LookupOp op);
  Halide::Func getParameters(mlir::Value vector);
  Halide::Expr readFactor(mlir::Value scale);
  /// `element` less `zero` as an i32 if it is a byte.
  Halide::Expr subtractZero(Halide::Expr element, Halide::Expr zero);
  Halide::Expr readTerm(mlir::Value value, mlir::Value scale,
                        Halide::Expr zero);
  Halide::Expr addFixedTerms(mobile::RequantizeOp op, Halide::Func parameters);
  Halide::Expr addFloatTerms(mobile::RequantizeOp op, Halide::Func parameters);
  Halide::Expr scaleFloats(mobile::RequantizeOp op);
  Halide::Expr roundFloat(mobile::RequantizeOp op, Halide::Func parameters);
  Computed changeElements(const Computed &input, Halide::Expr value);
  Computed attention(mobile::AttentionOp op);
  Computed addStage(Stage stage, mlir::Operation *op = nullptr);
  bool isPooledInRegisters(mlir::Value value);
  bool isStaged(mobile::DepthwiseConv2DOp op);
  bool isWinograd(mobile::Conv2DOp op);
  bool isCopiedOnly(mlir::Value value);
  int getPanelChannels(const Stage &stage);
  Tensor packRows(const Computed &result, mlir::Value value);
  bool storesWholeVectors(const Computed &value);
  int getTaskPart(int size, int tasks);
  void sliceOutput(const Tensor &whole);
  /// Keeps `value` in memory, because a computing primitive reads it.
  void store(mlir::Value value);

  bool slidesTwice();
  bool isFlat() const { return pipeline.view != View::Maps; }

  mobile::KernelOp kernel;
  const Form &form;
  Pipeline pipeline;
  std::vector<Halide::ImageParam> parameters;
  llvm::DenseMap<mlir::Value, Computed> values;
  bool isOpen = false; // all tensors that are in memory (Stage.h)
};

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_BUILDER_H
