//===- Weights.cpp - the weight section of a program ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of one block of the output after the other, in the order in which
// the products read them, each with the parameters of its requantisation.
//===----------------------------------------------------------------------===//
#include "targets/etpu/Weights.h"
#include <algorithm>

using namespace minnow;
using namespace minnow::etpu;

namespace {

template <typename T> void append(std::string &bytes, const T &value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
}

class Packer {
public:
  explicit Packer(const Network &network) : network(network) {}

  WeightSection run() {
    for (const Layer &layer : network.layers)
      pack(layer);
    section.chipBytes = section.bytes.size();
    for (size_t i = 0; i < network.layers.size(); ++i)
      packOffsets(network.layers[i], section.layers[i]);
    return std::move(section);
  }

private:
  void pack(const Layer &layer);
  void packBlock(const Layer &layer, uint32_t block);
  void packAttention(const Layer &layer);
  void packOffsets(const Layer &layer, LayerWeights &weights);
  void packConv(const Layer &layer, uint32_t first, uint32_t count);

  const Network &network;
  WeightSection section;
};

} // namespace

/// [block of in][height][width][in of the block][out of the block].
void Packer::packConv(const Layer &layer, uint32_t first, uint32_t count) {
  const Tensor &input = network.tensors[layer.input];
  const Tensor &output = network.tensors[layer.output];
  for (uint32_t block = 0; block < input.getBlocks(); ++block) {
    uint32_t begin = block * input.blockChannels;
    uint32_t end = std::min(begin + input.blockChannels, input.channels);
    for (uint32_t tap = 0; tap < layer.kernelHeight * layer.kernelWidth; ++tap)
      for (uint32_t c = begin; c < end; ++c) {
        const int8_t *row =
            layer.weights.data() +
            (size_t(tap) * input.channels + c) * output.channels + first;
        section.bytes.append(reinterpret_cast<const char *>(row), count);
      }
  }
}

void Packer::packBlock(const Layer &layer, uint32_t block) {
  const Tensor &output = network.tensors[layer.output];
  uint32_t first = block * output.blockChannels;
  uint32_t count = std::min(output.blockChannels, output.channels - first);
  WeightPiece piece;
  piece.address = section.bytes.size();
  if (layer.kind == LayerKind::Conv)
    packConv(layer, first, count);
  if (layer.kind == LayerKind::DwConv)
    for (uint32_t tap = 0; tap < layer.kernelHeight * layer.kernelWidth; ++tap)
      section.bytes.append(
          reinterpret_cast<const char *>(layer.weights.data() +
                                         size_t(tap) * output.channels + first),
          count);
  piece.parameters = section.bytes.size() - piece.address;
  if (layer.kind != LayerKind::Pool)
    section.pureBytes += piece.parameters + 4 * count;
  if (layer.kind == LayerKind::Lookup) {
    section.bytes.append(layer.table.begin(), layer.table.end());
  } else {
    append(section.bytes, layer.header);
    if (layer.kind != LayerKind::Requant) {
      for (uint32_t c = first; c < first + count; ++c)
        append(section.bytes, layer.biases[c]);
      for (uint32_t c = first; c < first + count; ++c)
        append(section.bytes, layer.factors[c]);
    }
    section.bytes.append(layer.table.begin(), layer.table.end());
  }
  piece.bytes = section.bytes.size() - piece.address;
  section.layers.back().pieces.push_back(piece);
}

/// The parameters of Exp, then those of Requant.
void Packer::packAttention(const Layer &layer) {
  WeightPiece piece;
  piece.address = section.bytes.size();
  append(section.bytes, layer.expFactor);
  section.bytes.append(layer.expTable.begin(), layer.expTable.end());
  piece.parameters = section.bytes.size() - piece.address;
  append(section.bytes, layer.header);
  piece.bytes = section.bytes.size() - piece.address;
  section.layers.back().pieces.push_back(piece);
}

void Packer::pack(const Layer &layer) {
  section.layers.emplace_back();
  if (layer.kind == LayerKind::Attention)
    return packAttention(layer);
  if (layer.kind == LayerKind::Input)
    return;
  for (uint32_t b = 0; b < network.tensors[layer.output].getBlocks(); ++b)
    packBlock(layer, b);
}

/// [block of out][position][out of the block].
void Packer::packOffsets(const Layer &layer, LayerWeights &weights) {
  if (layer.offsets.empty())
    return;
  const Tensor &output = network.tensors[layer.output];
  for (uint32_t b = 0; b < output.getBlocks(); ++b) {
    uint32_t first = b * output.blockChannels;
    uint32_t count = std::min(output.blockChannels, output.channels - first);
    weights.offsets.push_back(section.bytes.size());
    for (uint32_t p = 0; p < output.rows * output.columns; ++p)
      section.bytes.append(
          reinterpret_cast<const char *>(layer.offsets.data() +
                                         size_t(p) * output.channels + first),
          count * 4);
  }
  section.pureBytes += layer.offsets.size() * 4;
}

WeightSection etpu::packWeights(const Network &network) {
  return Packer(network).run();
}
