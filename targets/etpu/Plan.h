//===- Plan.h - when each strip runs, and where tensors lie -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layers run in strips of rows. Layers of one *segment* run interleaved, each
// strip as soon as the rows that it reads are there, so that a tensor between
// them needs only a ring of rows; between segments tensors are whole. With
// enough memory every layer is a segment; where tensors do not fit, segments
// merge. A *chain* of an expansion, its depthwise and its projection runs block
// by block of the expanded channels instead: the projection's sums stay in the
// accumulators, and of the expanded maps there are a few blocks at a time.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_ETPU_PLAN_H
#define MINNOW_TARGETS_ETPU_PLAN_H

#include "targets/etpu/Network.h"

namespace minnow::etpu {

/// Rows [begin, end) of a layer's output.
struct Strip {
  unsigned layer;
  uint32_t begin, end;
};

/// Where a tensor lies in activation memory.
struct Storage {
  uint64_t base = 0, bytes = 0;
  uint32_t ringRows = 0;   // 0: all rows
  uint32_t ringBlocks = 0; // 0: all blocks; else whole maps of a few of them
};

struct Plan {
  std::vector<Strip> strips;     // the reference order
  std::vector<Storage> tensors;  // by tensor
  std::vector<unsigned> segment; // by layer
  std::vector<int> chain;        // by layer: the projection of its chain, or -1
  uint64_t bytes = 0;
  // For the row tables and softmax weights of attention: by layer, alive while
  // it runs.
  std::vector<Storage> softmax;
};

/// Rows [begin, end) of the input that a strip of the output reads.
struct RowRange {
  uint32_t begin, end;
};
RowRange getInputRows(const Layer &layer, const Tensor &input,
                      const Strip &strip);

/// Accumulators that a chain's projection may take, and other sums.
struct AccumulatorSplit {
  uint32_t matrix, rest;
};
inline AccumulatorSplit splitAccumulators(const Machine &machine) {
  uint32_t matrix = machine.accumulators * 3 / 4;
  return {matrix, machine.accumulators - matrix};
}

/// How large strips are, in positions, and the memory above which segments
/// merge even if there is more.
struct StripSize {
  uint32_t positions;
  uint64_t bytes;
};

/// Plans a network. Empty `error` if it could.
Plan planNetwork(const Machine &machine, const Network &network,
                 const StripSize &size, std::string &error);

/// Bytes of one strip's softmax weights and row table, of `rows` rows.
uint64_t getWeightsBytes(const Network &network, const Layer &layer,
                         uint32_t rows);
uint64_t getSoftmaxBytes(const Network &network, const Layer &layer,
                         uint32_t rows);

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_PLAN_H
