//===- ProductRounding.cpp - weights of products to 8 bits ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/ProductRounding.h"
#include "dialects/mobile/Quantization.h"
#include "mlir/IR/Threading.h"
#include "passes/IntegerForms.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

/// Biases keep two bits of their 32 for the products.
static constexpr double kLargestBias = 1 << 28;

unsigned ProductRounding::Product::getChannels() const {
  return cast<RankedTensorType>(op->getResult(0).getType()).getShape().back();
}

void ProductRounding::add(Operation *op, bool isUnrounded, AddOp offsets) {
  products.push_back({op, isUnrounded, offsets, {}, {}, {}, {}, nullptr});
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

static FailureOr<std::vector<float>> readFinite(IntegerWeights &weights,
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

LogicalResult ProductRounding::read(IntegerWeights &weights) {
  auto readInto = [&](std::vector<float> &numbers, Value value) {
    auto result = readFinite(weights, value);
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
void ProductRounding::findSources() {
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
std::vector<float>
ProductRounding::getMostFactors(const Product &product) const {
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
void ProductRounding::round(Product &product) {
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

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Gives the names of the weights that are replaced to those that replace them.
void ProductRounding::freeNames() {
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

Type ProductRounding::makeFilterType(const Product &product) const {
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

static std::string getName(Value weight) {
  return weight.getDefiningOp<GetWeightOp>().getWeight().str();
}

static void replace(OpOperand &operand, Value value) {
  Operation *old = operand.get().getDefiningOp();
  operand.set(value);
  if (old->use_empty())
    old->erase();
}

/// The numbers of a sum's channels, which come in turn.
static std::vector<int32_t> toIntegers(ArrayRef<double> numbers,
                                       ArrayRef<double> scales,
                                       unsigned channels) {
  std::vector<int32_t> integers;
  for (auto [i, number] : llvm::enumerate(numbers)) {
    double scale = scales[scales.size() == 1 ? 0 : i % channels];
    integers.push_back(static_cast<int32_t>(std::llrint(number / scale)));
  }
  return integers;
}

void ProductRounding::writeFilter(const Product &product,
                                  IntegerWeights &weights) {
  OpOperand &filter = product.op->getOpOperand(1);
  auto type = cast<RankedTensorType>(filter.get().getType());
  replace(filter,
          weights.create(builder, product.op->getLoc(), getName(filter.get()),
                         ArrayRef<int8_t>(product.rounded.numbers),
                         type.getShape(), makeFilterType(product)));
}

/// A product without bias gets one where rounding moves its mean; `filterName`
/// is what its filter was called.
void ProductRounding::writeBias(const Product &product, StringRef filterName,
                                ArrayRef<double> scales,
                                IntegerWeights &weights) {
  unsigned channels = product.getChannels();
  std::vector<double> numbers(channels);
  for (unsigned c = 0; c < channels; ++c)
    numbers[c] =
        (product.bias.empty() ? 0 : product.bias[c]) - product.rounded.gains[c];
  std::vector<int32_t> bias = toIntegers(numbers, scales, channels);
  auto make = [&](StringRef name) {
    return weights.create(builder, product.op->getLoc(), name,
                          ArrayRef<int32_t>(bias));
  };
  if (product.op->getNumOperands() > 2) {
    OpOperand &operand = product.op->getOpOperand(2);
    replace(operand, make(getName(operand.get())));
    return;
  }
  if (llvm::all_of(bias, [](int32_t each) { return each == 0; }))
    return;
  bool hasSuffix = filterName.consume_back(".weight");
  Value value = make(filterName.str() + (hasSuffix ? ".bias" : ""));
  llvm::TypeSwitch<Operation *>(product.op)
      .Case<Conv2DOp, DepthwiseConv2DOp, LinearOp>(
          [&](auto each) { each.getBiasMutable().assign(value); });
}

void ProductRounding::write(const Product &product, IntegerWeights &weights) {
  Operation *op = product.op;
  builder.setInsertionPoint(op);
  std::string filterName = getName(op->getOperand(1));
  writeFilter(product, weights);
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  auto sum = getSumElement(op->getOperand(0).getType(),
                           op->getOperand(1).getType(), type.getRank() - 1);
  RankedTensorType sumType = type.clone(sum);
  SmallVector<double> scales = getScales(sumType);
  writeBias(product, filterName, scales, weights);
  if (product.isUnrounded)
    op->getResult(0).setType(sumType);
  if (!product.offsets)
    return;
  std::vector<double> numbers(product.offset.begin(), product.offset.end());
  std::vector<int32_t> offset =
      toIntegers(numbers, scales, product.getChannels());
  AddOp add = product.offsets;
  builder.setInsertionPoint(add);
  replace(add->getOpOperand(1),
          weights.create(builder, add.getLoc(), getName(add.getRhs()),
                         ArrayRef<int32_t>(offset), sumType.getShape(), sum));
}

LogicalResult ProductRounding::run() {
  auto module = network->getParentOfType<ModuleOp>();
  if (IntegerWeights weights(module); failed(read(weights)))
    return failure();
  findSources();
  // A depthwise convolution needs the factors of the one before.
  for (bool isDepthwise : {false, true})
    parallelForEach(network.getContext(), products, [&](Product &product) {
      if (isa<DepthwiseConv2DOp>(product.op) == isDepthwise)
        round(product);
    });
  freeNames();
  IntegerWeights weights(module);
  for (const Product &product : products)
    write(product, weights);
  return success();
}
