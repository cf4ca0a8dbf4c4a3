//===- FusionTest.cpp - what canFuse takes, emit can do -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels that form-groups may ask for, the refusals with their reasons,
// and random chains: whatever canFuse accepts must compile and be right.
//===----------------------------------------------------------------------===//
#include "mlir/Parser/Parser.h"
#include "test/targets/cpu/Harness.h"
#include "test/targets/cpu/Text.h"
#include <gtest/gtest.h>
#include <random>

using namespace minnow;
using namespace minnow::test;

namespace {

/// Why the primitives of a kernel cannot be one; empty if they can.
std::string getRefusal(const std::string &text) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<mobile::MobileDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  auto kernel = *module->getOps<mobile::KernelOp>().begin();
  std::vector<mlir::Operation *> ops;
  for (auto &op : kernel.getBody().front().without_terminator())
    ops.push_back(&op);
  std::string why;
  return cpu::canFuse(cpu::Isa(), ops, &why) ? "" : why;
}

TEST(Fusion, TakesBlocksWithResidual) {
  KernelText text;
  Node in = text.argument({1, 14, 14, 96});
  Node out = text.depthwise(in, {0, 3});
  out = text.conv(out, {192, 1, 1, {}, "relu"});
  out = text.depthwise(out, {0, 5, 1, {}, "relu"});
  out = text.mul(text.conv(out, {96}), text.argument({96}));
  EXPECT_EQ(getRefusal(text.finish(text.add(out, in))), "");
}

TEST(Fusion, TakesTheStemsTranspose) {
  KernelText text;
  Node map = text.transpose(text.argument({1, 3, 8, 8}), {0, 2, 3, 1});
  EXPECT_EQ(getRefusal(text.finish(text.conv(map, {16, 3, 2}))), "");
}

// Strips of the second would need other rows of the first than its pairs.
TEST(Fusion, KeepsFullConvolutionsOfFewerProductsApart) {
  for (int64_t channels : {16, 8}) {
    KernelText text;
    Node out = text.argument({1, 32, 32, channels});
    for (int i = 0; i < 2; ++i)
      out = text.conv(text.conv(out, {32, 3, 2, {}, "relu"}), {16});
    EXPECT_EQ(getRefusal(text.finish(out)),
              channels == 8 ? ""
                            : "a window behind a full convolution, which needs "
                              "all its products then");
  }
}

TEST(Fusion, TakesTheEdgeBeforeProductsOfBytes) {
  KernelText text;
  Node map = text.transpose(text.argument({1, 3, 8, 8}), {0, 2, 3, 1});
  Node sum = text.conv(text.requantize(map), {16, 3, 2});
  EXPECT_EQ(getRefusal(text.finish(text.requantize(sum))), "");
}

TEST(Fusion, TakesBlocksOfBytes) {
  KernelText text;
  Node in = text.argument({1, 8, 8, 16}, "i8");
  Node out = text.requantize(text.conv(in, {32}));
  out = text.requantize(text.depthwise(out, {32, 3}));
  out = text.requantize(text.conv(out, {16}), in);
  EXPECT_EQ(getRefusal(text.finish(out)), "");
}

TEST(Fusion, TakesMobileMqaOfBytesWhole) {
  KernelText text;
  Node in = text.argument({1, 8, 8, 16}, "i8");
  Node query = text.requantize(text.conv(in, {32})), maps[2];
  for (Node &map : maps) {
    map = text.requantize(text.depthwise(in, {16, 3, 2}));
    map = text.requantize(text.conv(map, {16}));
  }
  Node out = text.attention(query, maps[0], maps[1], 2, 0.25);
  out = text.requantize(text.conv(out, {16}), in);
  EXPECT_EQ(getRefusal(text.finish(out)), "");
}

TEST(Fusion, RefusesBytesOfOneRowAndAResidualInside) {
  KernelText row, residual;
  Node out = row.requantize(row.conv(row.argument({1, 1, 8, 16}, "i8"), {32}));
  EXPECT_EQ(getRefusal(row.finish(row.requantize(row.conv(out, {16})))),
            "a map of one row");
  Node in = residual.requantize(
      residual.conv(residual.argument({1, 8, 8, 8}, "i8"), {16}));
  out = residual.requantize(residual.conv(in, {32}));
  out = residual.requantize(residual.conv(out, {16}), in);
  EXPECT_EQ(getRefusal(residual.finish(out)),
            "a residual of what the same kernel computes");
}

TEST(Fusion, TakesAPoolAfterAProduct) {
  KernelText text;
  Node out = text.conv(text.argument({1, 7, 7, 8}), {32, 1, 1, {}, "relu"});
  out = text.reshape(text.globalPool(out), {1, 32});
  EXPECT_EQ(getRefusal(text.finish(out)), "");
}

/// A Mobile MQA over `in`: two heads of width 16, their keys and values of half
/// the resolution where `strided` is set.
Node addMqa(KernelText &text, const Node &in, bool strided) {
  Node query = text.conv(in, {32}), maps[2];
  for (Node &map : maps) {
    map = strided ? text.depthwise(in, {0, 3, 2}) : in;
    map = text.conv(map, {16});
    map = text.add(map, text.argument(map.shape));
  }
  Node out = text.attention(query, maps[0], maps[1], 2, 0.25);
  int64_t channels = in.shape[3];
  out = text.mul(text.conv(out, {channels}), text.argument({channels}));
  return text.add(out, in);
}

TEST(Fusion, TakesMobileMqaWhole) {
  for (bool strided : {false, true}) {
    KernelText text;
    Node out = addMqa(text, text.argument({1, 8, 7, 40}), strided);
    EXPECT_EQ(getRefusal(text.finish(out)), "");
  }
}

TEST(Fusion, RefusesTwoAttentions) {
  KernelText text;
  Node in = text.argument({1, 8, 7, 40});
  EXPECT_EQ(
      getRefusal(text.finish(addMqa(text, addMqa(text, in, false), false))),
      "more than one attention");
}

TEST(Fusion, TakesFullConvolutionsInTurn) {
  KernelText text;
  Node out = text.conv(text.argument({1, 8, 8, 8}), {16, 3, 2});
  EXPECT_EQ(getRefusal(text.finish(text.conv(out, {16, 3, 2}))), "");
}

TEST(Fusion, RefusesWindowsPaddedAtOneEnd) {
  for (std::vector<int64_t> rows : {std::vector<int64_t>{2, 0}, {0, 2}}) {
    Conv window{16, 3, 1, {rows[0], rows[1], 1, 1}};
    KernelText depthwise, full;
    Node out = depthwise.conv(depthwise.argument({1, 8, 8, 8}), {16});
    EXPECT_EQ(getRefusal(depthwise.finish(depthwise.depthwise(out, window))),
              "a window whose rows of padding are unlike at top and bottom");
    out = full.conv(full.argument({1, 8, 8, 8}), {16});
    EXPECT_EQ(getRefusal(full.finish(full.conv(out, window))),
              "a window whose rows of padding are unlike at top and bottom");
  }
}

TEST(Fusion, RefusesTwoSumsAtOnce) {
  KernelText text;
  Node in = text.argument({1, 8, 8, 8});
  Node a = text.conv(in, {16}), b = text.conv(in, {16});
  EXPECT_EQ(getRefusal(text.finish(text.add(a, b))),
            "two chains that do not depend on each other");
}

TEST(Fusion, RefusesPoolOfDepthwise) {
  KernelText text;
  Node out = text.depthwise(text.argument({1, 8, 8, 8}), {0, 3});
  EXPECT_EQ(getRefusal(text.finish(text.globalPool(out))),
            "a global pool is fused with one pointwise convolution only");
}

TEST(Fusion, RefusesTheGateOfSqueezeAndExcitation) {
  KernelText text;
  Node map = text.argument({1, 8, 8, 16});
  Node gate = text.conv(text.argument({1, 1, 1, 4}), {16, 1, 1, {}, "sigmoid"});
  EXPECT_EQ(getRefusal(text.finish(text.conv(text.mul(map, gate), {8}))),
            "a gate that each strip and each task would compute anew");
}

TEST(Fusion, RefusesTransposeInside) {
  KernelText text;
  Node out = text.conv(text.argument({1, 8, 8, 8}), {16});
  EXPECT_EQ(getRefusal(text.finish(text.transpose(out, {0, 3, 1, 2}))),
            "a transpose that is not of the map which enters");
}

TEST(Fusion, RefusesLongChains) {
  KernelText text;
  Node out = text.argument({1, 8, 8, 8});
  for (int i = 0; i < 5; ++i)
    out = text.conv(out, {8});
  EXPECT_EQ(getRefusal(text.finish(out)),
            "more than four computing primitives");
}

/// A chain of random primitives over odd sizes.
std::string makeChain(std::mt19937 &random) {
  auto pick = [&](std::initializer_list<int64_t> values) {
    return values.begin()[random() % values.size()];
  };
  const char *acts[] = {"none", "relu", "relu6", "hard_swish"};
  KernelText text;
  Node in = text.argument(
      {1, pick({5, 8, 14}), pick({6, 7, 15}), pick({3, 8, 16, 24, 40, 48})});
  Node out = in;
  for (int64_t steps = pick({2, 3, 4, 5}); steps > 0; --steps) {
    const char *act = acts[random() % 4];
    int64_t channels = out.shape[3];
    switch (random() % 6) {
    case 0:
      out = text.conv(out, {pick({1, 16, 24, 33, 96}), 1, 1, {}, act});
      break;
    case 1:
      out = text.depthwise(out, {0, pick({3, 5}), pick({1, 2}), {}, act});
      break;
    case 2:
      out = text.conv(out, {pick({8, 40}), 3, pick({1, 2}), {}, act});
      break;
    case 3:
      out = text.mul(out, text.argument({channels}), act);
      break;
    case 4:
      out =
          text.add(out, out.shape == in.shape ? in : text.argument(out.shape));
      break;
    default:
      out = text.activate(out, "relu");
    }
  }
  return text.finish(out);
}

class FusionTest : public testing::TestWithParam<const char *> {};

TEST_P(FusionTest, WhatItTakesCompilesAndIsRight) {
  if (!canRun(GetParam()))
    GTEST_SKIP() << "this machine cannot run " << GetParam();
  std::mt19937 random(1);
  int taken = 0;
  for (int i = 0; i < 60; ++i) {
    std::string text = makeChain(random);
    if (!getRefusal(text).empty())
      continue;
    ++taken;
    SCOPED_TRACE(text);
    CompiledKernel kernel(text, GetParam());
    ASSERT_EQ(kernel.getError(), "");
    kernel.run();
    ASSERT_EQ(kernel.getError(), "");
    EXPECT_LE(kernel.getRelativeError(), 1e-5);
    EXPECT_LE(kernel.getMostScratch(), kernel.getCode().scratchBytes);
  }
  EXPECT_GE(taken, 10);
}

INSTANTIATE_TEST_SUITE_P(Cpus, FusionTest,
                         testing::Values("haswell", "cortex-a76"),
                         [](const auto &info) {
                           return std::string(info.param) == "haswell" ? "Avx2"
                                                                       : "Neon";
                         });

} // namespace
