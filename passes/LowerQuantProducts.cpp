//===- LowerQuantProducts.cpp - products of bytes -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   b' = b - z_x * sum(w)
//
// and what the sums of a product may reach, which decides how they are rounded.
//===----------------------------------------------------------------------===//
#include "passes/LowerQuant.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;
using namespace minnow::lower_quant;

/// The numbers of a product; their channels are the last dimension.
struct Lowering::ProductNumbers {
  std::vector<int8_t> filter;
  std::vector<int32_t> bias;

  size_t getNumChannels() const { return bias.size(); }
  /// The largest magnitude of a channel's sum of inputs up to `largest`, and
  /// the sum of its weights.
  std::pair<int64_t, int64_t> getReach(size_t channel, int64_t largest) const {
    int64_t most = std::abs(int64_t(bias[channel])), sum = 0;
    for (size_t i = channel; i < filter.size(); i += getNumChannels()) {
      most += std::abs(int(filter[i])) * largest;
      sum += filter[i];
    }
    return {most, sum};
  }
  /// The largest sum of a channel of inputs from `low` to `high`.
  int64_t getTop(size_t channel, int64_t low, int64_t high) const {
    int64_t top = bias[channel];
    for (size_t i = channel; i < filter.size(); i += getNumChannels())
      top += std::max(filter[i] * low, filter[i] * high);
    return top;
  }
  /// Divides the numbers of a channel by two, rounded.
  void halve(size_t channel) {
    for (size_t i = channel; i < filter.size(); i += getNumChannels())
      filter[i] = roundEven(filter[i] / 2.0);
    bias[channel] = roundEven(bias[channel] / 2.0);
  }
};

FailureOr<Lowering::ProductNumbers>
Lowering::readNumbers(Operation *op, MutableOperandRange bias) {
  auto filter = weights.read<int8_t>(op->getOperand(1));
  if (failed(filter))
    return failure();
  size_t channels =
      cast<RankedTensorType>(op->getOperand(1).getType()).getShape().back();
  ProductNumbers numbers{std::move(*filter), std::vector<int32_t>(channels, 0)};
  if (bias.empty())
    return numbers;
  auto read = weights.read<int32_t>(bias[0].get());
  if (failed(read))
    return failure();
  numbers.bias = std::move(*read);
  return numbers;
}

/// Replaces the filter of `op` by `numbers`, of which each channel is divided
/// by 2^halvings.
void Lowering::replaceFilter(Operation *op, ArrayRef<int8_t> numbers,
                             ArrayRef<int> halvings) {
  auto type = cast<RankedTensorType>(getType(op->getOperand(1)));
  SmallVector<double> scales = getScales(type);
  scales.resize(halvings.size(), scales[0]);
  for (auto [scale, count] : llvm::zip(scales, halvings))
    scale = std::ldexp(scale, count);
  quant::QuantizedType old = getQuantizedElement(type);
  auto element = quant::UniformQuantizedPerAxisType::get(
      old.getFlags(), old.getStorageType(), old.getExpressedType(), scales,
      SmallVector<int64_t>(scales.size(), 0), type.getRank() - 1,
      old.getStorageTypeMin(), old.getStorageTypeMax());
  auto get = op->getOperand(1).getDefiningOp<GetWeightOp>();
  Value filter = weights.create(builder, op->getLoc(), get.getWeight(), numbers,
                                type.getShape());
  types[filter] = type.clone(element);
  op->setOperand(1, filter);
}

/// Gives `op` the bias b - z * sum(w). A channel whose sum could leave its
/// bits, as a large bias beside a filter of nearly nothing makes it, is
/// computed on a coarser scale.
LogicalResult Lowering::foldZeroPoint(Operation *op, Type input,
                                      MutableOperandRange biasOperand) {
  auto numbers = readNumbers(op, biasOperand);
  if (failed(numbers))
    return failure();
  std::string name = nameBeside(op, "bias");
  int64_t zero = getZeroPoint(input);
  auto [low, high] = getStorageRange(input);
  int64_t largest = std::max(high - zero, zero - low);
  int64_t limit = int64_t(1) << (form == RequantizeForm::Fixed ? 29 : 31);
  SmallVector<int> halvings(numbers->getNumChannels(), 0);
  for (auto [c, count] : llvm::enumerate(halvings)) {
    auto [most, sum] = numbers->getReach(c, largest);
    for (; most >= limit && numbers->bias[c] != 0; ++count) {
      numbers->halve(c);
      std::tie(most, sum) = numbers->getReach(c, largest);
    }
    if (most >= limit || (count && isQuantizedSum(getType(op->getResult(0)))))
      return op->emitOpError("the sum of channel ")
             << c << " could be more than its 32 bits hold; its bias is too "
             << "large for the scales of input and filter";
    bool isNear = most < int64_t(1) << 30;
    int64_t &top = tops[op->getResult(0)];
    top = std::max(top,
                   isNear ? numbers->getTop(c, low - zero, high - zero) : most);
    numbers->bias[c] -= zero * sum;
    reaches[op->getResult(0)].push_back(most);
  }
  if (llvm::any_of(halvings, [](int count) { return count != 0; }))
    replaceFilter(op, numbers->filter, halvings);
  biasOperand.assign(weights.create(builder, op->getLoc(), name,
                                    ArrayRef<int32_t>(numbers->bias)));
  return success();
}
