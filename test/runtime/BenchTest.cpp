//===- BenchTest.cpp - the figures of minnow-bench
//--------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Order statistics, and the times of the hand-made network's calls.
//===----------------------------------------------------------------------===//
#include "runtime/Bench.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

using namespace minnow;
using namespace minnow::test;

namespace {

TEST(Bench, Summary) {
  const Times times = summarize({5, 1, 3, 2, 4, 6, 7, 8, 9, 10, 11});
  EXPECT_EQ(times.min, 1);
  EXPECT_EQ(times.p50, 6);
  EXPECT_EQ(times.p90, 10);
  EXPECT_EQ(summarize({2}).p90, 2);
}

TEST(Bench, KernelsAreSummedSlowestFirst) {
  const std::vector<KernelTime> kernels =
      totalByKernel({{{1, 0.1, 0.5, 5, 8}, "a", "x"},
                     {{4, 0.4, 3, 6, 8}, "b", "y"},
                     {{5, 0.5, 0.5, 5, 8}, "a", "z"}});
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(kernels[0].kernel, "a");
  EXPECT_EQ(kernels[0].calls, 2u);
  EXPECT_EQ(kernels[0].macs, 10u);
  EXPECT_EQ(kernels[0].bytes, 16u);
  EXPECT_DOUBLE_EQ(kernels[0].us, 6);
  EXPECT_DOUBLE_EQ(kernels[0].rooflineUs, 1);
  EXPECT_DOUBLE_EQ(kernels[1].rooflineShare(), 0.75);
}

TEST(Bench, ProfileNamesEachCall) {
  Session session;
  ASSERT_EQ(session.open(built("fixture-good.so").c_str(), 1, nullptr),
            MINNOW_STATUS_OK);
  EXPECT_EQ(totalMacs(session.model()), 24u);
  std::vector<CallTime> calls;
  ASSERT_EQ(profile(session, 10, {1e6, 4e6, {{1, 1e9}}}, calls, nullptr),
            MINNOW_STATUS_OK);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].kernel, "scale");
  EXPECT_EQ(calls[1].layer, "head");
  EXPECT_NEAR(calls[0].share + calls[1].share, 1, 1e-9);
  EXPECT_DOUBLE_EQ(calls[0].rooflineUs, 12);
}

} // namespace
