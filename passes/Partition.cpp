//===- Partition.cpp - the best cut of a sequence -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// best[j] = min over candidates [i, j) of best[i] (+) cost(i, j), where (+)
// adds times or takes the larger of two peaks. For memory the least peak comes
// first and then bounds a second run over time, which is exact where a
// lexicographic order would not be.
//===----------------------------------------------------------------------===//
#include "passes/Partition.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>
#include <limits>

using namespace minnow;
using llvm::ArrayRef;

/// The candidates of each end, in their order.
static std::vector<llvm::SmallVector<Segment>>
sortByEnd(unsigned count, ArrayRef<Segment> candidates) {
  std::vector<llvm::SmallVector<Segment>> byEnd(count + 1);
  for (const Segment &segment : candidates)
    byEnd[segment.end].push_back(segment);
  return byEnd;
}

/// The least possible peak of liveBytes.
static uint64_t findLeastPeak(ArrayRef<llvm::SmallVector<Segment>> byEnd) {
  std::vector<uint64_t> best(byEnd.size(),
                             std::numeric_limits<uint64_t>::max());
  best[0] = 0;
  for (unsigned end = 1; end < byEnd.size(); ++end)
    for (const Segment &segment : byEnd[end])
      best[end] =
          std::min(best[end], std::max(best[segment.begin], segment.liveBytes));
  return best.back();
}

std::vector<Segment> minnow::choosePartition(unsigned count,
                                             ArrayRef<Segment> candidates,
                                             PartitionGoal goal) {
  auto byEnd = sortByEnd(count, candidates);
  uint64_t limit = goal == PartitionGoal::Memory
                       ? findLeastPeak(byEnd)
                       : std::numeric_limits<uint64_t>::max();

  std::vector<double> best(count + 1, std::numeric_limits<double>::infinity());
  std::vector<const Segment *> last(count + 1, nullptr);
  best[0] = 0;
  for (unsigned end = 1; end <= count; ++end)
    for (const Segment &segment : byEnd[end]) {
      double seconds = best[segment.begin] + segment.seconds;
      if (segment.liveBytes > limit || seconds >= best[end])
        continue;
      best[end] = seconds;
      last[end] = &segment;
    }

  std::vector<Segment> chosen;
  for (unsigned end = count; end > 0; end = last[end]->begin)
    chosen.push_back(*last[end]);
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}
