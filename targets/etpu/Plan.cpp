//===- Plan.cpp - when each strip runs, and where tensors lie -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/etpu/Plan.h"
#include "passes/MemoryPlan.h"
#include <algorithm>
#include <functional>
#include <map>

using namespace minnow;
using namespace minnow::etpu;

void etpu::chooseBlocks(const Machine &machine, Network &network) {
  // Heads first: a block of queries, keys, values and results is a head.
  for (const Layer &layer : network.layers) {
    if (layer.kind != LayerKind::Attention)
      continue;
    Tensor &query = network.tensors[layer.input];
    Tensor &output = network.tensors[layer.output];
    query.blockChannels = query.channels / layer.heads;
    output.blockChannels = output.channels / layer.heads;
    network.tensors[layer.key].blockChannels = query.blockChannels;
    network.tensors[layer.value].blockChannels = output.blockChannels;
  }
  uint32_t widest = std::min(machine.columns, machine.lanes);
  for (Tensor &tensor : network.tensors) {
    if (tensor.blockChannels)
      continue;
    uint32_t blocks = (tensor.channels + widest - 1) / widest;
    tensor.blockChannels = (tensor.channels + blocks - 1) / blocks;
  }
  // What goes by bytes has the blocks of its input.
  for (const Layer &layer : network.layers)
    if (layer.kind != LayerKind::Conv && layer.kind != LayerKind::Attention &&
        layer.kind != LayerKind::Input)
      network.tensors[layer.output].blockChannels =
          network.tensors[layer.input].blockChannels;
}

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

/// All that a layer reads.
static std::vector<int> getReads(const Layer &layer) {
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

namespace {

/// One attempt: segments and strip sizes are given.
class Planner {
public:
  Planner(const Machine &machine, const Network &network,
          std::vector<unsigned> segment, uint32_t positions, uint32_t slack,
          uint32_t overlap)
      : machine(machine), network(network), positions(positions), slack(slack),
        overlap(overlap) {
    plan.segment = std::move(segment);
  }

  Plan run() {
    chooseHeights();
    orderStrips();
    placeTensors();
    return std::move(plan);
  }

  /// The tensors that are alive in the fullest step.
  std::vector<int> peakTensors;

private:
  void chooseHeights();
  void orderStrips();
  void ensure(unsigned layer, uint32_t rows);
  void placeTensors();
  uint32_t getRingRows(int tensor) const;

  const Machine &machine;
  const Network &network;
  const uint32_t positions, slack, overlap;
  Plan plan;
  std::vector<uint32_t> heights, done; // by layer
  std::vector<int> producer;           // by tensor, -1 for inputs
};

} // namespace

/// Strips of about `positions` positions, all alike.
void Planner::chooseHeights() {
  producer.assign(network.tensors.size(), -1);
  for (unsigned i = 0; i < network.layers.size(); ++i) {
    const Layer &layer = network.layers[i];
    producer[layer.output] = i;
    const Tensor &output = network.tensors[layer.output];
    uint32_t limit = positions;
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
    for (int tensor : getReads(layer)) {
      int source = producer[tensor];
      if (source >= 0 && plan.segment[source] == plan.segment[index])
        ensure(source, getReadRows(network, layer, tensor, strip).end);
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
    const Layer &layer = network.layers[strip.layer];
    for (int read : getReads(layer))
      if (read == tensor)
        needed =
            std::min(needed, getReadRows(network, layer, tensor, strip).begin);
    // A strip takes its rows even where nothing on chip reads them.
    if (int(strip.layer) == source)
      most = std::max(most, strip.end - std::min(needed, strip.begin));
  }
  return most;
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
    for (int tensor : getReads(layer))
      touch(lives[tensor]);
  }
  plan.tensors.assign(network.tensors.size(), {});
  plan.softmax.assign(network.layers.size(), {});
  std::vector<BufferLife> buffers;
  std::vector<Storage *> storages;
  std::vector<int> tensors;
  auto add = [&](Storage &storage, const Life &life, int tensor) {
    // A tensor that stays a little longer than it must lets the engines run
    // further ahead of each other.
    buffers.push_back(
        {life.first, life.last + int64_t(overlap), storage.bytes});
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
    if (source >= 0)
      rows = getRingRows(i) + slack * heights[source];
    if (rows < tensor.rows)
      storage.ringRows = rows;
    rows = std::min(rows, tensor.rows);
    // Blocks have the same pitch; the last may be narrower.
    storage.bytes = uint64_t(rows) * tensor.columns * tensor.blockChannels *
                    tensor.getBlocks();
    add(storage, lives[i], i);
  }
  for (size_t i = 0; i < network.layers.size(); ++i)
    if (network.layers[i].kind == LayerKind::Attention) {
      // Two strips' worth, so that heads overlap.
      plan.softmax[i].bytes =
          2 * getSoftmaxBytes(network, network.layers[i], heights[i]);
      add(plan.softmax[i], layers[i], -1);
    }
  MemoryPlan memory = planMemory(buffers);
  plan.bytes = memory.totalBytes;
  for (size_t i = 0; i < storages.size(); ++i)
    storages[i]->base = memory.offsets[i];

  std::map<int64_t, uint64_t> live;
  int64_t fullest = 0;
  for (const BufferLife &buffer : buffers) {
    uint64_t &bytes = live[buffer.first];
    for (const BufferLife &other : buffers)
      if (other.first <= buffer.first && buffer.first <= other.last)
        bytes += other.bytes;
    if (bytes > live[fullest])
      fullest = buffer.first;
  }
  for (size_t i = 0; i < buffers.size(); ++i)
    if (tensors[i] >= 0 && buffers[i].first <= fullest &&
        fullest <= buffers[i].last)
      peakTensors.push_back(tensors[i]);
}

namespace {

/// Merges segments until the network fits.
class Merger {
public:
  Merger(const Machine &machine, Network &network)
      : machine(machine), network(network) {}
  Plan run(std::string &error);

private:
  bool fits(const Plan &plan) const {
    return plan.bytes <= machine.activationBytes;
  }
  std::vector<unsigned> makeSingletons() const;
  bool merge(std::vector<unsigned> &segment, const std::vector<int> &peak);
  Plan relax(const std::vector<unsigned> &segment, uint32_t positions,
             Plan plan);

  const Machine &machine;
  Network &network;
};

} // namespace

std::vector<unsigned> Merger::makeSingletons() const {
  std::vector<unsigned> segment;
  for (unsigned i = 0; i < network.layers.size(); ++i)
    segment.push_back(i);
  return segment;
}

/// Merges all segments from the producer of the largest tensor of `peak` that
/// is whole only because it crosses a boundary, to its last reader.
bool Merger::merge(std::vector<unsigned> &segment,
                   const std::vector<int> &peak) {
  uint64_t largest = 0;
  unsigned from = 0, to = 0;
  for (int tensor : peak) {
    const Tensor &map = network.tensors[tensor];
    if (map.rows == 1)
      continue;
    int first = -1, last = -1;
    for (unsigned i = 0; i < network.layers.size(); ++i) {
      if (network.layers[i].output == tensor)
        first = i;
      for (int read : getReads(network.layers[i]))
        if (read == tensor)
          last = i;
    }
    if (first < 0 || last < 0 || segment[first] == segment[last])
      continue;
    uint64_t bytes = uint64_t(map.rows) * map.columns * map.channels;
    if (bytes > largest) {
      largest = bytes;
      from = first;
      to = last;
    }
  }
  if (!largest)
    return false;
  unsigned low = segment[from], high = segment[to];
  for (unsigned &number : segment)
    if (number >= low && number <= high)
      number = low;
  return true;
}

/// Gives what memory is left to rings and lifetimes.
Plan Merger::relax(const std::vector<unsigned> &segment, uint32_t positions,
                   Plan plan) {
  for (uint32_t overlap : {48, 24, 12, 6, 3, 1})
    for (uint32_t slack : {2, 1, 0}) {
      Planner planner(machine, network, segment, positions, slack, overlap);
      Plan better = planner.run();
      if (fits(better))
        return better;
    }
  return plan;
}

Plan Merger::run(std::string &error) {
  for (uint32_t positions : {512, 256, 128, 64}) {
    std::vector<unsigned> segment = makeSingletons();
    do {
      Planner planner(machine, network, segment, positions, 0, 0);
      Plan plan = planner.run();
      if (fits(plan))
        return relax(segment, positions, std::move(plan));
      if (!merge(segment, planner.peakTensors))
        break;
    } while (true);
  }
  error = "the network does not fit the activation memory";
  return {};
}

Plan etpu::planNetwork(const Machine &machine, Network &network,
                       std::string &error) {
  return Merger(machine, network).run(error);
}
