//===- Planner.cpp - one attempt to plan a network ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/etpu/Planner.h"
#include "passes/MemoryPlan.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace minnow;
using namespace minnow::etpu;

RowRange etpu::getInputRows(const Layer &layer, const Tensor &input,
                            const Strip &strip) {
  if (layer.kind == LayerKind::Pool)
    return {0, input.rows};
  int64_t first = int64_t(strip.begin) * layer.stride - layer.padTop;
  int64_t last =
      int64_t(strip.end - 1) * layer.stride - layer.padTop + layer.kernelHeight;
  return {uint32_t(std::clamp<int64_t>(first, 0, input.rows - 1)),
          uint32_t(std::clamp<int64_t>(last, 1, input.rows))};
}

std::vector<int> etpu::getReads(const Layer &layer) {
  std::vector<int> reads;
  for (int tensor : {layer.input, layer.addend, layer.key, layer.value})
    if (tensor >= 0)
      reads.push_back(tensor);
  return reads;
}

/// The rows of its operand `tensor` that a strip reads.
static RowRange getReadRows(const Network &network, const Layer &layer,
                            int tensor, const Strip &strip) {
  const Tensor &map = network.tensors[tensor];
  if (tensor == layer.key || tensor == layer.value)
    return {0, map.rows};
  RowRange rows = {map.rows, 0};
  if (tensor == layer.input)
    rows = getInputRows(layer, map, strip);
  if (tensor == layer.addend)
    rows = {std::min(rows.begin, strip.begin), std::max(rows.end, strip.end)};
  return rows;
}

uint64_t etpu::getWeightsBytes(const Network &network, const Layer &layer,
                               uint32_t rows) {
  const Tensor &key = network.tensors[layer.key];
  uint64_t keys = uint64_t(key.rows) * key.columns;
  uint64_t blocks = (keys + kMaxLanes - 1) / kMaxLanes;
  return blocks * kMaxLanes * rows * network.tensors[layer.input].columns;
}

uint64_t etpu::getSoftmaxBytes(const Network &network, const Layer &layer,
                               uint32_t rows) {
  return getWeightsBytes(network, layer, rows) +
         uint64_t(rows) * network.tensors[layer.input].columns *
             sizeof(RowEntry);
}

std::vector<int> Planner::getReads(unsigned layer) const {
  if (!isChain(layer))
    return etpu::getReads(network.layers[layer]);
  std::vector<int> reads = {network.layers[layer - 2].input};
  if (network.layers[layer].addend >= 0)
    reads.push_back(network.layers[layer].addend);
  return reads;
}

RowRange Planner::getReadRows(int tensor, const Strip &strip) const {
  if (isChain(strip.layer))
    return {0, network.tensors[tensor].rows};
  return ::getReadRows(network, network.layers[strip.layer], tensor, strip);
}

/// Strips of about `positions` positions, all alike; chains are one.
void Planner::chooseHeights() {
  producer.assign(network.tensors.size(), -1);
  for (unsigned i = 0; i < network.layers.size(); ++i) {
    const Layer &layer = network.layers[i];
    producer[layer.output] = i;
    const Tensor &output = network.tensors[layer.output];
    uint32_t limit = plan.chain[i] >= 0 ? ~0u : positions;
    if (layer.kind == LayerKind::Attention) {
      // Logits and results of two heads share the accumulators.
      const Tensor &key = network.tensors[layer.key];
      uint32_t groups = (key.rows * key.columns + kMaxLanes - 1) / kMaxLanes;
      limit = std::min(limit, machine.accumulators * 3 / 8 / (groups + 1));
    }
    uint32_t most = std::max(1u, limit / output.columns);
    uint32_t count = (output.rows + most - 1) / most;
    heights.push_back((output.rows + count - 1) / count);
  }
}

/// Runs `layer` until `rows` rows of its output are there.
void Planner::ensure(unsigned index, uint32_t rows) {
  const Layer &layer = network.layers[index];
  while (done[index] < rows) {
    uint32_t total = network.tensors[layer.output].rows;
    Strip strip{index, done[index],
                std::min(done[index] + heights[index], total)};
    for (int tensor : getReads(index)) {
      int source = producer[tensor];
      if (source >= 0 && plan.segment[source] == plan.segment[index])
        ensure(source, getReadRows(tensor, strip).end);
    }
    plan.strips.push_back(strip);
    done[index] = strip.end;
  }
}

void Planner::orderStrips() {
  done.assign(network.layers.size(), 0);
  unsigned count = network.layers.size();
  for (unsigned begin = 0, end; begin < count; begin = end) {
    for (end = begin; end < count && plan.segment[end] == plan.segment[begin];)
      ++end;
    // The last layer asks for what it needs; then what it did not.
    for (unsigned i = end; i-- > begin;)
      if (!isInner(i))
        ensure(i, network.tensors[network.layers[i].output].rows);
  }
}

/// Rows of `tensor` that hold data at the same time in the reference order.
uint32_t Planner::getRingRows(int tensor) const {
  uint32_t needed = network.tensors[tensor].rows, most = 0;
  int source = producer[tensor];
  // Backwards: `needed` is the first row that a later step reads.
  for (size_t i = plan.strips.size(); i-- > 0;) {
    const Strip &strip = plan.strips[i];
    for (int read : getReads(strip.layer))
      if (read == tensor)
        needed = std::min(needed, getReadRows(tensor, strip).begin);
    // A strip takes its rows even where nothing on chip reads them.
    if (int(strip.layer) == source)
      most = std::max(most, strip.end - std::min(needed, strip.begin));
  }
  return most;
}

/// Steps that a tensor may outlive its last reader.
static constexpr int64_t kMostOverlap = 48;

/// Lets buffers live longer while there is room: what comes to lie where they
/// lay need not wait for their last readers, so that the engines run further
/// ahead of each other. All by a step first, then by more.
static void extendLives(std::vector<BufferLife> &buffers, int64_t steps,
                        uint64_t room) {
  std::vector<uint64_t> live(steps, 0);
  for (const BufferLife &buffer : buffers)
    for (int64_t step = buffer.first; step <= buffer.last; ++step)
      live[step] += buffer.bytes;
  for (int64_t turn = 0; turn < kMostOverlap; ++turn)
    for (BufferLife &buffer : buffers)
      if (int64_t next = buffer.last + 1;
          next < steps && live[next] + buffer.bytes <= room) {
        live[next] += buffer.bytes;
        buffer.last = next;
      }
}

void Planner::placeTensors() {
  struct Life {
    int64_t first = -1, last = -1;
  };
  std::vector<Life> lives(network.tensors.size());
  std::vector<Life> layers(network.layers.size());
  for (size_t i = 0; i < plan.strips.size(); ++i) {
    const Layer &layer = network.layers[plan.strips[i].layer];
    auto touch = [&](Life &life) {
      if (life.first < 0)
        life.first = i;
      life.last = i;
    };
    touch(layers[plan.strips[i].layer]);
    touch(lives[layer.output]);
    for (int tensor : getReads(plan.strips[i].layer))
      touch(lives[tensor]);
    if (isChain(plan.strips[i].layer)) {
      touch(lives[(&layer)[-1].input]);
      touch(lives[layer.input]);
    }
  }
  plan.tensors.assign(network.tensors.size(), {});
  plan.softmax.assign(network.layers.size(), {});
  std::vector<BufferLife> buffers;
  std::vector<Storage *> storages;
  std::vector<int> tensors;
  auto add = [&](Storage &storage, const Life &life, int tensor) {
    buffers.push_back({life.first, life.last, storage.bytes});
    storages.push_back(&storage);
    tensors.push_back(tensor);
  };
  for (size_t i = 0; i < network.tensors.size(); ++i) {
    const Tensor &tensor = network.tensors[i];
    Storage &storage = plan.tensors[i];
    if (lives[i].first < 0)
      continue;
    uint32_t rows = tensor.rows;
    int source = producer[i];
    if (source >= 0 && isInner(source))
      storage.ringBlocks = std::min(chainBlocks, tensor.getBlocks());
    else if (source >= 0)
      rows = getRingRows(i) + slack * heights[source];
    if (rows < tensor.rows)
      storage.ringRows = rows;
    rows = std::min(rows, tensor.rows);
    // Blocks have the same pitch; the last may be narrower.
    uint32_t blocks =
        storage.ringBlocks ? storage.ringBlocks : tensor.getBlocks();
    storage.bytes =
        uint64_t(rows) * tensor.columns * tensor.blockChannels * blocks;
    add(storage, lives[i], i);
  }
  for (size_t i = 0; i < network.layers.size(); ++i)
    if (network.layers[i].kind == LayerKind::Attention) {
      // Two strips' worth, so that heads overlap.
      plan.softmax[i].bytes =
          2 * getSoftmaxBytes(network, network.layers[i], heights[i]);
      add(plan.softmax[i], layers[i], -1);
    }
  extendLives(buffers, plan.strips.size(), room);
  MemoryPlan memory = planMemory(buffers);
  plan.bytes = memory.totalBytes;
  for (size_t i = 0; i < storages.size(); ++i)
    storages[i]->base = memory.offsets[i];

  int64_t fullest = 0;
  uint64_t most = 0;
  for (const BufferLife &buffer : buffers) {
    uint64_t bytes = 0;
    for (const BufferLife &other : buffers)
      if (other.first <= buffer.first && buffer.first <= other.last)
        bytes += other.bytes;
    if (bytes > most) {
      most = bytes;
      fullest = buffer.first;
    }
  }
  for (size_t i = 0; i < buffers.size(); ++i)
    if (tensors[i] >= 0 && buffers[i].first <= fullest &&
        fullest <= buffers[i].last)
      peakTensors.push_back(tensors[i]);
}
