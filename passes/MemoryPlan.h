//===- MemoryPlan.h - offsets of buffers in an arena ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The algorithm of plan-memory on plain numbers. Buffers that are alive at the
// same time never share memory; finding the smallest arena is NP-hard, so the
// best of a few deterministic greedy orders is taken.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_MEMORYPLAN_H
#define MINNOW_PASSES_MEMORYPLAN_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace minnow {

/// Every offset of a plan, in the arena as in the weight section.
inline constexpr uint64_t kBufferAlignment = 64;

/// A buffer of `bytes` that holds data in the steps first..last, both included.
struct BufferLife {
  int64_t first;
  int64_t last;
  uint64_t bytes;
};

struct MemoryPlan {
  std::vector<uint64_t> offsets; // one a buffer, multiples of kBufferAlignment
  uint64_t totalBytes = 0;       // a multiple of kBufferAlignment
};

/// Places `buffers` in an arena.
MemoryPlan planMemory(llvm::ArrayRef<BufferLife> buffers);

/// The most that is alive in one step, sizes rounded up to the alignment: no
/// plan is smaller.
uint64_t getMemoryLowerBound(llvm::ArrayRef<BufferLife> buffers);

} // namespace minnow

#endif // MINNOW_PASSES_MEMORYPLAN_H
