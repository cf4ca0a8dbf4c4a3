//===- ByteTest.cpp - kernels on bytes are exact --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random kernels of bytes against plain loops, bit by bit, for each instruction
// set that this machine can run. A failing one is made smaller while it fails,
// and printed with its seed.
//
// MINNOW_BYTE_KERNELS says how many, MINNOW_BYTE_SEED which is the first.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Cases.h"
#include "test/targets/cpu/Harness.h"
#include <gtest/gtest.h>
#include <random>

using namespace minnow::test;

namespace {

/// Compiles and runs one case; what is wrong with it, or nothing.
std::string check(const Case &made, const char *cpu, unsigned seed) {
  KernelText text;
  std::string module = text.finish(build(text, made));
  unsigned unsignedMaps = std::mt19937(seed)();
  CompiledKernel kernel(module, cpu, "", seed, unsignedMaps);
  if (kernel.getError().empty())
    kernel.run();
  if (!kernel.getError().empty())
    return kernel.getError() + "\n" + module;
  if (std::string differences = kernel.describeDifferences();
      !differences.empty())
    return differences + "\n" + kernel.print();
  if (kernel.getMostScratch() > kernel.getCode().scratchBytes)
    return "takes more scratch memory than it says\n" + module;
  return "";
}

class ByteTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (!canRun(cpu))
      GTEST_SKIP() << "this machine cannot run " << cpu;
  }

  const char *const cpu = GetParam();
};

TEST_P(ByteTest, RandomKernelsAreExact) {
  checkCases(
      makeCase, 21,
      [&](const Case &made, unsigned seed) { return check(made, cpu, seed); },
      [](const std::string &what) { ADD_FAILURE() << what; });
}

TEST_P(ByteTest, RandomBlocksAreExact) {
  checkCases(
      makeBlock, 12,
      [&](const Case &made, unsigned seed) { return check(made, cpu, seed); },
      [](const std::string &what) { ADD_FAILURE() << what; });
}

// The map is whole pages with guards around, and a task has fewer channels than
// a vector has bytes.
TEST_P(ByteTest, ReadsNothingBeforeTheInput) {
  Case made{Kind::Depthwise, 112, 112, 96, 96, 3, 2, /*uneven=*/false, 3};
  EXPECT_EQ(check(made, cpu, 1), "");
}

// Fewer channels than a vector of sums has.
TEST_P(ByteTest, ReadsNothingBehindTheTaps) {
  Case made{Kind::Depthwise, 13, 7, 4, 4, 5, 2, /*uneven=*/false, 3};
  EXPECT_EQ(check(made, cpu, 1), "");
}

// The last of several tasks has fewer panels than the others.
TEST_P(ByteTest, ReadsNoPanelBehindTheLast) {
  EXPECT_EQ(check(makeCase(1840), cpu, 1840), "");
}

// One channel more than whole vectors.
TEST_P(ByteTest, StoresNothingBehindTheLastChannel) {
  for (int seed : {1085, 1103, 1272})
    EXPECT_EQ(check(makeCase(seed), cpu, seed), "");
}

// 11 vectors of channels for 4 tasks.
TEST_P(ByteTest, UnevenTasksHaveWholePanels) {
  Case made{Kind::Deep, 5, 5, 40, 22, 1, 1, /*uneven=*/false, 3};
  EXPECT_EQ(check(made, cpu, 1), "");
}

// Fewer rows with their border than Halide folds them into.
TEST_P(ByteTest, KeepsAllRowsOfALowMap) {
  Case made{Kind::Convolution, 2, 1, 1, 1, 5, 1, /*uneven=*/false, 3};
  EXPECT_EQ(check(made, cpu, 1), "");
}

// Channels that fill blocks, a half or a quarter of one, or nearly one: in rows
// that their parts divide or do not, with tiles that are cut.
TEST_P(ByteTest, DepthwiseFillsBlocks) {
  int64_t number = 0;
  for (int64_t channels : {64, 160, 80, 16, 48, 188})
    for (int64_t columns : {3, 8, 12}) {
      int64_t kernel = 3 + 2 * (++number % 3), stride = 1 + number % 2;
      Case made{Kind::Depthwise, 9,      columns,        channels, channels,
                kernel,          stride, number % 5 < 2, 3};
      EXPECT_EQ(check(made, cpu, number), "");
    }
}

// Sums of a map and another, on a machine where fma is emulated.
TEST(ByteTestWithoutFma, SumsAreExact) {
  for (int seed : {26, 27, 78, 79, 98, 99, 138, 139})
    EXPECT_EQ(check(makeCase(seed), "x86-64-v2", seed), "");
}

INSTANTIATE_TEST_SUITE_P(Cpus, ByteTest,
                         testing::Values("haswell", "znver4", "sapphirerapids",
                                         "cortex-a76"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
