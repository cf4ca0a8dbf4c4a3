//===- LowerQuant.h - quantized types to storage types ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared by the files of the pass lower-quant.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_LOWERQUANT_H
#define MINNOW_PASSES_LOWERQUANT_H

#include "dialects/mobile/Quantization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/IntegerWeights.h"
#include <cmath>

namespace minnow::lower_quant {

/// One term of a requantisation.
struct Term {
  mlir::Value value; // on storage types
  // Of its scale to the result's, one or one a channel.
  llvm::SmallVector<float> ratios;
  int32_t zero = 0;
};

/// Rewrites one network in place, in its order. The quantized types that values
/// had are kept beside it.
class Lowering {
public:
  Lowering(mlir::func::FuncOp function, mobile::RequantizeForm form,
           bool quantizedEdges, IntegerWeights &weights)
      : function(function), form(form), quantizedEdges(quantizedEdges),
        weights(weights), builder(function.getContext()) {}
  mlir::LogicalResult run();

private:
  mlir::LogicalResult lower(mlir::Operation *op);
  template <typename Product>
  mlir::LogicalResult lowerProduct(Product op, mlir::Value zero);
  mlir::LogicalResult lower(mobile::AddOp op);
  mlir::LogicalResult lower(mobile::MulOp op);
  mlir::Value widen(mlir::Operation *op, mlir::Value map);
  mlir::LogicalResult lower(mobile::Pool2DOp op);
  mlir::LogicalResult lower(mobile::AttentionOp op);
  void roundArgument(mlir::BlockArgument argument, mobile::QuantizeOp op);
  mlir::LogicalResult lower(mobile::QuantizeOp op);
  mlir::LogicalResult lower(mobile::DequantizeOp op);
  mlir::LogicalResult lower(mobile::ActivateOp op);
  mlir::LogicalResult lower(mobile::PadOp op);

  struct ProductNumbers;
  mlir::FailureOr<ProductNumbers> readNumbers(mlir::Operation *op,
                                              mlir::MutableOperandRange bias);
  void replaceFilter(mlir::Operation *op, llvm::ArrayRef<int8_t> numbers,
                     llvm::ArrayRef<int> halvings);
  mlir::LogicalResult foldZeroPoint(mlir::Operation *op, mlir::Type input,
                                    mlir::MutableOperandRange biasOperand);
  mlir::Value
  requantize(mlir::Operation *op, llvm::ArrayRef<Term> terms, mlir::Type result,
             mobile::Activation activation = mobile::Activation::None);
  mlir::Value makeFactors(mlir::Operation *op, const Term &term, int shift);
  std::optional<int> chooseShift(llvm::ArrayRef<Term> terms);
  mlir::Value lookUp(mlir::Operation *op, mlir::Value input, mlir::Type from,
                     mlir::Type to, mobile::Activation activation);
  mlir::Value makeZero(mlir::Operation *op, mlir::Type type);
  Term makeTerm(mlir::Value value, mlir::Type result);
  double getReach(const Term &term);
  void finish(mlir::Operation *op, mlir::Value result);

  mlir::Type getType(mlir::Value value) {
    mlir::Type type = types.lookup(value);
    return type ? type : value.getType();
  }
  std::string nameBeside(mlir::Operation *op, llvm::StringRef suffix);

  mlir::func::FuncOp function;
  mobile::RequantizeForm form;
  bool quantizedEdges; // inputs and outputs are i8
  IntegerWeights &weights;
  mlir::OpBuilder builder;
  // Of values: their quantized types before, the largest magnitude of each
  // channel's sums, and the largest sum of all channels.
  llvm::DenseMap<mlir::Value, mlir::Type> types;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<double>> reaches;
  llvm::DenseMap<mlir::Value, int64_t> tops;
};

inline float getScale(mlir::Type type) { return mobile::getScales(type)[0]; }

/// Of half an integer, the even one: round to nearest, ties to even.
inline int64_t roundEven(double value) { return std::llrint(value); }

} // namespace minnow::lower_quant

#endif // MINNOW_PASSES_LOWERQUANT_H
