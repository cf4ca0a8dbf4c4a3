//===- PartitionTest.cpp - the dynamic program against brute force --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/Partition.h"
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace minnow;

namespace {

struct Score {
  uint64_t peak = 0;
  double seconds = 0;
};

Score getScore(const std::vector<Segment> &segments) {
  Score score;
  for (const Segment &segment : segments) {
    score.peak = std::max(score.peak, segment.liveBytes);
    score.seconds += segment.seconds;
  }
  return score;
}

/// Calls `visit` with every cut of [begin, count) after `chosen`.
template <typename Visitor>
void enumerateCuts(unsigned begin, unsigned count,
                   const std::vector<Segment> &candidates,
                   std::vector<Segment> &chosen, Visitor visit) {
  if (begin == count)
    return visit(chosen);
  for (const Segment &segment : candidates)
    if (segment.begin == begin) {
      chosen.push_back(segment);
      enumerateCuts(segment.end, count, candidates, chosen, visit);
      chosen.pop_back();
    }
}

std::vector<Segment> makeCandidates(unsigned count, std::mt19937 &random) {
  std::vector<Segment> candidates;
  for (unsigned end = 1; end <= count; ++end)
    for (unsigned begin = 0; begin < end; ++begin)
      if (begin + 1 == end || random() % 3 != 0)
        candidates.push_back(
            {begin, end, double(random() % 20 + 1), uint64_t(random() % 5)});
  return candidates;
}

} // namespace

TEST(PartitionTest, FindsTheBestOfAllCuts) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    unsigned count = random() % 9;
    auto candidates = makeCandidates(count, random);
    Score fastest{0, std::numeric_limits<double>::infinity()};
    Score smallest{std::numeric_limits<uint64_t>::max(), 0};
    std::vector<Segment> chosen;
    enumerateCuts(0, count, candidates, chosen, [&](const auto &segments) {
      Score score = getScore(segments);
      if (score.seconds < fastest.seconds)
        fastest = score;
      if (std::tie(score.peak, score.seconds) <
          std::tie(smallest.peak, smallest.seconds))
        smallest = score;
    });
    auto byTime = choosePartition(count, candidates, PartitionGoal::Time);
    EXPECT_EQ(getScore(byTime).seconds, fastest.seconds);
    auto byMemory = choosePartition(count, candidates, PartitionGoal::Memory);
    EXPECT_EQ(getScore(byMemory).peak, smallest.peak);
    EXPECT_EQ(getScore(byMemory).seconds, smallest.seconds);
  }
}

TEST(PartitionTest, SegmentsFollowEachOther) {
  std::mt19937 random(2);
  auto segments =
      choosePartition(30, makeCandidates(30, random), PartitionGoal::Time);
  unsigned next = 0;
  for (const Segment &segment : segments) {
    EXPECT_EQ(segment.begin, next);
    next = segment.end;
  }
  EXPECT_EQ(next, 30u);
}

TEST(PartitionTest, TheFirstOfEqualCutsWins) {
  auto segments = choosePartition(2, {{0, 1, 1, 0}, {0, 2, 2, 0}, {1, 2, 1, 0}},
                                  PartitionGoal::Time);
  EXPECT_EQ(segments.size(), 1u);
}
