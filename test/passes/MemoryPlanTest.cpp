//===- MemoryPlanTest.cpp - plans are right and near their bound ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/MemoryPlan.h"
#include <gtest/gtest.h>
#include <random>

using namespace minnow;

namespace {

/// Expects that no two buffers that live at once share a byte.
void expectValid(const std::vector<BufferLife> &buffers,
                 const MemoryPlan &plan) {
  ASSERT_EQ(plan.offsets.size(), buffers.size());
  EXPECT_GE(plan.totalBytes, getMemoryLowerBound(buffers));
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % kBufferAlignment, 0u);
    EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.totalBytes);
    for (size_t j = 0; j < i; ++j)
      EXPECT_FALSE(buffers[i].first <= buffers[j].last &&
                   buffers[j].first <= buffers[i].last &&
                   plan.offsets[i] < plan.offsets[j] + buffers[j].bytes &&
                   plan.offsets[j] < plan.offsets[i] + buffers[i].bytes)
          << "buffers " << i << " and " << j << " overlap";
  }
}

std::vector<BufferLife> makeRandom(std::mt19937 &random) {
  std::vector<BufferLife> buffers;
  for (unsigned i = 0, count = random() % 60; i < count; ++i) {
    int64_t first = random() % 40;
    buffers.push_back(
        {first, first + int64_t(random() % 6), 1 + random() % 10000});
  }
  return buffers;
}

} // namespace

TEST(MemoryPlanTest, RandomBuffersNeverOverlap) {
  std::mt19937 random(3);
  double ratio = 0;
  int count = 0;
  for (int round = 0; round < 300; ++round) {
    auto buffers = makeRandom(random);
    MemoryPlan plan = planMemory(buffers);
    expectValid(buffers, plan);
    if (buffers.empty())
      continue;
    ratio += double(plan.totalBytes) / getMemoryLowerBound(buffers);
    ++count;
  }
  RecordProperty("mean_ratio_to_lower_bound", std::to_string(ratio / count));
  EXPECT_LT(ratio / count, 1.1);
}

TEST(MemoryPlanTest, AChainOfLayersReachesTheBound) {
  // Each map lives from its layer to the next; every third one is a residual.
  std::vector<BufferLife> buffers;
  for (int64_t i = 0; i < 60; ++i) {
    uint64_t bytes = 4096 >> (i / 20);
    buffers.push_back({i, i + (i % 3 == 0 ? 3 : 1), bytes * (i % 3 + 1)});
  }
  MemoryPlan plan = planMemory(buffers);
  expectValid(buffers, plan);
  EXPECT_EQ(plan.totalBytes, getMemoryLowerBound(buffers));
}

TEST(MemoryPlanTest, BuffersThatMeetInOneStepAreApart) {
  std::vector<BufferLife> buffers = {{0, 1, 100}, {1, 2, 100}, {2, 3, 100}};
  MemoryPlan plan = planMemory(buffers);
  expectValid(buffers, plan);
  EXPECT_EQ(plan.totalBytes, 256u);
}

TEST(MemoryPlanTest, NothingNeedsNothing) {
  EXPECT_EQ(planMemory({}).totalBytes, 0u);
  EXPECT_EQ(getMemoryLowerBound({}), 0u);
}
