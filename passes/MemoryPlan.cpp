//===- MemoryPlan.cpp - offsets of buffers in an arena --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy best fit: one buffer after another goes into the smallest gap between
// those already placed that live at the same time. What differs is the order,
// and an order is mended by placing first what came to lie highest.
//===----------------------------------------------------------------------===//
#include "passes/MemoryPlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

using namespace minnow;
using llvm::ArrayRef;

/// How often each order is tried, mended in between.
static constexpr int kAttempts = 32;

static uint64_t getAlignedSize(const BufferLife &buffer) {
  return llvm::alignTo(buffer.bytes, kBufferAlignment);
}

static bool overlap(const BufferLife &a, const BufferLife &b) {
  return a.first <= b.last && b.first <= a.last;
}

/// For each buffer the bytes that are alive in the first step of its life. What
/// is alive only grows where a buffer begins, so the peaks are among them.
static std::vector<uint64_t> getLiveBytes(ArrayRef<BufferLife> buffers) {
  std::vector<uint64_t> live(buffers.size(), 0);
  for (auto [bytes, buffer] : llvm::zip(live, buffers))
    for (const BufferLife &other : buffers)
      if (other.first <= buffer.first && buffer.first <= other.last)
        bytes += getAlignedSize(other);
  return live;
}

//===----------------------------------------------------------------------===//
// One order
//===----------------------------------------------------------------------===//

/// The start of the smallest gap of at least `bytes` among the `taken` ranges
/// [begin, end), which are sorted here; behind them all if there is none.
static uint64_t
findGap(llvm::SmallVectorImpl<std::pair<uint64_t, uint64_t>> &taken,
        uint64_t bytes) {
  llvm::sort(taken);
  uint64_t end = 0, best = 0;
  uint64_t bestSize = std::numeric_limits<uint64_t>::max();
  for (auto [begin, next] : taken) {
    if (begin >= end + bytes && begin - end < bestSize) {
      best = end;
      bestSize = begin - end;
    }
    end = std::max(end, next);
  }
  return bestSize == std::numeric_limits<uint64_t>::max() ? end : best;
}

/// Places the buffers in `order`.
static MemoryPlan place(ArrayRef<BufferLife> buffers,
                        ArrayRef<unsigned> order) {
  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  for (auto [done, index] : llvm::enumerate(order)) {
    llvm::SmallVector<std::pair<uint64_t, uint64_t>> taken;
    for (unsigned other : order.take_front(done))
      if (overlap(buffers[index], buffers[other]))
        taken.push_back({plan.offsets[other],
                         plan.offsets[other] + getAlignedSize(buffers[other])});
    uint64_t bytes = getAlignedSize(buffers[index]);
    plan.offsets[index] = findGap(taken, bytes);
    plan.totalBytes = std::max(plan.totalBytes, plan.offsets[index] + bytes);
  }
  return plan;
}

//===----------------------------------------------------------------------===//
// The orders
//===----------------------------------------------------------------------===//

/// The indices of `keys` by ascending key; ties stay in their order.
template <typename Key>
static std::vector<unsigned> sortBy(ArrayRef<Key> keys) {
  std::vector<unsigned> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order,
                    [&](unsigned a, unsigned b) { return keys[a] < keys[b]; });
  return order;
}

/// The orders to try: large ones first; those that live in the fullest steps
/// first; by time.
static std::array<std::vector<unsigned>, 3>
makeOrders(ArrayRef<BufferLife> buffers) {
  std::vector<uint64_t> live = getLiveBytes(buffers);
  std::vector<int64_t> sizes, times;
  std::vector<std::pair<int64_t, int64_t>> pressures;
  for (const BufferLife &buffer : buffers) {
    uint64_t fullest = 0;
    for (auto [other, bytes] : llvm::zip(buffers, live))
      if (buffer.first <= other.first && other.first <= buffer.last)
        fullest = std::max(fullest, bytes);
    sizes.push_back(-int64_t(buffer.bytes));
    times.push_back(buffer.first);
    pressures.push_back({-int64_t(fullest), sizes.back()});
  }
  return {sortBy(ArrayRef(sizes)), sortBy(ArrayRef(pressures)),
          sortBy(ArrayRef(times))};
}

uint64_t minnow::getMemoryLowerBound(ArrayRef<BufferLife> buffers) {
  std::vector<uint64_t> live = getLiveBytes(buffers);
  return live.empty() ? 0 : *std::max_element(live.begin(), live.end());
}

/// The position in `order` of the buffer that ends the arena.
static size_t findHighest(ArrayRef<BufferLife> buffers, const MemoryPlan &plan,
                          ArrayRef<unsigned> order) {
  auto endsArena = [&](unsigned index) {
    return plan.offsets[index] + getAlignedSize(buffers[index]) ==
           plan.totalBytes;
  };
  return llvm::find_if(order, endsArena) - order.begin();
}

MemoryPlan minnow::planMemory(ArrayRef<BufferLife> buffers) {
  uint64_t bound = getMemoryLowerBound(buffers);
  MemoryPlan best;
  best.totalBytes = std::numeric_limits<uint64_t>::max();
  for (std::vector<unsigned> order : makeOrders(buffers))
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      MemoryPlan plan = place(buffers, order);
      if (plan.totalBytes < best.totalBytes)
        best = plan;
      if (best.totalBytes <= bound)
        return best;
      auto highest = order.begin() + findHighest(buffers, plan, order);
      std::rotate(order.begin(), highest, highest + 1);
    }
  return best;
}
