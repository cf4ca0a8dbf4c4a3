//===- Networks.h - seeded networks of bytes --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_TEST_TARGETS_ETPU_NETWORKS_H
#define MINNOW_TEST_TARGETS_ETPU_NETWORKS_H

#include "targets/etpu/Network.h"
#include <cmath>
#include <random>

namespace minnow::etpu {

/// Makes networks layer by layer; weights and parameters are random and spread
/// the results over the range of bytes.
class Builder {
public:
  explicit Builder(unsigned seed) : random(seed) {}
  Network network;

  int addInput(uint32_t rows, uint32_t columns, uint32_t channels) {
    network.inputs = {addTensor(rows, columns, channels)};
    return network.inputs[0];
  }

  int addConv(int input, uint32_t channels, uint32_t kernel = 1,
              uint32_t stride = 1) {
    return addWindow(LayerKind::Conv, input, channels, kernel, stride);
  }
  int addDwConv(int input, uint32_t kernel, uint32_t stride = 1) {
    return addWindow(LayerKind::DwConv, input, network.tensors[input].channels,
                     kernel, stride);
  }

  int addPool(int input) {
    const Tensor in = network.tensors[input];
    Layer &layer = add(LayerKind::Pool, input, {1, 1, in.channels});
    setFactors(layer, in.rows * in.columns / 4.0);
    return layer.output;
  }

  /// The input by a factor a channel.
  int addScale(int input, int factors) {
    Layer &layer = add(LayerKind::Scale, input, network.tensors[input]);
    layer.key = factors;
    layer.padValue = pick(-9, 9);
    layer.keyZero = pick(-128, 9);
    setFactors(layer, 1);
    return layer.output;
  }

  int addLookup(int input) {
    Layer &layer = add(LayerKind::Lookup, input, network.tensors[input]);
    setTable(layer);
    return layer.output;
  }

  int addSum(int a, int b) {
    Layer &layer = add(LayerKind::Requant, a, network.tensors[a]);
    layer.header.inputZero = pick(-9, 9);
    layer.header.inputFactor = scale(layer, 1 << 21);
    addAddend(b);
    return layer.output;
  }

  /// The last layer becomes a residual one.
  void addAddend(int tensor) {
    Layer &layer = network.layers.back();
    layer.addend = tensor;
    layer.header.addendZero = pick(-9, 9);
    layer.header.addendFactor = scale(layer, 1 << 21);
  }
  void setTable(Layer &layer) {
    for (int i = 0; i < 256; ++i)
      layer.table.push_back(uint8_t(pick(0, 255)));
  }
  /// Sums that the last layer's products are added to.
  void setOffsets() {
    Layer &layer = network.layers.back();
    const Tensor &out = network.tensors[layer.output];
    for (size_t i = 0; i < size_t(out.rows) * out.columns * out.channels; ++i)
      layer.offsets.push_back(pick(-1000, 1000));
  }

  int addAttention(int query, int key, int value, uint32_t heads,
                   uint32_t width) {
    const Tensor in = network.tensors[query];
    Layer &layer =
        add(LayerKind::Attention, query, {in.rows, in.columns, heads * width});
    layer.key = key;
    layer.value = value;
    layer.heads = heads;
    layer.expFactor = 400000;
    for (int i = 0; i < 256; ++i)
      layer.expTable.push_back(uint8_t(std::lround(255 * std::exp(-i / 40.0))));
    layer.header.shift = 5; // nothing is shifted to the left here
    layer.header.inputFactor = 1 << 29;
    return layer.output;
  }

  Network finish(int output) {
    network.outputs = {output};
    network.scales = {1, 1};
    network.zeros = {0, 0};
    network.isChannelsFirst = {false, false};
    return network;
  }
  int32_t pick(int32_t low, int32_t high) {
    return std::uniform_int_distribution<int32_t>(low, high)(random);
  }

private:
  std::mt19937 random;

  int addTensor(uint32_t rows, uint32_t columns, uint32_t channels) {
    network.tensors.push_back({rows, columns, channels});
    return network.tensors.size() - 1;
  }
  Layer &add(LayerKind kind, int input, const Tensor &output) {
    Layer layer;
    layer.kind = kind;
    layer.name = std::to_string(network.layers.size());
    layer.input = input;
    layer.output = addTensor(output.rows, output.columns, output.channels);
    layer.header.zero = pick(-8, 8);
    layer.header.shift = pick(0, 3) ? kShift : -pick(1, 2);
    network.layers.push_back(layer);
    return network.layers.back();
  }

  /// A factor for kShift as one for the layer's shift.
  static constexpr int kShift = 7;
  static int32_t scale(const Layer &layer, int32_t factor) {
    return factor >> (kShift - layer.header.shift);
  }

  /// Factors for sums of `terms` products.
  void setFactors(Layer &layer, double terms) {
    double factor = double(1ll << 37) / (std::sqrt(terms) * 4000);
    for (uint32_t c = 0; c < network.tensors[layer.output].channels; ++c) {
      layer.biases.push_back(pick(-1000, 1000));
      layer.factors.push_back(
          scale(layer, int32_t(factor * pick(50, 150) / 100)));
    }
  }

  int addWindow(LayerKind kind, int input, uint32_t channels, uint32_t kernel,
                uint32_t stride) {
    const Tensor in = network.tensors[input];
    uint32_t pad = (kernel - 1) / 2;
    auto size = [&](uint32_t n) {
      return getOutputSize(n + 2 * pad, kernel, stride);
    };
    Layer &layer =
        add(kind, input, {size(in.rows), size(in.columns), channels});
    layer.kernelHeight = layer.kernelWidth = kernel;
    layer.stride = stride;
    layer.padTop = layer.padBottom = layer.padLeft = layer.padRight = pad;
    layer.padValue = pick(-4, 4);
    uint32_t terms = kernel * kernel;
    if (kind == LayerKind::Conv)
      terms *= in.channels;
    for (uint32_t i = 0; i < terms * channels; ++i)
      layer.weights.push_back(pick(-127, 127));
    setFactors(layer, terms);
    return layer.output;
  }
};

/// A small network with blocks of every kind.
Network makeNetwork(unsigned seed);

} // namespace minnow::etpu

#endif // MINNOW_TEST_TARGETS_ETPU_NETWORKS_H
