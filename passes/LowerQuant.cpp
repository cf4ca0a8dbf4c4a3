//===- LowerQuant.cpp - quantized types to storage types ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   %y = conv2d %x, %w bias %b act relu : q8<s_x:z_x>, q8<s_w>, i32 ->
//   q8<s_y:z_y>
// becomes
//   %a = conv2d %x, %w bias %b' zero %z : i8, i8, i32, i8 -> i32
//   %y = requantize %a scale %m by %p : i32, f32, i32 -> i8
//
// with b' = b - z_x * sum(w), m = s_x * s_w / s_y. Scales and zero points
// become numbers of weights, so that kernels of the same shape stay equal.
//===----------------------------------------------------------------------===//
#include "passes/LowerQuant.h"
#include "passes/InlineBlocks.h"
#include "passes/Passes.h"
#include "targets/Target.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;
using namespace minnow::lower_quant;

namespace minnow {
#define GEN_PASS_DEF_LOWERQUANT
#include "passes/Passes.h.inc"
} // namespace minnow

/// Makes a product give its bare sum, and rounds that where it is to be.
template <typename Product>
LogicalResult Lowering::lowerProduct(Product op, Value zero) {
  Type input = getType(op.getInput()), type = getType(op.getResult());
  if (!isQuantizedMap(input))
    return success();
  if (failed(foldZeroPoint(op, input, op.getBiasMutable())))
    return failure();
  auto axis = cast<RankedTensorType>(type).getRank() - 1;
  auto sum = cast<RankedTensorType>(type).clone(
      getSumElement(input, getType(op.getFilter()), axis));
  Activation activation = op.getActivation();
  auto via = op.getPreactivation();
  op.setActivation(Activation::None);
  op.removePreactivationAttr();
  op.getResult().setType(cast<RankedTensorType>(getStorageType(sum)));
  if (zero)
    if constexpr (!std::is_same_v<Product, LinearOp>)
      op.getZeroMutable().assign(zero);
  if (isQuantizedSum(type))
    return success();

  builder.setInsertionPointAfter(op);
  types[op.getResult()] = sum;
  Type rounded = via ? cast<RankedTensorType>(type).clone(*via) : type;
  Value result =
      requantize(op, makeTerm(op.getResult(), rounded), rounded, activation);
  if (!result)
    return failure();
  if (via)
    result = lookUp(op, result, rounded, type, activation);
  types[op.getResult()] = type;
  finish(op, result);
  return success();
}

LogicalResult Lowering::lower(AddOp op) {
  Type type = getType(op.getResult());
  Type lhs = getType(op.getLhs()), rhs = getType(op.getRhs());
  if (!getQuantizedElement(type))
    return success();
  bool isOneSum = isQuantizedSum(lhs) && lhs == rhs;
  if (isOneSum) {
    types[op.getResult()] = lhs;
    op.getResult().setType(cast<RankedTensorType>(getStorageType(lhs)));
    if (isQuantizedSum(type))
      return success();
  }
  builder.setInsertionPointAfter(op);
  SmallVector<Term, 2> terms;
  if (isOneSum)
    terms = {makeTerm(op.getResult(), type)};
  else
    terms = {makeTerm(op.getLhs(), type), makeTerm(op.getRhs(), type)};
  Activation activation = op.getActivation();
  op.setActivation(Activation::None);
  Value result = requantize(op, terms, type, activation);
  if (!result)
    return failure();
  types[op.getResult()] = type;
  finish(op, result);
  if (!isOneSum)
    op.erase();
  return success();
}

/// A map less its zero point, in 32 bits: its average over one position.
Value Lowering::widen(Operation *op, Value map) {
  auto type = cast<RankedTensorType>(map.getType());
  SmallVector<int64_t> ones(2, 1), none(4, 0);
  return Pool2DOp::create(builder, op->getLoc(),
                          type.clone(builder.getI32Type()), PoolKind::Average,
                          map, makeZero(op, getType(map)), ones, ones, none,
                          /*count_pad=*/false);
}

/// The product of both less their zero points, which is exact, rounded.
LogicalResult Lowering::lower(MulOp op) {
  Type type = getType(op.getResult());
  if (!getQuantizedElement(type))
    return success();
  float scale = getScale(getType(op.getLhs())) * getScale(getType(op.getRhs()));
  Value lhs = widen(op, op.getLhs()), rhs = widen(op, op.getRhs());
  auto product = MulOp::create(builder, op->getLoc(), lhs.getType(), lhs, rhs,
                               mobile::Activation::None);
  Value result = requantize(op, Term{product, {scale / getScale(type)}, 0},
                            type, op.getActivation());
  if (!result)
    return failure();
  types[result] = type;
  op.getResult().replaceAllUsesWith(result);
  op.erase();
  return success();
}

LogicalResult Lowering::lower(Pool2DOp op) {
  Type type = getType(op.getResult()), input = getType(op.getInput());
  if (!isQuantizedMap(input))
    return success();
  if (op.getKind() == PoolKind::Max) {
    op.getResult().setType(cast<RankedTensorType>(getStorageType(type)));
    return success();
  }
  op.getZeroMutable().assign(makeZero(op, input));
  op.getResult().setType(
      cast<RankedTensorType>(type).clone(builder.getI32Type()));
  builder.setInsertionPointAfter(op);
  float count = op.getWindow()[0] * op.getWindow()[1];
  Term term{op.getResult(), {getScale(input) / (getScale(type) * count)}, 0};
  Value result = requantize(op, term, type);
  if (!result)
    return failure();
  finish(op, result);
  return success();
}

/// The parameters of an attention in each form, as its description says.
LogicalResult Lowering::lower(AttentionOp op) {
  Type type = getType(op.getResult());
  if (!getQuantizedElement(type))
    return success();
  double logits = getScales(getType(op.getQuery()))[0] *
                  getScales(getType(op.getKey()))[0] *
                  op.getScale().convertToDouble();
  double values = getScales(getType(op.getValue()))[0] / getScales(type)[0];
  auto create = [&](StringRef suffix, auto numbers) {
    return weights.create(builder, op->getLoc(), nameBeside(op, suffix),
                          ArrayRef(numbers));
  };
  int shift = 0;
  SmallVector<Value, 3> operands;
  if (form == RequantizeForm::Float) {
    operands.push_back(create(
        "scales", SmallVector<float>{float(logits * M_LOG2E), float(values)}));
  } else {
    for (shift = 7; shift >= 0; --shift)
      if (std::ldexp(values, 24 + shift) < 2147483647.0)
        break;
    double index = std::ldexp(logits * 40, 31);
    if (shift < 0 || index >= 2147483647.0)
      return op->emitOpError("the scales of its operands are too large for "
                             "fixed-point arithmetic");
    operands.push_back(
        create("multipliers",
               SmallVector<int32_t>{
                   int32_t(std::llround(index)),
                   int32_t(std::llround(std::ldexp(values, 24 + shift)))}));
  }
  auto [low, high] = getStorageRange(type);
  operands.push_back(
      create("rounding",
             SmallVector<int32_t>{int32_t(getZeroPoint(type)), int32_t(low),
                                  int32_t(high), 0, 0, shift}));
  if (form == RequantizeForm::Fixed) {
    SmallVector<int8_t> table;
    for (int i = 0; i < 256; ++i)
      table.push_back(
          static_cast<int8_t>(std::lround(255 * std::exp(-i / 40.0))));
    operands.push_back(create("exponentials", table));
  }
  op.getParametersMutable().assign(operands);
  op.getResult().setType(cast<RankedTensorType>(getStorageType(type)));
  return success();
}

LogicalResult Lowering::lower(ActivateOp op) {
  Type from = getType(op.getInput()), to = getType(op.getResult());
  if (!getQuantizedElement(from))
    return success();
  builder.setInsertionPointAfter(op);
  finish(op, lookUp(op, op.getInput(), from, to, op.getActivation()));
  op.erase();
  return success();
}

LogicalResult Lowering::lower(PadOp op) {
  Type type = getType(op.getInput());
  if (!getQuantizedElement(type))
    return success();
  op.getZeroMutable().assign(makeZero(op, type));
  op.getResult().setType(cast<RankedTensorType>(getStorageType(type)));
  return success();
}

LogicalResult Lowering::lower(Operation *op) {
  builder.setInsertionPoint(op);
  auto product = [&](auto conv) {
    bool isPadded =
        llvm::any_of(conv.getPad(), [](int64_t size) { return size != 0; });
    bool needsZero = isPadded && isQuantizedMap(getType(conv.getInput()));
    return lowerProduct(
        conv, needsZero ? makeZero(conv, getType(conv.getInput())) : Value());
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp>(product)
      .Case([&](LinearOp linear) { return lowerProduct(linear, {}); })
      .Case<AddOp, MulOp, Pool2DOp, AttentionOp, QuantizeOp, DequantizeOp,
            ActivateOp, PadOp>([&](auto each) { return lower(each); })
      .Default([&](Operation *other) {
        for (OpResult result : other->getResults())
          result.setType(getStorageType(result.getType()));
        return success();
      });
}

LogicalResult Lowering::run() {
  inlineBlocks(function);
  Block &body = function.getBody().front();
  auto remember = [&](Value value) {
    if (getQuantizedElement(value.getType()))
      types[value] = value.getType();
  };
  for (BlockArgument argument : body.getArguments())
    if (getQuantizedElement(argument.getType())) {
      function.setArgAttr(
          argument.getArgNumber(), kQuantizedAttrName,
          TypeAttr::get(getQuantizedElement(argument.getType())));
      remember(argument);
    }
  for (OpOperand &result : body.getTerminator()->getOpOperands())
    if (auto element = getQuantizedElement(result.get().getType()))
      function.setResultAttr(result.getOperandNumber(), kQuantizedAttrName,
                             TypeAttr::get(element));
  for (Operation &op : body)
    llvm::for_each(op.getResults(), remember);
  for (BlockArgument argument : body.getArguments())
    argument.setType(getStorageType(argument.getType()));
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
    if (failed(lower(&op)))
      return failure();
  function.setFunctionType(builder.getFunctionType(
      body.getArgumentTypes(), body.getTerminator()->getOperandTypes()));
  return success();
}

namespace {

struct LowerQuant : minnow::impl::LowerQuantBase<LowerQuant> {
  using LowerQuantBase::LowerQuantBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = createTarget(module);
    if (!target)
      return signalPassFailure();
    IntegerWeights weights(module);
    RequantizeForm form = target->getRequantizeForm();
    bool edges = quantizedEdges || form == RequantizeForm::Fixed;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (!isQuantized(function)) {
        if (form == RequantizeForm::Fixed && hasFloats(function)) {
          function.emitError("the network has numbers in f32: the machine "
                             "computes in integers; compile with --precision "
                             "int8 --calibrate DIR");
          return signalPassFailure();
        }
        continue;
      }
      if (failed(Lowering(function, form, edges, weights).run()))
        return signalPassFailure();
    }
    weights.eraseUnused();
  }

  static bool hasFloats(func::FuncOp function) {
    return llvm::any_of(function.getArgumentTypes(), [](Type type) {
      return cast<ShapedType>(type).getElementType().isF32();
    });
  }

  /// A network in f32 keeps its blocks.
  static bool isQuantized(func::FuncOp function) {
    WalkResult result = function.walk([](Operation *op) {
      bool quantized = llvm::any_of(op->getResultTypes(), [](Type type) {
        return bool(getQuantizedElement(type));
      });
      return quantized ? WalkResult::interrupt() : WalkResult::advance();
    });
    return result.wasInterrupted();
  }
};

} // namespace
