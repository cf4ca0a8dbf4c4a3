//===- IntegerForms.cpp - what can be computed on 8 bits ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/IntegerForms.h"
#include "dialects/mobile/Blocks.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

bool minnow::isWeight(Value value) {
  return value.getDefiningOp<GetWeightOp>() != nullptr;
}

bool minnow::isWeightedProduct(Operation *op) {
  return isa<Conv2DOp, DepthwiseConv2DOp, LinearOp>(op) &&
         llvm::all_of(llvm::drop_begin(op->getOperands()), isWeight);
}

Activation minnow::getActivation(Operation *product) {
  auto attribute = product->getAttrOfType<ActivationAttr>("activation");
  return attribute ? attribute.getValue() : Activation::None;
}

/// Whether nobody but one operation reads the result of the product `op`, and
/// it has no activation: it need not be rounded before.
static bool isBareSum(Operation *op) {
  return op && isWeightedProduct(op) && op->hasOneUse() &&
         getActivation(op) == Activation::None;
}

Operation *minnow::getBareSum(AddOp add) {
  for (Value operand : add.getOperands())
    if (isBareSum(operand.getDefiningOp()))
      return operand.getDefiningOp();
  return nullptr;
}

AddOp minnow::getAddOfBareSum(Operation *op) {
  if (!isBareSum(op))
    return {};
  auto add = dyn_cast<AddOp>(*op->getUsers().begin());
  return add && hasIntegerForm(add) && getBareSum(add) == op ? add : AddOp();
}

bool minnow::addsOffsets(AddOp add) {
  return isWeight(add.getRhs()) && isBareSum(add.getLhs().getDefiningOp());
}

static bool isTaken(AddOp add) {
  return add.getLhs().getType().getShape() ==
             add.getRhs().getType().getShape() &&
         add.getActivation() <= Activation::Relu6 && !isWeight(add.getLhs()) &&
         (!isWeight(add.getRhs()) || addsOffsets(add));
}

/// Of two maps, of which the second may be one factor a channel.
static bool isTaken(MulOp mul) {
  return mul.getLhs().getType().getRank() == 4 &&
         mul.getRhs().getType().getRank() == 4 &&
         mul.getActivation() <= Activation::Relu6 && !isWeight(mul.getLhs()) &&
         !isWeight(mul.getRhs());
}

static bool isTaken(Pool2DOp pool) {
  bool isPadded =
      llvm::any_of(pool.getPad(), [](int64_t size) { return size != 0; });
  return pool.getKind() == PoolKind::Max || !isPadded || pool.getCountPad();
}

bool minnow::hasIntegerForm(Operation *op) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp>(isWeightedProduct)
      .Case<AddOp, MulOp, Pool2DOp>([](auto each) { return isTaken(each); })
      .Case(
          [](AttentionOp attention) { return attention.getNumKeys() <= 1023; })
      .Case<ActivateOp, PadOp, TransposeOp, ReshapeOp, GetWeightOp>(
          [](Operation *each) { return true; })
      .Default([](Operation *other) {
        return isBlock(other) &&
               llvm::all_of(
                   other->getRegion(0).front().without_terminator(),
                   [](Operation &inner) { return hasIntegerForm(&inner); });
      });
}
