//===- Blocks.cpp - into which blocks of channels tensors are cut ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/etpu/Network.h"
#include <algorithm>

using namespace minnow;
using namespace minnow::etpu;

namespace {

/// Tensors whose blocks must be alike, as classes.
class BlockClasses {
public:
  explicit BlockClasses(const Network &network)
      : parents(network.tensors.size()), fixed(network.tensors.size()) {
    for (size_t i = 0; i < parents.size(); ++i)
      parents[i] = i;
  }
  int find(int tensor) {
    while (parents[tensor] != tensor)
      tensor = parents[tensor] = parents[parents[tensor]];
    return tensor;
  }
  void join(int a, int b) { parents[find(a)] = find(b); }
  /// False if the class has another size already.
  bool fix(int tensor, uint32_t channels) {
    uint32_t &size = fixed[find(tensor)];
    if (size && size != channels)
      return false;
    size = channels;
    return true;
  }
  uint32_t getFixed(int tensor) { return fixed[find(tensor)]; }

private:
  std::vector<int> parents;
  std::vector<uint32_t> fixed;
};

} // namespace

void etpu::chooseBlocks(const Machine &machine, Network &network,
                        std::string &error) {
  // What goes by bytes or channels has the blocks of its operands.
  BlockClasses classes(network);
  for (const Layer &layer : network.layers) {
    if (layer.kind != LayerKind::Conv && layer.kind != LayerKind::Attention &&
        layer.kind != LayerKind::Input)
      classes.join(layer.input, layer.output);
    if (layer.kind == LayerKind::Scale)
      classes.join(layer.key, layer.output);
    if (layer.addend >= 0)
      classes.join(layer.addend, layer.output);
  }
  // A block of queries, keys, values and results is a head.
  for (const Layer &layer : network.layers) {
    if (layer.kind != LayerKind::Attention)
      continue;
    uint32_t depth = network.tensors[layer.input].channels / layer.heads;
    uint32_t width = network.tensors[layer.output].channels / layer.heads;
    if (!classes.fix(layer.input, depth) || !classes.fix(layer.key, depth) ||
        !classes.fix(layer.value, width) || !classes.fix(layer.output, width))
      error = "the heads of '" + layer.name +
              "' are cut otherwise than those of another attention that shares "
              "its operands";
  }
  uint32_t widest = std::min(machine.columns, machine.lanes);
  for (size_t i = 0; i < network.tensors.size(); ++i) {
    Tensor &tensor = network.tensors[i];
    uint32_t blocks = (tensor.channels + widest - 1) / widest;
    uint32_t fixed = classes.getFixed(i);
    tensor.blockChannels =
        fixed ? fixed : (tensor.channels + blocks - 1) / blocks;
  }
}
