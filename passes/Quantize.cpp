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
#include "mlir/IR/Threading.h"
#include "passes/Activations.h"
#include "passes/InlineBlocks.h"
#include "passes/IntegerWeights.h"
#include "passes/Passes.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace minnow {
#define GEN_PASS_DEF_QUANTIZE
#include "passes/Passes.h.inc"
} // namespace minnow

/// Biases keep two bits of their 32 for the products.
static constexpr double kLargestBias = 1 << 28;

//===----------------------------------------------------------------------===//
// What has an integer form
//===----------------------------------------------------------------------===//

static bool isWeight(Value value) {
  return value.getDefiningOp<GetWeightOp>() != nullptr;
}

/// Whether `op` is a product with weights.
static bool isProduct(Operation *op) {
  return isa<Conv2DOp, DepthwiseConv2DOp, LinearOp>(op) &&
         llvm::all_of(llvm::drop_begin(op->getOperands()), isWeight);
}

static Activation getActivation(Operation *product) {
  auto attribute = product->getAttrOfType<ActivationAttr>("activation");
  return attribute ? attribute.getValue() : Activation::None;
}

/// Whether nobody but one operation reads the result of the product `op`, and
/// it has no activation: it need not be rounded before.
static bool isBareSum(Operation *op) {
  return op && isProduct(op) && op->hasOneUse() &&
         getActivation(op) == Activation::None;
}

/// The product whose sum goes into `add` unrounded; null if there is none.
static Operation *getBareSum(AddOp add) {
  for (Value operand : add.getOperands())
    if (isBareSum(operand.getDefiningOp()))
      return operand.getDefiningOp();
  return nullptr;
}

/// A weight of the whole map's shape, which is added to a bare sum: the offsets
/// of keys and values.
static bool addsOffsets(AddOp add) {
  return isWeight(add.getRhs()) && isBareSum(add.getLhs().getDefiningOp());
}

static bool hasIntegerForm(AddOp add) {
  return add.getLhs().getType().getShape() ==
             add.getRhs().getType().getShape() &&
         add.getActivation() <= Activation::Relu6 && !isWeight(add.getLhs()) &&
         (!isWeight(add.getRhs()) || addsOffsets(add));
}

/// Of two maps, of which the second may be one factor a channel.
static bool hasIntegerForm(MulOp mul) {
  return mul.getLhs().getType().getRank() == 4 &&
         mul.getRhs().getType().getRank() == 4 &&
         mul.getActivation() <= Activation::Relu6 && !isWeight(mul.getLhs()) &&
         !isWeight(mul.getRhs());
}

static bool hasIntegerForm(Pool2DOp pool) {
  bool isPadded =
      llvm::any_of(pool.getPad(), [](int64_t size) { return size != 0; });
  return pool.getKind() == PoolKind::Max || !isPadded || pool.getCountPad();
}

/// Whether `op` computes on 8 bits if its operands are of 8 bits.
static bool hasIntegerForm(Operation *op) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp>(isProduct)
      .Case<AddOp, MulOp, Pool2DOp>(
          [](auto each) { return hasIntegerForm(each); })
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

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

namespace {

/// A product that is to be quantized. Its weights in f32, then rounded.
struct Product {
  Operation *op;
  bool isUnrounded; // its result is a sum
  AddOp offsets;    // of keys and values, added to that sum
  std::vector<float> filter, bias, offset;
  RoundedFilter rounded;
  const Product *source = nullptr; // of a depthwise one: what makes its input

  unsigned getChannels() const {
    return cast<RankedTensorType>(op->getResult(0).getType()).getShape().back();
  }
};

class Quantization {
public:
  Quantization(func::FuncOp network, const QuantizationOptions &options,
               const Calibration *calibration)
      : network(network), options(options), calibration(calibration),
        builder(network.getContext()) {}
  FailureOr<QuantizationReport> run();

private:
  // Types.
  LogicalResult assign(Block &block);
  LogicalResult assign(Operation *op);
  LogicalResult assignBlock(Operation *op);
  LogicalResult assignProduct(Operation *op);
  LogicalResult keepFloat(Operation *op);
  LogicalResult takeMaps(Operation *op);
  FailureOr<Value> getMap(Value value);
  FailureOr<quant::QuantizedType> getElement(Value value);
  LogicalResult setMapType(Value value);

  // Weights.
  LogicalResult readWeights();
  FailureOr<std::vector<float>> read(IntegerWeights &weights, Value value);
  void findSources();
  std::vector<float> getMostFactors(Product &product) const;
  void round(Product &product);
  void freeNames();
  void write(Product &product, IntegerWeights &weights);
  Type makeFilterType(Product &product) const;

  func::FuncOp network;
  const QuantizationOptions &options;
  const Calibration *calibration;
  OpBuilder builder;
  DenseMap<Value, Value> quantized; // what a value in f32 is in 8 bits
  std::vector<Product> products;
  QuantizationReport report;
};

} // namespace

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

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
  Product product{op, false, {}, {}, {}, {}, {}};
  if (isBareSum(op))
    if (auto add = dyn_cast<AddOp>(*op->getUsers().begin()))
      if (hasIntegerForm(add) && getBareSum(add) == op) {
        product.isUnrounded = true;
        if (addsOffsets(add))
          product.offsets = add;
      }
  products.push_back(product);
  if (product.isUnrounded)
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
  if (isProduct(op))
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

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

FailureOr<std::vector<float>> Quantization::read(IntegerWeights &weights,
                                                 Value value) {
  auto numbers = weights.read<float>(value);
  if (failed(numbers))
    return failure();
  for (auto [i, number] : llvm::enumerate(*numbers))
    if (!std::isfinite(number))
      return emitError(value.getLoc(), "weight '")
             << value.getDefiningOp<GetWeightOp>().getWeight()
             << "' holds NaN or infinity (element " << i
             << "); quantization needs finite numbers";
  return numbers;
}

LogicalResult Quantization::readWeights() {
  IntegerWeights weights(network->getParentOfType<ModuleOp>());
  auto readInto = [&](std::vector<float> &numbers, Value value) {
    auto result = read(weights, value);
    if (succeeded(result))
      numbers = std::move(*result);
    return result;
  };
  bool isGood = true;
  for (Product &product : products) {
    isGood &= succeeded(readInto(product.filter, product.op->getOperand(1)));
    if (product.op->getNumOperands() > 2)
      isGood &= succeeded(readInto(product.bias, product.op->getOperand(2)));
    if (product.offsets)
      isGood &= succeeded(readInto(product.offset, product.offsets.getRhs()));
  }
  return success(isGood);
}

/// Which convolution's map goes into which depthwise one and nowhere else, so
/// that its channels may change their size on the way: relu (x / s) is
/// relu(x) / s, if no bound is reached.
void Quantization::findSources() {
  DenseMap<Operation *, const Product *> convolutions;
  for (Product &product : products)
    if (isa<Conv2DOp>(product.op))
      convolutions[product.op] = &product;
  for (Product &product : products)
    if (isa<DepthwiseConv2DOp>(product.op))
      if (Value map = getOnlySource(product.op->getOperand(0)))
        product.source = convolutions.lookup(map.getDefiningOp());
}

/// How many times as large the channels of the map may become before they leave
/// its range or reach the bound of relu6.
std::vector<float> Quantization::getMostFactors(Product &product) const {
  Value map = product.op->getResult(0);
  Activation activation = getActivation(product.op);
  bool isFree = llvm::any_of(
      products, [&](const Product &other) { return other.source == &product; });
  if (!calibration || !options.equalize || !isFree ||
      (activation != Activation::Relu && activation != Activation::Relu6))
    return {};
  auto type =
      cast<quant::UniformQuantizedType>(getQuantizedElement(map.getType()));
  double high = (127 - type.getZeroPoint()) * type.getScale();
  std::vector<float> factors;
  for (float largest : calibration->getLargest(map)) {
    bool isBounded = activation == Activation::Relu6 && largest >= 6;
    factors.push_back(isBounded || largest == 0 ? 0 : high / largest);
  }
  return factors;
}

/// Rounds the filter; for many products at once. One behind a convolution that
/// is rounded with factors takes them back, and what calibration has seen of
/// its input is of the size before.
void Quantization::round(Product &product) {
  unsigned channels = product.getChannels();
  double scale = getScales(product.op->getOperand(0).getType())[0];
  ArrayRef<float> before;
  if (product.source)
    before = product.source->rounded.factors;
  for (auto [i, weight] : llvm::enumerate(product.filter))
    if (!before.empty())
      weight /= before[i % channels];
  std::vector<double> least(channels, 0);
  for (auto [i, number] : llvm::enumerate(product.bias))
    least[i] = std::abs(number);
  std::vector<double> offset(channels, 0);
  for (auto [i, number] : llvm::enumerate(product.offset))
    offset[i % channels] =
        std::max<double>(offset[i % channels], std::abs(number));
  for (unsigned c = 0; c < channels; ++c)
    least[c] = (least[c] + offset[c]) / (scale * kLargestBias);
  std::vector<float> most = getMostFactors(product);
  product.rounded =
      roundFilter(product.filter, channels,
                  calibration ? calibration->getMoments(product.op) : nullptr,
                  least, {options.perChannel, scale * scale / 12, most});
  for (auto [i, gain] : llvm::enumerate(product.rounded.gains))
    gain *= before.empty() ? 1 : before[i];
  for (auto [i, factor] : llvm::enumerate(product.rounded.factors)) {
    product.rounded.gains[i] *= factor;
    if (!product.bias.empty())
      product.bias[i] *= factor;
  }
}

/// Gives the names of the weights that are replaced to those that replace them.
void Quantization::freeNames() {
  auto module = network->getParentOfType<ModuleOp>();
  SymbolTable symbols(module);
  llvm::StringSet<> needed;
  llvm::DenseSet<Operation *> replacing;
  for (Product &product : products) {
    replacing.insert(product.op);
    if (product.offsets)
      replacing.insert(product.offsets);
  }
  module.walk([&](GetWeightOp get) {
    for (Operation *user : get->getUsers())
      if (!replacing.contains(user))
        needed.insert(get.getWeight());
  });
  for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    if (!needed.contains(weight.getSymName()))
      symbols.erase(weight);
}

Type Quantization::makeFilterType(Product &product) const {
  auto type = cast<RankedTensorType>(product.op->getOperand(1).getType());
  auto storage = IntegerType::get(type.getContext(), 8);
  auto expressed = Float32Type::get(type.getContext());
  SmallVector<double> scales(product.rounded.scales.begin(),
                             product.rounded.scales.end());
  if (!options.perChannel)
    return quant::UniformQuantizedType::get(quant::QuantizationFlags::Signed,
                                            storage, expressed, scales[0], 0,
                                            -127, 127);
  return quant::UniformQuantizedPerAxisType::get(
      quant::QuantizationFlags::Signed, storage, expressed, scales,
      SmallVector<int64_t>(scales.size(), 0), type.getRank() - 1, -127, 127);
}

void Quantization::write(Product &product, IntegerWeights &weights) {
  Operation *op = product.op;
  unsigned channels = product.getChannels();
  builder.setInsertionPoint(op);
  auto nameOf = [](Value value) {
    return value.getDefiningOp<GetWeightOp>().getWeight().str();
  };
  auto replace = [](OpOperand &operand, Value value) {
    Operation *old = operand.get().getDefiningOp();
    operand.set(value);
    if (old->use_empty())
      old->erase();
  };
  std::string name = nameOf(op->getOperand(1));
  auto filterType = cast<RankedTensorType>(op->getOperand(1).getType());
  replace(op->getOpOperand(1),
          weights.create(builder, op->getLoc(), name,
                         ArrayRef<int8_t>(product.rounded.numbers),
                         filterType.getShape(), makeFilterType(product)));
  auto sum = getSumElement(
      op->getOperand(0).getType(), op->getOperand(1).getType(),
      cast<RankedTensorType>(op->getResult(0).getType()).getRank() - 1);
  auto sumType = cast<RankedTensorType>(op->getResult(0).getType()).clone(sum);
  SmallVector<double> scales = getScales(sumType);
  auto toInteger = [&](double number, unsigned channel) {
    double scale = scales[scales.size() == 1 ? 0 : channel];
    return static_cast<int32_t>(std::llrint(number / scale));
  };
  std::vector<int32_t> bias(channels);
  for (unsigned c = 0; c < channels; ++c)
    bias[c] = toInteger((product.bias.empty() ? 0 : product.bias[c]) -
                            product.rounded.gains[c],
                        c);
  bool hasBias = op->getNumOperands() > 2;
  if (hasBias || llvm::any_of(bias, [](int32_t each) { return each; })) {
    std::string biasName = name;
    if (hasBias)
      biasName = nameOf(op->getOperand(2));
    else if (StringRef(biasName).ends_with(".weight"))
      biasName = biasName.substr(0, biasName.size() - 6) + "bias";
    Value value = weights.create(builder, op->getLoc(), biasName,
                                 ArrayRef<int32_t>(bias));
    if (hasBias)
      replace(op->getOpOperand(2), value);
    else
      llvm::TypeSwitch<Operation *>(op)
          .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp>(
              [&](auto each) { each.getBiasMutable().assign(value); });
  }
  if (!product.isUnrounded)
    return;
  op->getResult(0).setType(sumType);
  if (!product.offsets)
    return;
  std::vector<int32_t> offset;
  for (auto [i, number] : llvm::enumerate(product.offset))
    offset.push_back(toInteger(number, i % channels));
  builder.setInsertionPoint(product.offsets);
  replace(product.offsets->getOpOperand(1),
          weights.create(builder, product.offsets.getLoc(),
                         nameOf(product.offsets.getRhs()),
                         ArrayRef<int32_t>(offset), sumType.getShape(), sum));
}

FailureOr<QuantizationReport> Quantization::run() {
  Block &body = network.getBody().front();
  if (isQuantized(network))
    return network.emitError("the network is quantized already; leave out "
                             "the calibration");
  if (failed(assign(body)) || failed(readWeights()))
    return failure();
  findSources();
  // A depthwise convolution needs the factors of the one before.
  for (bool isDepthwise : {false, true})
    parallelForEach(network.getContext(), products, [&](Product &product) {
      if (isa<DepthwiseConv2DOp>(product.op) == isDepthwise)
        round(product);
    });
  freeNames();
  IntegerWeights weights(network->getParentOfType<ModuleOp>());
  for (Product &product : products)
    write(product, weights);
  network.walk([](Operation *op) { op->removeAttr(kRangeAttrName); });
  for (unsigned i = 0; i < network.getNumArguments(); ++i)
    network.removeArgAttr(i, kRangeAttrName);
  report.products = products.size();
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
