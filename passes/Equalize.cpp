//===- Equalize.cpp - channels of like size -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/Equalize.h"
#include "passes/FoldWeights.h"
#include "passes/IntegerForms.h"
#include <cmath>

using namespace mlir;
using namespace minnow;
using namespace minnow::mobile;

namespace {

/// A convolution's weights while they are being changed.
struct Layer {
  Operation *op;
  std::vector<float> filter, bias;
  size_t channels; // of the result, the filter's innermost dimension
  size_t inputs;   // channels of the input

  bool isDepthwise() const { return isa<DepthwiseConv2DOp>(op); }
  /// The filter is [tap][input][output]; a depthwise one has one output for
  /// each input.
  size_t getOutputs() const { return isDepthwise() ? 1 : channels; }
  /// The largest weight for each channel of the result, or of the input.
  std::vector<float> getLargest(bool ofInput) const;
};

/// A map between two layers, which nothing else reads.
struct Link {
  size_t from, to; // layers
  ArrayRef<float> seen;
  bool isBounded; // by relu6
};

/// Finds the links of one network, and makes them even.
class Equalizer {
public:
  Equalizer(func::FuncOp network, bool perChannel,
            const Calibration &calibration)
      : network(network), perChannel(perChannel), calibration(calibration),
        weights(network->getParentOfType<ModuleOp>()) {}
  LogicalResult run();

private:
  LogicalResult addLayer(Operation *op);
  void addLink(Operation *op);
  void even(Link &link, std::vector<float> &size);
  void scale(Link &link, size_t channel, float factor);
  void write(Layer &layer);

  func::FuncOp network;
  bool perChannel;
  const Calibration &calibration;
  FoldWeights weights;
  std::vector<Layer> layers;
  DenseMap<Operation *, size_t> indices;
  std::vector<Link> links;
};

} // namespace

std::vector<float> Layer::getLargest(bool ofInput) const {
  std::vector<float> largest(ofInput ? inputs : channels, 0);
  for (auto [i, weight] : llvm::enumerate(filter)) {
    size_t input = i / getOutputs() % inputs;
    float &most = largest[ofInput ? input : i % channels];
    most = std::max(most, std::abs(weight));
  }
  return largest;
}

LogicalResult Equalizer::addLayer(Operation *op) {
  for (Value operand : llvm::drop_begin(op->getOperands()))
    if (!weights.lookup(operand))
      return success();
  auto filter = weights.read(op->getOperand(1));
  if (failed(filter))
    return failure();
  auto getChannels = [](Value value) -> size_t {
    return cast<RankedTensorType>(value.getType()).getShape().back();
  };
  Layer layer{op,
              *filter,
              {},
              getChannels(op->getResult(0)),
              getChannels(op->getOperand(0))};
  if (op->getNumOperands() > 2) {
    auto bias = weights.read(op->getOperand(2));
    if (failed(bias))
      return failure();
    layer.bias = *bias;
  }
  indices[op] = layers.size();
  layers.push_back(std::move(layer));
  return success();
}

void Equalizer::addLink(Operation *op) {
  auto to = indices.find(op);
  Value map = getOnlySource(op->getOperand(0));
  Operation *maker = map ? map.getDefiningOp() : nullptr;
  auto from = maker ? indices.find(maker) : indices.end();
  if (to == indices.end() || from == indices.end() ||
      getActivation(maker) > Activation::Relu6)
    return;
  links.push_back({from->second, to->second, calibration.getLargest(map),
                   getActivation(maker) == Activation::Relu6});
}

/// Divides `channel` of the map by `factor`.
void Equalizer::scale(Link &link, size_t channel, float factor) {
  Layer &from = layers[link.from], &to = layers[link.to];
  for (size_t i = channel; i < from.filter.size(); i += from.channels)
    from.filter[i] /= factor;
  if (!from.bias.empty())
    from.bias[channel] /= factor;
  size_t outputs = to.getOutputs();
  for (size_t first = channel * outputs; first < to.filter.size();
       first += to.inputs * outputs)
    for (size_t i = 0; i < outputs; ++i)
      to.filter[first + i] *= factor;
}

/// One step for all channels of a map; `size` is what they are of by now.
void Equalizer::even(Link &link, std::vector<float> &size) {
  auto largestOf = [](const std::vector<float> &values) {
    return *std::max_element(values.begin(), values.end());
  };
  float most = largestOf(size);
  std::vector<float> out = layers[link.from].getLargest(/*ofInput=*/false);
  std::vector<float> in = layers[link.to].getLargest(/*ofInput=*/true);
  float mostOut = largestOf(out), mostIn = largestOf(in);
  if (most == 0 || mostOut == 0 || mostIn == 0)
    return;
  bool isFree = perChannel && layers[link.to].isDepthwise();
  for (size_t channel = 0; channel < size.size(); ++channel) {
    bool isSaturated = link.isBounded && size[channel] >= 6;
    if (isSaturated || size[channel] == 0 || out[channel] == 0 ||
        in[channel] == 0)
      continue;
    double least = size[channel] / most;
    // With a scale for each channel on both sides the map alone matters; else
    // its error and that of the filters are balanced.
    double factor =
        isFree ? least
        : perChannel
            ? std::sqrt(least)
            : std::sqrt((out[channel] / mostOut) / (in[channel] / mostIn));
    factor = std::clamp(factor, std::max(least, 1.0 / 256), 256.0);
    scale(link, channel, factor);
    size[channel] /= factor;
  }
}

void Equalizer::write(Layer &layer) {
  OpBuilder builder(layer.op);
  auto replace = [&](OpOperand &operand, ArrayRef<float> numbers) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    operand.set(weights.create(builder, layer.op->getLoc(),
                               weights.lookup(operand.get()).getSymName(),
                               type.getShape(), numbers));
  };
  replace(layer.op->getOpOperand(1), layer.filter);
  if (!layer.bias.empty())
    replace(layer.op->getOpOperand(2), layer.bias);
}

LogicalResult Equalizer::run() {
  SmallVector<Operation *> convolutions;
  network.walk([&](Operation *op) {
    if (isa<Conv2DOp, DepthwiseConv2DOp>(op))
      convolutions.push_back(op);
  });
  for (Operation *op : convolutions)
    if (failed(addLayer(op)))
      return failure();
  for (Operation *op : convolutions)
    addLink(op);
  std::vector<std::vector<float>> sizes;
  for (Link &link : links)
    sizes.emplace_back(link.seen.begin(), link.seen.end());
  // A filter between two maps answers to both, so it takes a few rounds.
  for (int round = 0; round < (perChannel ? 1 : 20); ++round)
    for (auto [link, size] : llvm::zip(links, sizes))
      if (!size.empty())
        even(link, size);
  for (Layer &layer : layers)
    write(layer);
  network.walk([](GetWeightOp get) {
    if (get->use_empty())
      get->erase();
  });
  weights.finish();
  return success();
}

LogicalResult minnow::equalize(func::FuncOp network, bool perChannel,
                               const Calibration &calibration) {
  return Equalizer(network, perChannel, calibration).run();
}
