//===- Quantize.cpp - networks in f32 to 8 bits ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   %p = conv2d %x, %w bias %b {range [l, h]} : f32
// becomes
//   %p = conv2d %x, %w' bias %b' : q8<s_x:z_x>, q8<s_w[c]>, i32 -> q8<s:z>
//
// Types are assigned in the order of the network, then all filters are rounded
// at once, then weights are written.
//===----------------------------------------------------------------------===//
#include "passes/Quantize.h"
#include "dialects/mobile/Blocks.h"
#include "dialects/mobile/Quantization.h"
#include "passes/Activations.h"
#include "passes/InlineBlocks.h"
#include "passes/IntegerForms.h"
#include "passes/Passes.h"
#include "passes/ProductRounding.h"
#include <cmath>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace minnow {
#define GEN_PASS_DEF_QUANTIZE
#include "passes/Passes.h.inc"
} // namespace minnow

bool minnow::isQuantized(func::FuncOp network) {
  WalkResult found = network.walk([](Operation *op) {
    return llvm::any_of(
               op->getResultTypes(),
               [](Type type) { return bool(getQuantizedElement(type)); })
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
  return found.wasInterrupted();
}

namespace {

/// Assigns types in the order of the network.
class Quantization {
public:
  Quantization(func::FuncOp network, const QuantizationOptions &options,
               const Calibration *calibration)
      : network(network), rounding(network, options, calibration),
        builder(network.getContext()) {}
  FailureOr<QuantizationReport> run();

private:
  LogicalResult assign(Block &block);
  LogicalResult assign(Operation *op);
  LogicalResult assignBlock(Operation *op);
  LogicalResult assignProduct(Operation *op);
  LogicalResult keepFloat(Operation *op);
  LogicalResult takeMaps(Operation *op);
  FailureOr<Value> getMap(Value value);
  FailureOr<quant::QuantizedType> getElement(Value value);
  LogicalResult setMapType(Value value);

  func::FuncOp network;
  ProductRounding rounding;
  OpBuilder builder;
  DenseMap<Value, Value> quantized; // what a value in f32 is in 8 bits
  QuantizationReport report;
};

} // namespace

/// By the range that calibration has seen.
FailureOr<quant::QuantizedType> Quantization::getElement(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto range = argument
                   ? network.getArgAttrOfType<DenseF64ArrayAttr>(
                         argument.getArgNumber(), kRangeAttrName)
                   : value.getDefiningOp()->getAttrOfType<DenseF64ArrayAttr>(
                         kRangeAttrName);
  if (!range || range.size() != 2 || !std::isfinite(range[0]) ||
      !std::isfinite(range[1]))
    return emitError(value.getLoc(), "has no `mobile.range` of two numbers; "
                                     "calibrate the network first");
  ScaleAndZero numbers =
      getScaleAndZero({range[0], range[1]}, needsSymmetry(value));
  return getMapElement(value.getContext(), numbers.scale, numbers.zeroPoint);
}

LogicalResult Quantization::setMapType(Value value) {
  auto element = getElement(value);
  if (failed(element))
    return failure();
  value.setType(cast<RankedTensorType>(value.getType()).clone(*element));
  return success();
}

/// `value` in 8 bits, quantized where it is made if it is f32.
FailureOr<Value> Quantization::getMap(Value value) {
  if (isQuantizedMap(value.getType()))
    return value;
  if (Value known = quantized.lookup(value))
    return known;
  auto element = getElement(value);
  if (failed(element))
    return failure();
  builder.setInsertionPointAfterValue(value);
  auto type = cast<RankedTensorType>(value.getType()).clone(*element);
  return quantized[value] =
             QuantizeOp::create(builder, value.getLoc(), type, value)
                 .getResult();
}

/// Makes all computed operands of `op` maps in 8 bits, but the sums that it
/// takes unrounded.
LogicalResult Quantization::takeMaps(Operation *op) {
  Operation *bare = isa<AddOp>(op) ? getBareSum(cast<AddOp>(op)) : nullptr;
  for (OpOperand &operand : op->getOpOperands()) {
    Operation *maker = operand.get().getDefiningOp();
    if (isWeight(operand.get()) || (maker && maker == bare))
      continue;
    FailureOr<Value> map = getMap(operand.get());
    if (failed(map))
      return failure();
    operand.set(*map);
  }
  return success();
}

LogicalResult Quantization::keepFloat(Operation *op) {
  bool isComputing =
      !isa<func::ReturnOp, GetWeightOp>(op) && !movesElements(op);
  if (isComputing)
    report.floats.push_back((op->getName().getStringRef() + " in '" +
                             getLayerName(op->getLoc()) + "'")
                                .str());
  builder.setInsertionPoint(op);
  for (OpOperand &operand : op->getOpOperands())
    if (isQuantizedMap(operand.get().getType())) {
      auto type = cast<RankedTensorType>(operand.get().getType());
      operand.set(DequantizeOp::create(builder, operand.get().getLoc(),
                                       type.clone(builder.getF32Type()),
                                       operand.get(), Value(), Value()));
    }
  return success();
}

/// The type in which a sum is rounded before an activation that is a table:
/// from where the activation leaves its limit on the left by half a step, to
/// where it reaches the end of `result`'s range.
static quant::QuantizedType getPreactivation(Activation activation,
                                             quant::QuantizedType result) {
  auto type = cast<quant::UniformQuantizedType>(result);
  double limit = evaluateActivation(activation, -100);
  double most = (127 - type.getZeroPoint()) * type.getScale();
  minnow::Range range;
  for (double x = -20; x < 0 && range.low == 0; x += 1.0 / 16)
    if (std::abs(evaluateActivation(activation, x) - limit) >
        type.getScale() / 2)
      range.low = x;
  // All of them grow from 0 on.
  double high = 1;
  while (high < 1e6 && evaluateActivation(activation, high) < most &&
         (high < 16 || evaluateActivation(activation, high) >
                           evaluateActivation(activation, high / 2)))
    high *= 1.0625;
  range.high = high;
  ScaleAndZero numbers = getScaleAndZero(range);
  return getMapElement(result.getContext(), numbers.scale, numbers.zeroPoint);
}

LogicalResult Quantization::assignProduct(Operation *op) {
  AddOp add = getAddOfBareSum(op);
  rounding.add(op, add != nullptr, add && addsOffsets(add) ? add : AddOp());
  if (add)
    return success();
  if (failed(setMapType(op->getResult(0))))
    return failure();
  Activation activation = getActivation(op);
  if (activation > Activation::Relu6)
    op->setAttr(
        "preactivation",
        TypeAttr::get(getPreactivation(
            activation, getQuantizedElement(op->getResult(0).getType()))));
  return success();
}

LogicalResult Quantization::assignBlock(Operation *op) {
  Region &body = op->getRegion(0);
  body.getArgument(0).setType(op->getOperand(0).getType());
  if (failed(assign(body.front())))
    return failure();
  op->getResult(0).setType(
      body.front().getTerminator()->getOperand(0).getType());
  return success();
}

LogicalResult Quantization::assign(Operation *op) {
  if (isa<GetWeightOp, YieldOp>(op))
    return success();
  // Without work on 8 bits before them these are cheaper as they are.
  bool follows = movesElements(op) || isa<ActivateOp>(op);
  if (!hasIntegerForm(op) ||
      (follows && !isQuantizedMap(op->getOperand(0).getType())))
    return keepFloat(op);
  if (failed(takeMaps(op)))
    return failure();
  if (isBlock(op))
    return assignBlock(op);
  if (isWeightedProduct(op))
    return assignProduct(op);
  if (!movesElements(op))
    return setMapType(op->getResult(0));
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  op->getResult(0).setType(
      type.clone(getQuantizedElement(op->getOperand(0).getType())));
  return success();
}

LogicalResult Quantization::assign(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block))
    if (failed(assign(&op)))
      return failure();
  return success();
}

FailureOr<QuantizationReport> Quantization::run() {
  Block &body = network.getBody().front();
  if (isQuantized(network))
    return network.emitError("the network is quantized already; leave out "
                             "the calibration");
  if (failed(assign(body)) || failed(rounding.run()))
    return failure();
  network.walk([](Operation *op) { op->removeAttr(kRangeAttrName); });
  for (unsigned i = 0; i < network.getNumArguments(); ++i)
    network.removeArgAttr(i, kRangeAttrName);
  report.products = rounding.getNumProducts();
  return report;
}

FailureOr<QuantizationReport>
minnow::quantizeNetwork(func::FuncOp network,
                        const QuantizationOptions &options,
                        const Calibration *calibration) {
  return Quantization(network, options, calibration).run();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

struct Quantize : minnow::impl::QuantizeBase<Quantize> {
  using QuantizeBase::QuantizeBase;

  void runOnOperation() override {
    QuantizationOptions options;
    options.perChannel = !perTensor;
    for (auto network : getOperation().getOps<func::FuncOp>())
      if (failed(quantizeNetwork(network, options, nullptr)))
        return signalPassFailure();
  }
};

} // namespace
