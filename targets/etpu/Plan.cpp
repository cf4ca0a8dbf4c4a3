//===- Plan.cpp - which layers run interleaved ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/etpu/Planner.h"
#include "llvm/ADT/STLExtras.h"

using namespace minnow;
using namespace minnow::etpu;

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
