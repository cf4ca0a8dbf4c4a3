//===- FoldActivations.cpp - nonlinearities into their producers ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters write x * sigmoid(x) for silu; it is named first, then it can
// become part of the primitive that computes x.
//===----------------------------------------------------------------------===//
#include "passes/Fold.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

std::optional<Activation> minnow::getFusedActivation(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Activation>>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp, AddOp, MulOp>(
          [](auto primitive) { return primitive.getActivation(); })
      .Default(std::nullopt);
}

void minnow::setFusedActivation(Operation *op, Activation activation) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp, AddOp, MulOp>(
          [&](auto primitive) { primitive.setActivation(activation); });
}

namespace {

/// act(f(x)) -> f(x) with activation.
struct FuseActivation : OpRewritePattern<ActivateOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ActivateOp op,
                                PatternRewriter &rewriter) const override {
    Operation *producer = op.getInput().getDefiningOp();
    if (!producer || getFusedActivation(producer) != Activation::None)
      return rewriter.notifyMatchFailure(
          op, "the producer of the input takes no activation or has one");
    if (!op.getInput().hasOneUse())
      return rewriter.notifyMatchFailure(
          op, "the value before the activation has other users");
    rewriter.modifyOpInPlace(
        producer, [&] { setFusedActivation(producer, op.getActivation()); });
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

/// x * sigmoid(x) -> silu(x), x * hard_sigmoid(x) -> hard_swish(x).
struct NameGate : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getActivation() != Activation::None)
      return rewriter.notifyMatchFailure(op, "the product has an activation");
    auto [x, gate] = splitGate(op);
    if (!gate)
      return rewriter.notifyMatchFailure(
          op, "no operand is the sigmoid or hard_sigmoid of the other");
    Activation named = gate.getActivation() == Activation::Sigmoid
                           ? Activation::Silu
                           : Activation::HardSwish;
    rewriter.replaceOpWithNewOp<ActivateOp>(op, x, named);
    return success();
  }

private:
  static std::pair<Value, ActivateOp> splitGate(MulOp op) {
    auto isGate = [](ActivateOp gate, Value x) {
      return gate && gate.getInput() == x &&
             (gate.getActivation() == Activation::Sigmoid ||
              gate.getActivation() == Activation::HardSigmoid);
    };
    if (auto gate = op.getRhs().getDefiningOp<ActivateOp>();
        isGate(gate, op.getLhs()))
      return {op.getLhs(), gate};
    if (auto gate = op.getLhs().getDefiningOp<ActivateOp>();
        isGate(gate, op.getRhs()))
      return {op.getRhs(), gate};
    return {};
  }
};

} // namespace

void minnow::populateFoldActivations(RewritePatternSet &patterns) {
  patterns.add<FuseActivation, NameGate>(patterns.getContext());
}
