//===- Loops.cpp - a network of bytes by plain loops ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "test/targets/etpu/Loops.h"

using namespace minnow::etpu;

namespace {

/// One layer's operands.
struct View {
  const Network &network;
  const Layer &layer;
  const std::vector<Map> &maps;

  const Tensor &in() const { return network.tensors[layer.input]; }
  const Tensor &out() const { return network.tensors[layer.output]; }
  int32_t at(int tensor, uint32_t position, uint32_t channel) const {
    return maps[tensor][position * network.tensors[tensor].channels + channel];
  }
};

int32_t sumWindow(const View &v, uint32_t y, uint32_t x, uint32_t channel) {
  const Layer &layer = v.layer;
  const Tensor &in = v.in(), &out = v.out();
  bool isDepthwise = layer.kind == LayerKind::DwConv;
  int32_t sum = 0;
  for (uint32_t i = 0; i < layer.kernelHeight; ++i)
    for (uint32_t j = 0; j < layer.kernelWidth; ++j) {
      int64_t row = int64_t(y) * layer.stride + i - layer.padTop;
      int64_t column = int64_t(x) * layer.stride + j - layer.padLeft;
      bool isInside =
          row >= 0 && row < in.rows && column >= 0 && column < in.columns;
      uint32_t tap = i * layer.kernelWidth + j;
      auto read = [&](uint32_t c) {
        return isInside ? v.at(layer.input, row * in.columns + column, c)
                        : layer.padValue;
      };
      if (isDepthwise) {
        sum += read(channel) * layer.weights[tap * out.channels + channel];
        continue;
      }
      for (uint32_t c = 0; c < in.channels; ++c)
        sum += read(c) *
               layer.weights[(size_t(tap) * in.channels + c) * out.channels +
                             channel];
    }
  if (!layer.offsets.empty())
    sum += layer.offsets[(y * out.columns + x) * out.channels + channel];
  return sum;
}

/// What comes before the addend and the rounding.
int32_t scaleSum(const View &v, uint32_t y, uint32_t x, uint32_t c) {
  const Layer &layer = v.layer;
  const RequantHeader &header = layer.header;
  int left = std::max(0, -header.shift);
  if (layer.kind == LayerKind::Requant)
    return multiplyHigh(
        (v.at(layer.input, y * v.out().columns + x, c) - header.inputZero) *
            (1 << left),
        header.inputFactor, 15);
  int32_t sum = 0;
  if (layer.kind == LayerKind::Pool)
    for (uint32_t p = 0; p < v.in().rows * v.in().columns; ++p)
      sum += v.at(layer.input, p, c);
  else if (layer.kind == LayerKind::Scale)
    sum = (v.at(layer.input, y * v.out().columns + x, c) - layer.padValue) *
          (v.at(layer.key, 0, c) - layer.keyZero);
  else
    sum = sumWindow(v, y, x, c);
  return multiplyHigh((sum + layer.biases[c]) * (1 << left), layer.factors[c],
                      31);
}

int8_t computeElement(const View &v, uint32_t y, uint32_t x, uint32_t c) {
  const Layer &layer = v.layer;
  uint32_t position = y * v.out().columns + x;
  if (layer.kind == LayerKind::Lookup)
    return int8_t(layer.table[v.at(layer.input, position, c) + 128]);
  int32_t scaled = scaleSum(v, y, x, c);
  if (layer.addend >= 0)
    scaled += multiplyHigh(
        (v.at(layer.addend, position, c) - layer.header.addendZero) *
            (1 << std::max(0, -layer.header.shift)),
        layer.header.addendFactor, 15);
  int8_t rounded = roundToByte(layer.header, scaled);
  return layer.table.empty() ? rounded : int8_t(layer.table[rounded + 128]);
}

/// One row of one head. `group` is the head's part of the keys and values.
void attend(const View &v, uint32_t row, uint32_t head, Map &result) {
  const Layer &layer = v.layer;
  const Tensor &key = v.network.tensors[layer.key];
  uint32_t depth = v.in().channels / layer.heads;
  uint32_t width = v.out().channels / layer.heads;
  uint32_t group = head * (key.channels / depth) / layer.heads;
  uint32_t keys = key.rows * key.columns;
  std::vector<int32_t> logits(keys);
  for (uint32_t m = 0; m < keys; ++m)
    for (uint32_t d = 0; d < depth; ++d)
      logits[m] += v.at(layer.input, row, head * depth + d) *
                   v.at(layer.key, m, group * depth + d);
  int32_t maximum = *std::max_element(logits.begin(), logits.end());
  std::vector<int32_t> weights;
  int32_t sum = 0;
  for (int32_t logit : logits) {
    int32_t index = multiplyHigh(maximum - logit, layer.expFactor, 31);
    weights.push_back(layer.expTable[std::min(index, 255)]);
    sum += weights.back();
  }
  int32_t factor = getRowFactor(sum, layer.header.inputFactor);
  for (uint32_t e = 0; e < width; ++e) {
    int32_t product = 0;
    for (uint32_t m = 0; m < keys; ++m)
      product += weights[m] * v.at(layer.value, m, group * width + e);
    result[row * v.out().channels + head * width + e] =
        roundToByte(layer.header, multiplyHigh(product * 64, factor, 31));
  }
}

} // namespace

std::vector<Map> minnow::etpu::evaluate(const Network &network,
                                        const Map &input) {
  std::vector<Map> maps(network.tensors.size());
  maps[network.inputs[0]] = input;
  for (const Layer &layer : network.layers) {
    View v{network, layer, maps};
    const Tensor &out = v.out();
    Map result(size_t(out.rows) * out.columns * out.channels);
    if (layer.kind == LayerKind::Attention) {
      for (uint32_t row = 0; row < out.rows * out.columns; ++row)
        for (uint32_t head = 0; head < layer.heads; ++head)
          attend(v, row, head, result);
    } else {
      size_t at = 0;
      for (uint32_t y = 0; y < out.rows; ++y)
        for (uint32_t x = 0; x < out.columns; ++x)
          for (uint32_t c = 0; c < out.channels; ++c)
            result[at++] = computeElement(v, y, x, c);
    }
    maps[layer.output] = std::move(result);
  }
  return maps;
}
