//===- ByteTest.cpp - kernels on bytes are exact --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random kernels of bytes against plain loops, bit by bit, for each instruction
// set that this machine can run. A failing one is made smaller while it fails,
// and printed with its seed.
//
// MINNOW_BYTE_KERNELS says how many, MINNOW_BYTE_SEED which is the first.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Harness.h"
#include "test/targets/cpu/Text.h"
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>

using namespace minnow::test;

namespace {

enum class Kind {
  Pointwise,
  Convolution,
  Depthwise,
  Stem,
  Deep, // few positions of many channels, which tasks divide
  Linear,
  Pool,
  Elements,
  Attention,
  NumKinds
};

/// What a kernel is made from; each number may become smaller.
struct Case {
  Kind kind;
  int64_t height, width, inputs, outputs, kernel, stride;
  bool uneven;   // padding, as "same" of TensorFlow
  int64_t extra; // chooses what follows the product
};

int64_t choose(std::mt19937 &random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

/// Often a multiple of 8, as networks have them.
int64_t chooseChannels(std::mt19937 &random, int64_t most) {
  return choose(random, 0, 3) ? 8 * choose(random, 1, most / 8)
                              : choose(random, 1, most);
}

/// Whether a window fits into the map with its border.
bool isValid(const Case &made) {
  int64_t least = made.uneven ? 2 : 1;
  return made.height >= least && made.width >= least;
}

Case makeCase(unsigned seed) {
  std::mt19937 random(seed);
  Case made;
  made.kind = Kind(seed % unsigned(Kind::NumKinds));
  made.height = choose(random, 1, 17), made.width = choose(random, 1, 33);
  made.inputs = chooseChannels(random, 128);
  made.outputs = chooseChannels(random, 128);
  made.kernel = 2 * choose(random, 1, 3) + 1;
  made.stride = choose(random, 1, 2);
  made.uneven = choose(random, 0, 3) == 0;
  made.extra = choose(random, 0, 5);
  if (!isValid(made))
    made.uneven = false;
  return made;
}

/// What follows a sum: rounding, with a residual or a table, or floats.
Node finishSum(KernelText &text, const Node &sum, int64_t extra) {
  if (extra == 0)
    return text.dequantize(sum);
  Node addend = extra == 1 ? text.argument(sum.shape, "i8") : Node();
  Node result = text.requantize(sum, addend);
  return extra == 2 ? text.lookUp(result) : result;
}

Conv getConv(const Case &made) {
  Conv conv{made.outputs, made.kernel, made.stride};
  int64_t pad = made.kernel / 2;
  if (made.uneven && pad)
    conv.pad = {pad - 1, pad, pad - 1, pad};
  return conv;
}

Node build(KernelText &text, const Case &made) {
  Shape shape = {1, made.height, made.width, made.inputs};
  switch (made.kind) {
  case Kind::Pointwise:
    return finishSum(text,
                     text.conv(text.argument(shape, "i8"), {made.outputs}),
                     made.extra);
  case Kind::Convolution:
    return finishSum(text, text.conv(text.argument(shape, "i8"), getConv(made)),
                     made.extra);
  case Kind::Depthwise:
    return finishSum(text,
                     text.depthwise(text.argument(shape, "i8"), getConv(made)),
                     made.extra);
  case Kind::Deep: {
    Node map = text.argument(
        {1, made.height % 4 + 1, made.width % 4 + 1, 8 * made.inputs}, "i8");
    return finishSum(text, text.conv(map, {8 * made.outputs}), made.extra);
  }
  case Kind::Stem: {
    Node planes = text.argument({1, 3, made.height, made.width});
    Node map = text.transpose(planes, {0, 2, 3, 1});
    Node sum = text.conv(text.requantize(map), getConv(made));
    return finishSum(text, sum, made.extra);
  }
  case Kind::Linear:
    return finishSum(
        text,
        text.linear(text.argument(
                        {made.extra == 3 ? made.height : 1, made.inputs}, "i8"),
                    made.outputs, "none"),
        made.extra);
  case Kind::Attention: {
    int64_t heads = made.extra % 3 + 1, members = made.uneven ? heads : 1;
    int64_t width = 2 * (made.inputs / 4 + 1);
    Node q = text.argument({1, made.height, made.width, heads * width}, "i8");
    Shape keys = {1, (made.height + 1) / 2, (made.width + 1) / 2, 0};
    keys[3] = heads / members * width;
    Node k = text.argument(keys, "i8");
    keys[3] = heads / members * (made.outputs / 2 + 1);
    return text.attention(q, k, text.argument(keys, "i8"), heads, 0.125);
  }
  case Kind::Pool: {
    Node in = text.argument(shape, "i8");
    if (made.extra == 0)
      return text.pool(in, "max", {made.kernel, made.kernel}, made.stride,
                       made.kernel / 2);
    if (made.extra == 1)
      return text.requantize(text.pool(in, "average",
                                       {made.kernel, made.kernel}, made.stride,
                                       made.kernel / 2, true));
    return text.requantize(text.globalPool(in));
  }
  default:
    break;
  }
  if (made.extra == 0)
    return text.requantize(text.argument(shape));
  if (made.extra == 1)
    return text.dequantize(text.argument(shape, "i8"));
  if (made.extra == 2)
    return text.lookUp(text.argument(shape, "i8"));
  Node in = text.argument(shape, "i8");
  return text.requantize(in, text.argument(shape, "i8"));
}

/// Compiles and runs one case; what is wrong with it, or nothing.
std::string check(const Case &made, const char *cpu, unsigned seed) {
  KernelText text;
  std::string module = text.finish(build(text, made));
  CompiledKernel kernel(module, cpu, "", seed);
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

/// Halves one number after the other while the case fails.
std::string reduce(Case made, const char *cpu, unsigned seed,
                   std::string failure) {
  int64_t Case::*numbers[] = {&Case::height, &Case::width, &Case::inputs,
                              &Case::outputs};
  for (auto number : numbers)
    for (int64_t smaller = made.*number / 2; smaller > 0; smaller /= 2) {
      Case tried = made;
      tried.*number = smaller;
      if (!isValid(tried))
        continue;
      std::string why = check(tried, cpu, seed);
      if (why.empty())
        break;
      failure = why;
      made = tried;
    }
  return failure;
}

int readNumber(const char *name, int otherwise) {
  const char *text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

class ByteTest : public testing::TestWithParam<const char *> {};

TEST_P(ByteTest, RandomKernelsAreExact) {
  const char *cpu = GetParam();
  if (!canRun(cpu))
    GTEST_SKIP() << "this machine cannot run " << cpu;
  int first = readNumber("MINNOW_BYTE_SEED", 1);
  int count = readNumber("MINNOW_BYTE_KERNELS", 21);
  int failures = 0;
  for (int seed = first; seed < first + count && failures < 4; ++seed) {
    Case made = makeCase(seed);
    std::string failure = check(made, cpu, seed);
    if (failure.empty())
      continue;
    ++failures;
    ADD_FAILURE() << "seed " << seed << ": "
                  << reduce(made, cpu, seed, failure);
  }
}

// The map is whole pages with guards around, and a task has fewer channels than
// a vector has bytes.
TEST_P(ByteTest, ReadsNothingBeforeTheInput) {
  const char *cpu = GetParam();
  if (!canRun(cpu))
    GTEST_SKIP() << "this machine cannot run " << cpu;
  Case made{Kind::Depthwise, 112, 112, 96, 96, 3, 2, /*uneven=*/false, 3};
  EXPECT_EQ(check(made, cpu, 1), "");
}

// 11 vectors of channels for 4 tasks.
TEST_P(ByteTest, UnevenTasksHaveWholePanels) {
  const char *cpu = GetParam();
  if (!canRun(cpu))
    GTEST_SKIP() << "this machine cannot run " << cpu;
  Case made{Kind::Deep, 5, 5, 40, 22, 1, 1, /*uneven=*/false, 3};
  EXPECT_EQ(check(made, cpu, 1), "");
}

// Fewer rows with their border than Halide folds them into.
TEST_P(ByteTest, KeepsAllRowsOfALowMap) {
  const char *cpu = GetParam();
  if (!canRun(cpu))
    GTEST_SKIP() << "this machine cannot run " << cpu;
  Case made{Kind::Convolution, 2, 1, 1, 1, 5, 1, /*uneven=*/false, 3};
  EXPECT_EQ(check(made, cpu, 1), "");
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
