//===- Partition.h - the best cut of a sequence -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dynamic programming over contiguous segments. Knows numbers only, neither
// primitives nor targets; form-groups makes the numbers.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_PARTITION_H
#define MINNOW_PASSES_PARTITION_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace minnow {

/// The elements [begin, end) as one piece.
struct Segment {
  unsigned begin;
  unsigned end;
  double seconds;     // predicted time
  uint64_t liveBytes; // of buffers that hold data while it runs
};

enum class PartitionGoal {
  Time,  // the least sum of seconds
  Memory // the least peak of liveBytes, among those the least sum of seconds
};

/// Cuts the elements [0, count) into some of `candidates`, in order. Each
/// single element must be a candidate. Equally good cuts are decided by the
/// order of the candidates: the first wins.
std::vector<Segment> choosePartition(unsigned count,
                                     llvm::ArrayRef<Segment> candidates,
                                     PartitionGoal goal);

} // namespace minnow

#endif // MINNOW_PASSES_PARTITION_H
