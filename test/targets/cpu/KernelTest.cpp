//===- KernelTest.cpp - emitted kernels against plain loops ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every form that the CPU's kernels take, at sizes that do and do not fit
// vectors and tiles, for AVX2, AVX-512 and NEON. Operands end at a page that
// faults.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Harness.h"
#include "test/targets/cpu/Text.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace minnow::test;

namespace {

class KernelTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (!canRun(GetParam()))
      GTEST_SKIP() << "this machine cannot run " << GetParam();
  }

  /// Schedules, by `schedule` if it is given, compiles, runs and compares.
  void check(KernelText &text, const Node &result,
             const std::string &schedule = "") {
    std::string module = text.finish(result);
    SCOPED_TRACE(module + schedule);
    CompiledKernel kernel(module, GetParam(),
                          schedule.empty() ? ""
                                           : "#mobile.schedule" + schedule);
    ASSERT_EQ(kernel.getError(), "");
    kernel.run();
    ASSERT_EQ(kernel.getError(), "");
    EXPECT_LE(kernel.getRelativeError(), 1e-5);
    EXPECT_LE(kernel.getMostScratch(), kernel.getCode().scratchBytes);
  }
};

TEST_P(KernelTest, PointwiseOfAnySize) {
  struct {
    int64_t size, inputs, outputs;
  } cases[] = {{14, 96, 192}, {7, 128, 512}, {28, 64, 64}, {5, 17, 24},
               {7, 40, 40},   {1, 960, 100}, {3, 8, 1},    {12, 3, 33}};
  for (auto [size, inputs, outputs] : cases) {
    KernelText text;
    Node in = text.argument({1, size, size, inputs});
    check(text, text.conv(in, {outputs, 1, 1, {}, "relu"}));
  }
}

// Some of the schedules' tiles divide the result, so that parts are outside.
TEST_P(KernelTest, SumsInParts) {
  struct {
    int64_t size, inputs, outputs;
    const char *schedule;
  } cases[] = {{6, 4096, 64, "<channels 2, strip 1, [<6 by 2, terms_outer>]>"},
               {6, 2560, 128, "<rows 3, strip 1, [<6 by 4, terms_outer>]>"},
               {6, 1040, 192, "<none 1, strip 1, [<4 by 6, terms_outer>]>"},
               {7, 2048, 64, "<channels 2, strip 1, [<6 by 2, terms_outer>]>"},
               {6, 2048, 72, "<rows 2, strip 1, [<6 by 4, terms_outer>]>"}};
  for (auto [size, inputs, outputs, schedule] : cases) {
    KernelText text;
    Node in = text.argument({1, size, size, inputs});
    Node out = text.conv(in, {outputs, 1, 1, {}, "none"});
    check(text, text.add(out, text.argument(out.shape), "relu"), schedule);
  }
}

TEST_P(KernelTest, FullConvolutionOfAnyWindow) {
  struct {
    int64_t h, w, inputs;
    Conv form;
  } cases[] = {{28, 28, 32, {96, 3, 2}},
               {9, 13, 8, {24, 3, 1}},
               {8, 8, 16, {16, 3, 2, {0, 1, 0, 1}, "relu6"}},
               {11, 7, 5, {10, 5, 2, {1, 2, 1, 2}, "none", false}},
               {6, 6, 16, {32, 3, 1, {0, 0, 0, 0}}},
               {14, 14, 16, {32, 1, 2, {0, 0, 0, 0}}}};
  for (auto &[h, w, inputs, form] : cases) {
    KernelText text;
    Node in = text.argument({1, h, w, inputs});
    check(text, text.conv(in, form));
  }
}

// Channels that end within a vector or a panel, tiles that overlap, borders on
// each side and on none, tasks of one strip and of several.
TEST_P(KernelTest, FullConvolutionOfFewerProducts) {
  struct {
    int64_t h, w, inputs, outputs;
    Shape pad;
    const char *schedule;
  } cases[] = {{16, 20, 16, 32, {1, 0, 1, 0}, "<none 1, strip 2, [<4 by 1, "},
               {16, 20, 24, 40, {1, 1, 1, 1}, "<rows 4, strip 2, [<4 by 2, "},
               {24, 16, 17, 19, {0, 1, 0, 1}, "<rows 3, strip 4, [<6 by 2, "},
               {17, 21, 32, 96, {0, 0, 0, 0}, "<rows 2, strip 2, [<10 by 3, "},
               {8, 28, 8, 64, {1, 0, 1, 0}, "<none 1, strip 4, [<14 by 1, "}};
  for (auto &[h, w, inputs, outputs, pad, schedule] : cases) {
    KernelText text, fused;
    Node in = text.argument({1, h, w, inputs});
    check(text, text.conv(in, {outputs, 3, 2, pad, "relu6"}),
          std::string(schedule) + "channels_outer, winograd>]>");
    in = fused.argument({1, h, w, inputs});
    Node out = fused.conv(in, {outputs, 3, 2, pad, "relu"});
    check(fused, fused.conv(out, {24}),
          std::string(schedule) +
              "pixels_outer, winograd>, <4 by 2, channels_outer>]>");
  }
}

TEST_P(KernelTest, FewerProductsBehindAStem) {
  KernelText text;
  Node out = text.argument({1, 3, 33, 32});
  out = text.transpose(out, {0, 2, 3, 1});
  out = text.conv(out, {16, 3, 2, {0, 1, 1, 0}, "relu"});
  out = text.conv(out, {40, 3, 2, {1, 1, 1, 1}, "relu"});
  check(text, text.conv(out, {24}),
        "<rows 2, strip 2, [<4 by 2, channels_outer>, <4 by 2, "
        "channels_outer, winograd>, <4 by 2, channels_outer>]>");
}

TEST_P(KernelTest, DepthwiseOfAnyWindow) {
  struct {
    int64_t h, w, channels;
    Conv form;
  } cases[] = {{28, 28, 96, {0, 3, 1}},
               {14, 14, 192, {0, 5, 2}},
               {7, 7, 512, {0, 5, 1, {}, "relu"}},
               {13, 9, 24, {0, 3, 2, {0, 1, 0, 1}}},
               {6, 5, 7, {0, 5, 1}},
               {10, 10, 40, {0, 3, 1, {0, 0, 0, 0}}},
               {112, 112, 16, {0, 3, 2, {1, 1, 1, 1}, "relu6", false}},
               {3, 3, 32, {0, 5, 1}}};
  for (auto &[h, w, channels, form] : cases) {
    KernelText text;
    Node in = text.argument({1, h, w, channels});
    check(text, text.depthwise(in, form));
  }
}

TEST_P(KernelTest, LinearOfAnySize) {
  for (int64_t outputs : {1000, 1280, 10, 1001}) {
    KernelText text;
    Node in = text.argument({1, 320});
    check(text, text.linear(in, outputs, "relu"));
  }
  KernelText text;
  Node in = text.argument({9, 24});
  check(text, text.linear(in, 40, "none"));
}

TEST_P(KernelTest, Activations) {
  for (const char *act : {"relu", "relu6", "hard_swish", "hard_sigmoid",
                          "sigmoid", "silu", "gelu"}) {
    for (int64_t inputs : {24, 400}) { // Sums of 400 terms reach far.
      KernelText text;
      Node in = text.argument({1, 5, 5, inputs});
      check(text, text.conv(in, {24, 1, 1, {}, act}));
    }
    KernelText loose;
    check(loose, loose.activate(loose.argument({1, 5, 7, 9}), act));
  }
}

// Numbers up to 16 in a row, or not.
TEST_P(KernelTest, GeluNearAndFar) {
  for (int64_t channels : {64, 37, 8}) {
    KernelText text;
    Node in = text.argument({1, 40, 40, channels});
    for (int doubled = 0; doubled < 4; ++doubled)
      in = text.add(in, in);
    CompiledKernel kernel(text.finish(text.activate(in, "gelu")), GetParam());
    kernel.run();
    ASSERT_EQ(kernel.getError(), "");
    EXPECT_LE(kernel.getRelativeError(), 2e-7);
  }
}

TEST_P(KernelTest, ElementOperations) {
  KernelText same;
  Node a = same.argument({1, 7, 5, 13}), b = same.argument({1, 7, 5, 13});
  check(same, same.mul(same.add(a, b, "relu"), b));
  for (Shape shape :
       {Shape{24}, Shape{1, 1, 1, 24}, Shape{1, 1, 5, 24}, Shape{1, 5, 5, 1}}) {
    KernelText text;
    Node lhs = text.argument({1, 5, 5, 24}), rhs = text.argument(shape);
    check(text, text.add(text.mul(lhs, rhs), lhs));
  }
}

TEST_P(KernelTest, Pools) {
  KernelText global;
  check(global, global.globalPool(global.argument({1, 7, 7, 40})));
  for (const char *kind : {"average", "max"})
    for (int64_t pad : {0, 1}) {
      KernelText text;
      Node in = text.argument({1, 9, 11, 24});
      check(text, text.pool(in, kind, {3, 3}, 2, pad));
    }
  KernelText counted;
  Node in = counted.argument({1, 9, 11, 24});
  check(counted, counted.pool(in, "average", {3, 3}, 1, 1, /*countPad=*/true));
}

TEST_P(KernelTest, MovesOfElements) {
  KernelText softmax;
  check(softmax, softmax.softmax(softmax.argument({1, 1000})));
  KernelText rows;
  check(rows, rows.softmax(rows.argument({6, 13})));
  KernelText nhwc;
  check(nhwc, nhwc.transpose(nhwc.argument({1, 3, 10, 12}), {0, 2, 3, 1}));
  KernelText nchw;
  check(nchw, nchw.transpose(nchw.argument({1, 10, 12, 20}), {0, 3, 1, 2}));
  KernelText pad;
  check(pad, pad.pad(pad.argument({1, 5, 6, 20}), {0, 1, 2, 3}));
  KernelText reshape;
  check(reshape, reshape.reshape(reshape.argument({1, 2, 3, 20}), {1, 120}));
}

TEST_P(KernelTest, StemReadsPlanes) {
  for (int64_t size : {32, 33, 224}) {
    KernelText text;
    Node in = text.argument({1, 3, size, size});
    Node map = text.transpose(in, {0, 2, 3, 1});
    check(text, text.conv(map, {32, 3, 2, {}, "relu"}));
  }
  KernelText text;
  Node map = text.transpose(text.argument({1, 3, 20, 20}), {0, 2, 3, 1});
  check(text, text.conv(map, {24, 3, 2, {0, 1, 0, 1}, "relu6"}));
}

TEST_P(KernelTest, EpilogueScaleAndResidual) {
  for (int64_t channels : {96, 24}) {
    KernelText text;
    Node in = text.argument({1, 7, 7, 64});
    Node residual = text.argument({1, 7, 7, channels});
    Node out = text.conv(in, {channels});
    out = text.mul(out, text.argument({channels}));
    check(text, text.add(residual, out, "relu"));
  }
}

TEST_P(KernelTest, FusedInvertedBottleneck) {
  for (int64_t stride : {1, 2}) {
    KernelText text;
    Node in = text.argument({1, 28, 28, 32});
    Node out = text.conv(in, {96, 3, stride, {}, "relu"});
    out = text.conv(out, {stride == 1 ? 32 : 64, 1});
    check(text, stride == 1 ? text.add(out, in) : out);
  }
}

TEST_P(KernelTest, FullConvolutionsInTurn) {
  struct {
    int64_t size;
    Shape pad;
    int64_t stride;
  } cases[] = {{56, {1, 1, 1, 1}, 2},
               {33, {0, 1, 0, 1}, 2},
               {15, {1, 1, 1, 1}, 1},
               {12, {0, 0, 0, 0}, 1}};
  for (auto &[size, pad, stride] : cases) {
    KernelText text;
    Node out = text.argument({1, 3, size, size});
    out = text.transpose(out, {0, 2, 3, 1});
    out = text.conv(out, {32, 3, 2, pad, "relu"});
    out = text.conv(out, {24, 3, stride, pad, "relu"});
    out = text.conv(out, {16});
    check(text, text.conv(out, {40, 3, stride, pad, "relu"}));
  }
}

/// One block of each instantiation: start and middle depthwise, 0 = none.
void addUib(KernelText &text, Node &out, int64_t expanded, int64_t outputs,
            int64_t start, int64_t middle, int64_t stride, bool residual) {
  Node in = out;
  if (start)
    out = text.depthwise(out, {0, start, middle ? 1 : stride});
  if (expanded)
    out = text.conv(out, {expanded, 1, 1, {}, "relu"});
  if (middle)
    out = text.depthwise(out, {0, middle, stride, {}, "relu"});
  out = text.conv(out, {outputs});
  if (residual)
    out = text.add(out, in);
}

TEST_P(KernelTest, UibOfEachKind) {
  struct {
    int64_t size, inputs, expanded, outputs, start, middle, stride;
  } cases[] = {{14, 96, 192, 96, 0, 3, 1}, {14, 96, 384, 96, 3, 0, 1},
               {28, 64, 192, 96, 5, 5, 2}, {7, 128, 256, 128, 5, 5, 1},
               {8, 32, 64, 32, 0, 0, 1},   {14, 24, 72, 40, 0, 5, 2},
               {12, 16, 0, 24, 0, 3, 1},   {13, 24, 72, 24, 3, 3, 1}};
  for (auto [size, in, expanded, outputs, start, middle, stride] : cases) {
    KernelText text;
    Node out = text.argument({1, size, size, in});
    addUib(text, out, expanded, outputs, start, middle, stride,
           stride == 1 && in == outputs);
    check(text, out);
  }
}

TEST_P(KernelTest, ResidualAroundWindowsOfOneRow) {
  for (int64_t rows : {7, 11}) {
    KernelText text;
    Node stem = text.conv(text.argument({1, rows, 9, 24}), {16});
    Node out = text.depthwise(stem, {0, 1, 1, {0, 0, 0, 0}, "relu"});
    check(text, text.add(out, stem));
  }
}

TEST_P(KernelTest, PointwiseWithGlobalPool) {
  struct {
    int64_t size, inputs, outputs;
  } cases[] = {{7, 96, 960}, {8, 64, 192}, {5, 32, 40}};
  for (auto [size, inputs, outputs] : cases) {
    KernelText text;
    Node in = text.argument({1, size, size, inputs});
    Node out = text.conv(in, {outputs, 1, 1, {}, "relu"});
    out = text.globalPool(out);
    check(text, text.reshape(out, {1, outputs}));
  }
}

TEST_P(KernelTest, AttentionOfAnySize) {
  struct {
    int64_t size, keySize, heads, keyHeads, keyWidth, valueWidth;
  } cases[] = {
      {16, 8, 4, 1, 64, 64},  {8, 8, 4, 1, 64, 64}, {24, 12, 8, 1, 48, 48},
      {12, 12, 8, 1, 64, 64}, {7, 7, 3, 3, 32, 32}, {6, 5, 4, 2, 24, 40},
      {5, 3, 6, 1, 10, 20},   {1, 1, 2, 1, 8, 7},   {14, 14, 2, 2, 16, 16}};
  for (auto [size, keySize, heads, keyHeads, keyWidth, valueWidth] : cases) {
    KernelText text;
    Node q = text.argument({1, size, size + 1, heads * keyWidth});
    Node k = text.argument({1, keySize, keySize, keyHeads * keyWidth});
    Node v = text.argument({1, keySize, keySize, keyHeads * valueWidth});
    check(text, text.attention(q, k, v, heads, 1 / std::sqrt(keyWidth)));
  }
}

TEST_P(KernelTest, MobileMqaInOneKernel) {
  struct {
    int64_t size, inputs, heads, width, keyStride;
  } cases[] = {{16, 160, 4, 64, 2},
               {8, 256, 4, 64, 1},
               {7, 40, 4, 16, 2},
               {6, 24, 3, 12, 1}};
  for (auto [size, inputs, heads, width, keyStride] : cases) {
    KernelText text;
    Node in = text.argument({1, size, size + 1, inputs}), maps[2];
    Node query = text.conv(in, {heads * width});
    for (Node &map : maps) {
      map = keyStride > 1 ? text.depthwise(in, {0, 3, keyStride}) : in;
      map = text.conv(map, {width});
      map = text.add(map, text.argument(map.shape));
    }
    Node out = text.attention(query, maps[0], maps[1], heads, 0.01);
    out = text.mul(text.conv(out, {inputs}), text.argument({inputs}));
    check(text, text.add(out, in));
  }
}

TEST(KernelErrors, NameWhatNoStageIsWrittenFor) {
  KernelText batch;
  Node in = batch.argument({2, 8, 8, 16});
  std::string text = batch.finish(batch.pad(in, {1, 1, 1, 1}));
  for (size_t at; (at = text.find("tensor<1x10")) != std::string::npos;)
    text.replace(at, 8, "tensor<2");
  EXPECT_EQ(CompiledKernel(text, "haswell").getError(),
            "a batch of more than one");
  KernelText turned;
  Node matrix = turned.argument({8, 16});
  EXPECT_EQ(
      CompiledKernel(turned.finish(turned.transpose(matrix, {1, 0})), "haswell")
          .getError(),
      "a transpose of other than the dimensions of one map");
  // Windows that move by 1, and a strip that ends within a pair of rows.
  for (int64_t stride : {1, 2}) {
    KernelText full;
    in = full.argument({1, 8, 8, 16});
    std::string text = full.finish(full.conv(in, {32, 3, stride}));
    EXPECT_EQ(CompiledKernel(text, "haswell",
                             "#mobile.schedule<none 1, strip 1, [<4 by 2, "
                             "channels_outer, winograd>]>")
                  .getError(),
              "form winograd of other than a window of 3 x 3 that moves by 2, "
              "in strips of pairs of rows");
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, KernelTest,
                         testing::Values("skylake-avx512", "haswell",
                                         "cortex-a76"),
                         [](const auto &info) {
                           std::string cpu = info.param;
                           return cpu == "haswell"      ? "Avx2"
                                  : cpu == "cortex-a76" ? "Neon"
                                                        : "Avx512";
                         });

} // namespace
