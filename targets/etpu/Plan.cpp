//===- Plan.cpp - when each strip runs, and where tensors lie -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/etpu/Plan.h"
#include "passes/MemoryPlan.h"
#include "llvm/ADT/STLExtras.h"
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

/// What runs interleaved, see Plan.
struct Groups {
  std::vector<unsigned> segment;
  std::vector<int> chain;
  uint32_t chainBlocks = 0; // of its inner tensors that are there at a time
};

/// Steps that a tensor may outlive its last reader.
constexpr int64_t kMostOverlap = 48;

/// One attempt: groups and strip sizes are given.
class Planner {
public:
  Planner(const Machine &machine, const Network &network, const Groups &groups,
          uint32_t positions, uint32_t slack = 0, uint64_t room = 0)
      : machine(machine), network(network), positions(positions), slack(slack),
        room(room) {
    plan.segment = groups.segment;
    plan.chain = groups.chain;
    chainBlocks = groups.chainBlocks;
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

  bool isChain(unsigned layer) const { return plan.chain[layer] == int(layer); }
  /// Whether a layer runs inside of the strips of another.
  bool isInner(unsigned layer) const {
    return plan.chain[layer] >= 0 && !isChain(layer);
  }
  /// All that the strips of a layer read from other strips.
  std::vector<int> getReads(unsigned layer) const;
  RowRange getReadRows(int tensor, const Strip &strip) const;

  const Machine &machine;
  const Network &network;
  const uint32_t positions, slack;
  const uint64_t room; // that lives may fill, 0 to keep them as they are
  uint32_t chainBlocks;
  Plan plan;
  std::vector<uint32_t> heights, done; // by layer
  std::vector<int> producer;           // by tensor, -1 for inputs
};

} // namespace

std::vector<int> Planner::getReads(unsigned layer) const {
  if (!isChain(layer))
    return ::getReads(network.layers[layer]);
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

namespace {

/// Merges segments until the network fits.
class Merger {
public:
  Merger(const Machine &machine, const Network &network, const StripSize &size)
      : machine(machine), network(network), size(size) {}
  Plan run(std::string &error);

private:
  Groups makeSingletons() const;
  bool isChainable(unsigned projection, const Groups &groups) const;
  bool makeChain(Groups &groups, const std::vector<int> &peak) const;
  bool merge(std::vector<unsigned> &segment, const std::vector<int> &peak);
  Plan relax(const Groups &groups, Plan plan) const;
  void remember(const Plan &plan, const std::vector<int> &peak);
  std::string explain() const;

  const Machine &machine;
  const Network &network;
  const StripSize size;
  // The least memory that an attempt took, and what was alive there.
  uint64_t least = ~uint64_t(0);
  std::vector<int> leastPeak;
};

} // namespace

void Merger::remember(const Plan &plan, const std::vector<int> &peak) {
  if (plan.bytes >= least)
    return;
  least = plan.bytes;
  leastPeak = peak;
}

/// Why the network does not fit.
std::string Merger::explain() const {
  std::string text = "the network does not fit the activation memory of " +
                     std::to_string(machine.activationBytes / 1024) +
                     " KiB; the least found was " +
                     std::to_string((least + 1023) / 1024) + " KiB, for what";
  unsigned named = 0;
  for (const Layer &layer : network.layers)
    if (llvm::is_contained(leastPeak, layer.output) && ++named <= 4)
      text += " '" + layer.name + "'";
  return text + (named > 4 ? " and others give" : " gives");
}

Groups Merger::makeSingletons() const {
  Groups groups;
  for (unsigned i = 0; i < network.layers.size(); ++i)
    groups.segment.push_back(i);
  groups.chain.assign(network.layers.size(), -1);
  return groups;
}

/// Whether the layer and the two before it can be a chain: pointwise,
/// depthwise, pointwise, nothing else reads what is between, and all sums fit.
bool Merger::isChainable(unsigned projection, const Groups &groups) const {
  if (projection < 2)
    return false;
  for (unsigned i = projection - 2; i <= projection; ++i)
    if (groups.chain[i] >= 0)
      return false;
  const Layer *layers = &network.layers[projection - 2];
  auto isPointwise = [](const Layer &layer) {
    return layer.kind == LayerKind::Conv && layer.kernelHeight == 1 &&
           layer.kernelWidth == 1 && layer.stride == 1 && layer.offsets.empty();
  };
  if (!isPointwise(layers[0]) || layers[1].kind != LayerKind::DwConv ||
      !isPointwise(layers[2]) || layers[0].addend >= 0 ||
      layers[1].addend >= 0 || layers[1].input != layers[0].output ||
      layers[2].input != layers[1].output)
    return false;
  for (int inner : {layers[0].output, layers[1].output}) {
    unsigned readers = 0;
    for (const Layer &layer : network.layers)
      for (int read : getReads(layer))
        readers += read == inner;
    for (int output : network.outputs)
      readers += output == inner;
    if (readers != 1)
      return false;
  }
  auto getPositions = [&](const Layer &layer) {
    const Tensor &map = network.tensors[layer.output];
    return map.rows * map.columns;
  };
  AccumulatorSplit split = splitAccumulators(machine);
  for (unsigned i = projection - 2; i < projection; ++i)
    if (groups.segment[i] == groups.segment[i + 1] ||
        getPositions(network.layers[i]) > split.rest)
      return false;
  return getPositions(layers[2]) *
             network.tensors[layers[2].output].getBlocks() <=
         split.matrix;
}

/// Makes a chain around a tensor of `peak`, if one can be.
bool Merger::makeChain(Groups &groups, const std::vector<int> &peak) const {
  for (unsigned i = 2; i < network.layers.size(); ++i) {
    const Layer *layers = &network.layers[i - 2];
    bool isAtPeak = llvm::is_contained(peak, layers[0].output) ||
                    llvm::is_contained(peak, layers[1].output);
    if (!isAtPeak || !isChainable(i, groups))
      continue;
    for (unsigned inner = i - 2; inner <= i; ++inner) {
      groups.chain[inner] = i;
      groups.segment[inner] = groups.segment[i - 2];
    }
    return true;
  }
  return false;
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
Plan Merger::relax(const Groups &groups, Plan plan) const {
  for (uint32_t percent : {100, 95, 90, 80, 70})
    for (uint32_t slack : {2, 1, 0}) {
      Planner planner(machine, network, groups, size.positions, slack,
                      uint64_t(machine.activationBytes) * percent / 100);
      Plan better = planner.run();
      if (better.bytes <= machine.activationBytes)
        return better;
    }
  return plan;
}

Plan Merger::run(std::string &error) {
  // Chains need all weights of three layers at once: only where strips alone do
  // not do.
  for (uint32_t chainBlocks : {0, 3, 2}) {
    Groups groups = makeSingletons();
    groups.chainBlocks = chainBlocks;
    do {
      Planner planner(machine, network, groups, size.positions);
      Plan plan = planner.run();
      if (plan.bytes <= size.bytes)
        return relax(groups, std::move(plan));
      remember(plan, planner.peakTensors);
      if (!(chainBlocks && makeChain(groups, planner.peakTensors)) &&
          !merge(groups.segment, planner.peakTensors))
        break;
    } while (true);
  }
  error = explain();
  return {};
}

Plan etpu::planNetwork(const Machine &machine, const Network &network,
                       const StripSize &size, std::string &error) {
  return Merger(machine, network, size).run(error);
}
