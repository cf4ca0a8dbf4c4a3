//===- FoldActivations.cpp - nonlinearities into their producers ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters write x * sigmoid(x) for silu, relu6(x + 3) / 6 for hard_sigmoid
// and x / 2 * (1 + erf(x / sqrt(2))) for gelu; they are named first, then they
// can become part of the primitive that computes x.
//===----------------------------------------------------------------------===//
#include "passes/Fold.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

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
    rewriter.replaceOpWithNewOp<ActivateOp>(op, x.getType(), x, named);
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

/// Whether each number of `value` is `expected`, but for rounding.
static bool isWeightOf(Value value, float expected, FoldWeights &weights) {
  auto numbers = weights.read(value);
  return succeeded(numbers) && llvm::all_of(*numbers, [&](float number) {
           return std::fabs(number - expected) <= 1e-6f * expected;
         });
}

/// x, if `value` is relu6(x + 3); null if not.
static Value matchShiftedRelu6(Value value, FoldWeights &weights) {
  Activation activation = Activation::None;
  if (auto activate = value.getDefiningOp<ActivateOp>()) {
    activation = activate.getActivation();
    value = activate.getInput();
  }
  auto add = value.getDefiningOp<AddOp>();
  if (!add)
    return {};
  if (activation == Activation::None)
    activation = add.getActivation();
  else if (add.getActivation() != Activation::None)
    return {};
  bool matches =
      activation == Activation::Relu6 && isWeightOf(add.getRhs(), 3, weights);
  return matches ? add.getLhs() : Value();
}

/// relu6(x + 3) / 6 -> hard_sigmoid(x), x * relu6(x + 3) / 6 -> hard_swish(x).
struct NameHardGate : OpRewritePattern<MulOp> {
  NameHardGate(MLIRContext *context, FoldWeights &weights)
      : OpRewritePattern(context), weights(weights) {}

  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const override {
    auto [x, named] = match(op.getLhs());
    if (!x || op.getActivation() != Activation::None ||
        !isWeightOf(op.getRhs(), 1.0f / 6.0f, weights))
      return rewriter.notifyMatchFailure(
          op, "is no relu6(x + 3), alone or times x, divided by 6");
    rewriter.replaceOpWithNewOp<ActivateOp>(op, x.getType(), x, named);
    return success();
  }

private:
  /// What `value` / 6 is the activation of.
  std::pair<Value, Activation> match(Value value) const {
    if (Value x = matchShiftedRelu6(value, weights))
      return {x, Activation::HardSigmoid};
    auto product = value.getDefiningOp<MulOp>();
    if (!product || product.getActivation() != Activation::None)
      return {};
    Value a = product.getLhs(), b = product.getRhs();
    if (matchShiftedRelu6(b, weights) == a)
      return {a, Activation::HardSwish};
    if (matchShiftedRelu6(a, weights) == b)
      return {b, Activation::HardSwish};
    return {};
  }

  FoldWeights &weights;
};

/// x, if `value` is 1 + erf(x / sqrt(2)); null if not.
static Value matchShiftedErf(Value value, FoldWeights &weights) {
  auto add = value.getDefiningOp<AddOp>();
  if (!add || add.getActivation() != Activation::None ||
      !isWeightOf(add.getRhs(), 1, weights))
    return {};
  auto erf = add.getLhs().getDefiningOp<ActivateOp>();
  if (!erf || erf.getActivation() != Activation::Erf)
    return {};
  auto scaled = erf.getInput().getDefiningOp<MulOp>();
  bool matches = scaled && scaled.getActivation() == Activation::None &&
                 isWeightOf(scaled.getRhs(), float(M_SQRT1_2), weights);
  return matches ? scaled.getLhs() : Value();
}

/// x * 1/2 * (1 + erf(x / sqrt(2))) -> gelu(x), in any order of the factors.
struct NameGelu : OpRewritePattern<MulOp> {
  NameGelu(MLIRContext *context, FoldWeights &weights)
      : OpRewritePattern(context), weights(weights) {}

  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [product, third] : {std::pair(op.getLhs(), op.getRhs()),
                                  std::pair(op.getRhs(), op.getLhs())}) {
      auto inner = product.getDefiningOp<MulOp>();
      if (!inner || inner.getActivation() != Activation::None)
        continue;
      Value x = match({inner.getLhs(), inner.getRhs(), third});
      if (!x || op.getActivation() != Activation::None ||
          x.getType() != op.getType())
        continue;
      rewriter.replaceOpWithNewOp<ActivateOp>(op, x.getType(), x,
                                              Activation::Gelu);
      return success();
    }
    return rewriter.notifyMatchFailure(
        op, "is no product of x, 1/2 and 1 + erf(x / sqrt(2))");
  }

private:
  /// x, if the factors are x, 1/2 and 1 + erf(x / sqrt(2)); null if not.
  Value match(std::array<Value, 3> factors) const {
    auto *gate = llvm::find_if(factors, [&](Value factor) {
      return bool(matchShiftedErf(factor, weights));
    });
    if (gate == factors.end())
      return {};
    Value x = matchShiftedErf(*gate, weights);
    std::swap(*gate, factors[2]);
    if (factors[0] != x)
      std::swap(factors[0], factors[1]);
    return factors[0] == x && isWeightOf(factors[1], 0.5f, weights) ? x
                                                                    : Value();
  }

  FoldWeights &weights;
};

} // namespace

void minnow::populateNameActivations(RewritePatternSet &patterns,
                                     FoldWeights &weights) {
  patterns.add<NameHardGate, NameGelu>(patterns.getContext(), weights);
}

void minnow::populateFoldActivations(RewritePatternSet &patterns) {
  patterns.add<FuseActivation, NameGate>(patterns.getContext());
}
