//===- Calibration.cpp - what a network's values are like -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/Calibration.h"
#include "dialects/mobile/Blocks.h"
#include "dialects/mobile/Mobile.h"
#include "passes/InlineBlocks.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

/// What `value` is on the other side of a block's edge; null if it is at none.
static Value crossEdge(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *parent = argument.getOwner()->getParentOp();
    return isBlock(parent) ? parent->getOperand(argument.getArgNumber())
                           : Value();
  }
  Operation *maker = value.getDefiningOp();
  return isBlock(maker)
             ? maker->getRegion(0).front().getTerminator()->getOperand(
                   cast<OpResult>(value).getResultNumber())
             : Value();
}

Value minnow::getSource(Value value) {
  while (Value next = crossEdge(value))
    value = next;
  return value;
}

Value minnow::getOnlySource(Value value) {
  while (value.hasOneUse()) {
    Value next = crossEdge(value);
    if (!next)
      return value;
    value = next;
  }
  return Value();
}

bool minnow::movesElements(Operation *op) {
  auto pool = dyn_cast<Pool2DOp>(op);
  return isa<PadOp, TransposeOp, ReshapeOp>(op) ||
         (pool && pool.getKind() == PoolKind::Max);
}

bool minnow::needsSymmetry(Value value) {
  return llvm::any_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<AttentionOp>(user))
      return true;
    // What keeps its input's type, and the ways into and out of a block.
    if (isBlock(user))
      return needsSymmetry(
          user->getRegion(0).getArgument(use.getOperandNumber()));
    if (isa<YieldOp>(user) && isBlock(user->getParentOp()))
      return needsSymmetry(
          user->getParentOp()->getResult(use.getOperandNumber()));
    return movesElements(user) && needsSymmetry(user->getResult(0));
  });
}

static llvm::ArrayRef<float> toArray(Value value, const float *elements) {
  auto type = cast<RankedTensorType>(value.getType());
  return {elements, static_cast<size_t>(type.getNumElements())};
}

Calibration::Calibration(func::FuncOp network, size_t inputs, bool hasMoments)
    : network(network), inputs(inputs), hasMoments(hasMoments) {}

llvm::Error Calibration::add(Value value, const float *elements,
                             llvm::function_ref<const void *(Value)> get) {
  Operation *op = value.getDefiningOp();
  if (histograms[value].add(toArray(value, elements)) >= 0) {
    if (!op)
      return llvm::createStringError("an input holds NaN or infinity");
    StringRef layer = getLayerName(op->getLoc());
    return llvm::createStringError(
        "the result of " + op->getName().getStringRef() + " in layer '" +
        (layer.empty() ? "unnamed" : layer) +
        "' holds NaN or infinity; quantization needs finite numbers");
  }
  if (!isa_and_nonnull<Conv2DOp, DepthwiseConv2DOp, LinearOp>(op))
    return llvm::Error::success();
  addLargest(value, elements);
  if (hasMoments)
    addTaps(op, static_cast<const float *>(get(op->getOperand(0))));
  return llvm::Error::success();
}

void Calibration::addLargest(Value value, const float *elements) {
  size_t channels = cast<RankedTensorType>(value.getType()).getShape().back();
  std::vector<float> &most = largest[value];
  most.resize(channels, 0);
  for (auto [i, element] : llvm::enumerate(toArray(value, elements)))
    most[i % channels] = std::max(most[i % channels], std::abs(element));
}

llvm::ArrayRef<float> Calibration::getLargest(Value value) const {
  auto found = largest.find(value);
  if (found == largest.end())
    return {};
  return found->second;
}

//===----------------------------------------------------------------------===//
// Taps
//===----------------------------------------------------------------------===//

namespace {

/// The taps of a product as rows: what each position of its result reads.
struct TapReader {
  explicit TapReader(Operation *product);
  void read(const float *input, int64_t position, float *row) const;

  int64_t inHeight = 1, inWidth = 1, channels = 1;
  int64_t height = 1, width = 1; // of the filter
  int64_t outHeight = 1, outWidth = 1, positions = 1;
  int64_t strideY = 1, strideX = 1, top = 0, left = 0;
  bool isDepthwise = false;
};

} // namespace

TapReader::TapReader(Operation *product) {
  auto input = cast<RankedTensorType>(product->getOperand(0).getType());
  auto result = cast<RankedTensorType>(product->getResult(0).getType());
  channels = input.getShape().back();
  positions = result.getNumElements() / result.getShape().back();
  auto set = [&](auto conv) {
    auto filter = conv.getFilter().getType();
    inHeight = input.getDimSize(1);
    inWidth = input.getDimSize(2);
    height = filter.getDimSize(0);
    width = filter.getDimSize(1);
    outHeight = result.getDimSize(1);
    outWidth = result.getDimSize(2);
    strideY = conv.getStrides()[0];
    strideX = conv.getStrides()[1];
    top = conv.getPad()[0];
    left = conv.getPad()[2];
  };
  if (auto conv = dyn_cast<Conv2DOp>(product))
    set(conv);
  if (auto conv = dyn_cast<DepthwiseConv2DOp>(product)) {
    set(conv);
    isDepthwise = true;
  }
}

/// Row-major [tap y][tap x][channel]; what lies outside is 0.
void TapReader::read(const float *input, int64_t position, float *row) const {
  int64_t image = position / (outHeight * outWidth);
  int64_t y = position / outWidth % outHeight * strideY - top;
  int64_t x = position % outWidth * strideX - left;
  for (int64_t i = 0; i < height; ++i)
    for (int64_t j = 0; j < width; ++j, row += channels) {
      bool isInside =
          y + i >= 0 && y + i < inHeight && x + j >= 0 && x + j < inWidth;
      int64_t place = (image * inHeight + y + i) * inWidth + x + j;
      if (isInside)
        std::copy_n(input + place * channels, channels, row);
      else
        std::fill_n(row, channels, 0.0f);
    }
}

/// Samples positions of the result: about four for each tap over all inputs,
/// spread evenly but for a jitter, so that a stride does not meet a texture.
void Calibration::addTaps(Operation *product, const float *input) {
  TapReader reader(product);
  int64_t taps =
      reader.height * reader.width * (reader.isDepthwise ? 1 : reader.channels);
  int64_t groups = reader.isDepthwise ? reader.channels : 1;
  auto [entry, isNew] = moments.try_emplace(product, groups, taps);
  int64_t wanted = std::clamp<int64_t>(4 * taps, 2048, 6144);
  int64_t count =
      std::min<int64_t>(reader.positions, llvm::divideCeil(wanted, inputs));
  std::vector<float> samples(count * taps * groups);
  uint32_t random = 1;
  for (int64_t i = 0; i < count; ++i) {
    random = random * 1664525 + 1013904223;
    int64_t first = i * reader.positions / count;
    int64_t width = (i + 1) * reader.positions / count - first;
    reader.read(input, first + (random >> 8) % width,
                samples.data() + i * taps * groups);
  }
  entry->second.add(samples);
}

const TapMoments *Calibration::getMoments(Operation *product) const {
  auto found = moments.find(product);
  return found == moments.end() ? nullptr : &found->second;
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

void Calibration::annotate(const RangeOptions &options) {
  for (auto &[value, histogram] : histograms) {
    minnow::Range range = histogram.choose(options, needsSymmetry(value));
    auto attribute =
        DenseF64ArrayAttr::get(value.getContext(), {range.low, range.high});
    if (auto argument = dyn_cast<BlockArgument>(value))
      network.setArgAttr(argument.getArgNumber(), kRangeAttrName, attribute);
    else
      value.getDefiningOp()->setAttr(kRangeAttrName, attribute);
  }
}
