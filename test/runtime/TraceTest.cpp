//===- TraceTest.cpp - limits of the machine, and traces of runs --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The hand-made network has a call of six tasks and one that is not divided.
//===----------------------------------------------------------------------===//
#include "runtime/Trace.h"
#include "runtime/Roofline.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

using namespace minnow;
using namespace minnow::test;

namespace {

TEST(Roofline, IsTheSlowerOfTheTwo) {
  const Roofline roofline = {2e9, 8e9, {{1000, 1e9}, {4000, 5e8}}};
  EXPECT_DOUBLE_EQ(roofline.microseconds(4000, 0, 1000), 2);
  EXPECT_DOUBLE_EQ(roofline.microseconds(8000, 8000, 1000), 1);
  EXPECT_DOUBLE_EQ(roofline.microseconds(8000, 4000, 1000), 2.5);
  EXPECT_DOUBLE_EQ(roofline.microseconds(1000, 0, 3000), 6);
  EXPECT_DOUBLE_EQ(roofline.microseconds(1000, 0, 8000), 16);
  EXPECT_EQ(Roofline().microseconds(4000, 0, 3000), 0);
}

TEST(Roofline, IsMeasured) {
  const auto pool = ThreadPool::create(2, nullptr);
  ASSERT_TRUE(pool);
  EXPECT_GE(peakMacsPerSecond(*pool, Arithmetic::F32), 0);
  EXPECT_GE(peakMacsPerSecond(*pool, Arithmetic::Int8), 0);
  const Roofline roofline = measureRoofline(*pool, 100000);
  ASSERT_EQ(roofline.levels.size(), 2u);
  EXPECT_EQ(roofline.levels[1].bytes, 131072u);
  EXPECT_GT(roofline.levels[1].bytesPerSecond, 1e6);
}

class TraceOf : public testing::TestWithParam<uint32_t> {
protected:
  void SetUp() override {
    ASSERT_EQ(
        session.open(built("fixture-good.so").c_str(), GetParam(), nullptr),
        MINNOW_STATUS_OK);
    ASSERT_EQ(record(session, 3, trace, nullptr), MINNOW_STATUS_OK);
  }
  Session session;
  Trace trace;
};

TEST_P(TraceOf, HoldsEachTaskOnce) {
  EXPECT_EQ(trace.runs.size(), 3u);
  EXPECT_EQ(trace.calls.size(), 6u);
  ASSERT_EQ(trace.threads.size(), GetParam());
  std::vector<uint32_t> seen(3 * 7);
  for (const std::vector<Span> &thread : trace.threads)
    for (const Span &span : thread)
      ++seen.at(span.run * 7 + (span.call == 0 ? span.task : 6));
  EXPECT_EQ(seen, std::vector<uint32_t>(3 * 7, 1));
}

TEST_P(TraceOf, HasTasksInCallsInRuns) {
  for (const Span &call : trace.calls) {
    EXPECT_LE(trace.runs[call.run].start, call.start);
    EXPECT_GE(trace.runs[call.run].end, call.end);
  }
  for (const std::vector<Span> &thread : trace.threads)
    for (const Span &span : thread) {
      const Span &call = trace.calls[span.run * 2 + span.call];
      EXPECT_LE(call.start, span.start);
      EXPECT_LE(span.start, span.end);
      EXPECT_GE(call.end, span.end);
    }
}

INSTANTIATE_TEST_SUITE_P(Threads, TraceOf, testing::Values(1, 3));

} // namespace
