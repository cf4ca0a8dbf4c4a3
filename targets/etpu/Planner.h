//===- Planner.h - one attempt to plan a network ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_TARGETS_ETPU_PLANNER_H
#define MINNOW_TARGETS_ETPU_PLANNER_H

#include "targets/etpu/Plan.h"

namespace minnow::etpu {

/// All that a layer reads.
std::vector<int> getReads(const Layer &layer);

/// What runs interleaved, see Plan.
struct Groups {
  std::vector<unsigned> segment;
  std::vector<int> chain;
  uint32_t chainBlocks = 0; // of its inner tensors that are there at a time
};

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

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_PLANNER_H
