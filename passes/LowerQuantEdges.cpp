//===- LowerQuantEdges.cpp - from and to floats ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantize and dequantize: rounded here, or left to the caller of the network.
//===----------------------------------------------------------------------===//
#include "passes/LowerQuant.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;
using namespace minnow::lower_quant;

/// Whether `value` is nothing but results of the network; `indices` says which.
static bool isResult(Value value, SmallVectorImpl<unsigned> &indices) {
  for (OpOperand &use : value.getUses()) {
    if (!isa<func::ReturnOp>(use.getOwner()))
      return false;
    indices.push_back(use.getOperandNumber());
  }
  return !indices.empty();
}

/// The argument that `value` is, moved about by nothing but what is read once;
/// null if it is none.
static BlockArgument getMovedArgument(Value value) {
  while (value.hasOneUse()) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument;
    if (!isa<TransposeOp, ReshapeOp>(value.getDefiningOp()))
      return {};
    value = value.getDefiningOp()->getOperand(0);
  }
  return {};
}

/// Makes an argument be of `type`'s element already, instead of `op` rounding
/// it. What moves it in between moves bytes.
void Lowering::roundArgument(BlockArgument argument, QuantizeOp op) {
  quant::QuantizedType element = getQuantizedElement(getType(op.getResult()));
  for (Value value = op.getInput();;
       value = value.getDefiningOp()->getOperand(0)) {
    auto type = cast<RankedTensorType>(value.getType()).clone(element);
    types[value] = type;
    value.setType(getStorageType(type));
    if (value == argument)
      break;
  }
  function.setArgAttr(argument.getArgNumber(), kQuantizedAttrName,
                      TypeAttr::get(element));
  op.getResult().replaceAllUsesWith(op.getInput());
  op.erase();
}

/// The error that `op` has floats beside it, which `maker` reads or gives, on a
/// target that computes integers only.
static LogicalResult refuseFloats(Operation *op, Operation *maker) {
  if (isa_and_nonnull<PrimitiveOpInterface>(maker))
    return maker->emitOpError("has no integer form here, and the target "
                              "computes integers only");
  return op->emitOpError("the target computes integers only; what lies beside "
                         "it must have an integer form");
}

LogicalResult Lowering::lower(QuantizeOp op) {
  BlockArgument argument = getMovedArgument(op.getInput());
  if (quantizedEdges && argument) {
    roundArgument(argument, op);
    return success();
  }
  if (form == RequantizeForm::Fixed)
    return refuseFloats(op, op.getInput().getDefiningOp());
  Type type = getType(op.getResult());
  builder.setInsertionPointAfter(op);
  Value result =
      requantize(op, Term{op.getInput(), {1.0f / getScale(type)}, 0}, type);
  finish(op, result);
  op.erase();
  return success();
}

LogicalResult Lowering::lower(DequantizeOp op) {
  Type type = getType(op.getInput());
  SmallVector<unsigned> indices;
  if (quantizedEdges && isQuantizedMap(type) &&
      isResult(op.getResult(), indices)) {
    for (unsigned index : indices)
      function.setResultAttr(index, kQuantizedAttrName,
                             TypeAttr::get(getQuantizedElement(type)));
    op.getResult().replaceAllUsesWith(op.getInput());
    op.erase();
    return success();
  }
  if (form == RequantizeForm::Fixed)
    return refuseFloats(op, *op->user_begin());
  SmallVector<float> scales;
  for (double scale : getScales(type))
    scales.push_back(scale);
  op.getScaleMutable().assign(weights.create(
      builder, op.getLoc(), nameBeside(op, "scale"), ArrayRef<float>(scales)));
  if (isQuantizedMap(type)) {
    int32_t zero = getZeroPoint(type);
    op.getZeroMutable().assign(weights.create(
        builder, op.getLoc(), nameBeside(op, "zero"), ArrayRef<int32_t>(zero)));
  }
  return success();
}
