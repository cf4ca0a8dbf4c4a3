//===- ConvolutionsTest.cpp - sums over windows against plain loops -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Odd sizes, strides and paddings on each side, and packed filters.
//===----------------------------------------------------------------------===//
#include "Testing.h"
#include <cmath>

using namespace minnow::test;

/// conv2d by its definition: stride [2, 3], pad [1, 0, 2, 1].
static Tensor convolve(const Tensor &x, const Tensor &w, const Tensor &b,
                       std::vector<int64_t> shape) {
  return makeMap(shape, [&](int64_t n, int64_t oy, int64_t ox, int64_t o) {
    double sum = b.at({o});
    for (int64_t i = 0; i < w.shape[0]; ++i)
      for (int64_t j = 0; j < w.shape[1]; ++j)
        for (int64_t c = 0; c < w.shape[2]; ++c)
          sum += double(x.at({n, oy * 2 + i - 1, ox * 3 + j - 2, c})) *
                 w.at({i, j, c, o});
    return sum;
  });
}

static const char *kConvolution =
    "mobile.conv2d %x, %w bias %b stride [2, 3] pad [1, 0, 2, 1] : "
    "tensor<1x11x9x5xf32>, tensor<3x5x5x7xf32>, tensor<7xf32> -> "
    "tensor<1x5x3x7xf32>";

TEST(Convolutions, ConvolvesWithStridesAndUnevenPadding) {
  Tensor x = makeRandom({1, 11, 9, 5}), w = makeRandom({3, 5, 5, 7});
  Tensor b = makeRandom({7});
  Tensor actual =
      executeOne("%x: tensor<1x11x9x5xf32>, "
                 "%w: tensor<3x5x5x7xf32>, %b: tensor<7xf32>",
                 "tensor<1x5x3x7xf32>", kConvolution, {x, w, b}, {1, 5, 3, 7});
  expectNear(actual, convolve(x, w, b, {1, 5, 3, 7}));
}

TEST(Convolutions, ReadsFiltersInPanels) {
  Tensor x = makeRandom({1, 11, 9, 5}), w = makeRandom({3, 5, 5, 7});
  Tensor b = makeRandom({7});
  // 4 leaves a padded panel, 7 is exact, 16 is wider than the filter.
  for (int64_t panel : {4, 7, 16}) {
    std::string layout = " {mobile.layout = #mobile.layout<panels [" +
                         std::to_string(panel) + "]>}";
    Tensor actual = executeOne("%x: tensor<1x11x9x5xf32>, %w: "
                               "tensor<3x5x5x7xf32>" +
                                   layout + ", %b: tensor<7xf32>" + layout,
                               "tensor<1x5x3x7xf32>", kConvolution,
                               {x, packPanels(w, panel), packPanels(b, panel)},
                               {1, 5, 3, 7});
    expectNear(actual, convolve(x, w, b, {1, 5, 3, 7}));
  }
}

TEST(Convolutions, ReadsFiltersWithWinogradsTaps) {
  Tensor x = makeRandom({1, 11, 9, 5}), w = makeRandom({3, 3, 5, 7});
  Tensor b = makeRandom({7});
  for (int64_t panel : {4, 7}) {
    Tensor packed = packPanels(w, panel, minnow::mobile::LayoutKind::Winograd);
    // The last row and column are the sums of the first and the third.
    float sum = w.at({0, 0, 3, 2}) + w.at({0, 2, 3, 2}) + w.at({2, 0, 3, 2}) +
                w.at({2, 2, 3, 2});
    EXPECT_FLOAT_EQ(packed.at({0, 15 * 5 + 3, 2}), sum);
    std::string layout = "{mobile.layout = #mobile.layout<winograd [" +
                         std::to_string(panel) + "]>}";
    Tensor actual = executeOne(
        "%x: tensor<1x11x9x5xf32>, %w: tensor<3x3x5x7xf32> " + layout +
            ", %b: tensor<7xf32>",
        "tensor<1x5x4x7xf32>",
        "mobile.conv2d %x, %w bias %b stride [2, 3] pad [1, 0, 2, 1] : "
        "tensor<1x11x9x5xf32>, tensor<3x3x5x7xf32>, tensor<7xf32> -> "
        "tensor<1x5x4x7xf32>",
        {x, packed, b}, {1, 5, 4, 7});
    expectNear(actual, convolve(x, w, b, {1, 5, 4, 7}));
  }
}

TEST(Convolutions, PointwiseWithoutBias) {
  Tensor x = makeRandom({1, 3, 5, 17}), w = makeRandom({1, 1, 17, 13});
  Tensor actual =
      executeOne("%x: tensor<1x3x5x17xf32>, %w: tensor<1x1x17x13xf32>",
                 "tensor<1x3x5x13xf32>",
                 "mobile.conv2d %x, %w act relu : tensor<1x3x5x17xf32>, "
                 "tensor<1x1x17x13xf32> -> tensor<1x3x5x13xf32>",
                 {x, w}, {1, 3, 5, 13});
  expectNear(actual,
             makeMap({1, 3, 5, 13}, [&](auto n, auto y, auto v, auto o) {
               double sum = 0;
               for (int64_t c = 0; c < 17; ++c)
                 sum += double(x.at({n, y, v, c})) * w.at({0, 0, c, o});
               return std::max(sum, 0.0);
             }));
}

TEST(Convolutions, Depthwise) {
  Tensor x = makeRandom({1, 9, 8, 11}), w = makeRandom({5, 3, 11});
  Tensor b = makeRandom({11});
  auto expected = makeMap({1, 5, 9, 11}, [&](auto n, auto oy, auto ox, auto c) {
    double sum = b.at({c});
    for (int64_t i = 0; i < 5; ++i)
      for (int64_t j = 0; j < 3; ++j)
        sum +=
            double(x.at({n, oy * 2 + i - 2, ox + j - 1, c})) * w.at({i, j, c});
    return sum;
  });
  const char *line = "mobile.depthwise_conv2d %x, %w bias %b stride [2, 1] "
                     "pad [2, 2, 1, 2] : tensor<1x9x8x11xf32>, "
                     "tensor<5x3x11xf32>, tensor<11xf32> -> "
                     "tensor<1x5x9x11xf32>";
  std::string x0 = "%x: tensor<1x9x8x11xf32>, %w: tensor<5x3x11xf32>";
  expectNear(executeOne(x0 + ", %b: tensor<11xf32>", "tensor<1x5x9x11xf32>",
                        line, {x, w, b}, {1, 5, 9, 11}),
             expected);
  expectNear(executeOne(x0 + " {mobile.layout = #mobile.layout<panels [8]>}, "
                             "%b: tensor<11xf32>",
                        "tensor<1x5x9x11xf32>", line, {x, packPanels(w, 8), b},
                        {1, 5, 9, 11}),
             expected);
}

TEST(Convolutions, Linear) {
  Tensor x = makeRandom({3, 37}), w = makeRandom({37, 19});
  Tensor b = makeRandom({19});
  Tensor expected({3, 19});
  for (int64_t m = 0; m < 3; ++m)
    for (int64_t n = 0; n < 19; ++n) {
      double sum = b.at({n});
      for (int64_t k = 0; k < 37; ++k)
        sum += double(x.at({m, k})) * w.at({k, n});
      expected[{m, n}] = float(std::min(std::max(sum, 0.0), 6.0));
    }
  Tensor actual =
      executeOne("%x: tensor<3x37xf32>, %w: tensor<37x19xf32> {mobile.layout = "
                 "#mobile.layout<panels [16]>}, %b: tensor<19xf32>",
                 "tensor<3x19xf32>",
                 "mobile.linear %x, %w bias %b act relu6 : tensor<3x37xf32>, "
                 "tensor<37x19xf32>, tensor<19xf32> -> tensor<3x19xf32>",
                 {x, packPanels(w, 16), b}, {3, 19});
  expectNear(actual, expected);
}

/// pool2d by its definition: window [3, 2], stride [2, 2], pad [1, 2, 1, 0].
static Tensor pool(const Tensor &x, bool isMax, bool countPad) {
  return makeMap({1, 4, 4, 6}, [&](auto n, auto oy, auto ox, auto c) {
    double sum = 0, largest = -INFINITY;
    int count = 0;
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 2; ++j) {
        int64_t y = oy * 2 + i - 1, v = ox * 2 + j - 1;
        if (!x.contains({n, y, v, c}))
          continue;
        sum += x.at({n, y, v, c});
        largest = std::max(largest, double(x.at({n, y, v, c})));
        ++count;
      }
    return isMax ? largest : sum / (countPad ? 6 : count);
  });
}

TEST(Convolutions, PoolsCountWhatTheirAttributesSay) {
  Tensor x = makeRandom({1, 7, 7, 6});
  for (float &element : x.data)
    element -= 2; // So a padding of zeros would win the maximum.
  auto run = [&](const std::string &kind, const std::string &attribute) {
    return executeOne("%x: tensor<1x7x7x6xf32>", "tensor<1x4x4x6xf32>",
                      "mobile.pool2d " + kind +
                          " %x window [3, 2] stride [2, 2] pad [1, 2, 1, 0] " +
                          attribute +
                          ": tensor<1x7x7x6xf32> -> tensor<1x4x4x6xf32>",
                      {x}, {1, 4, 4, 6});
  };
  expectNear(run("max", ""), pool(x, true, false));
  expectNear(run("average", ""), pool(x, false, false));
  expectNear(run("average", "count_pad "), pool(x, false, true));
}

TEST(Convolutions, GlobalAverage) {
  Tensor x = makeRandom({1, 7, 7, 33});
  Tensor actual = executeOne("%x: tensor<1x7x7x33xf32>", "tensor<1x1x1x33xf32>",
                             "mobile.pool2d average %x window [7, 7] : "
                             "tensor<1x7x7x33xf32> -> tensor<1x1x1x33xf32>",
                             {x}, {1, 1, 1, 33});
  expectNear(actual, makeMap({1, 1, 1, 33}, [&](auto, auto, auto, auto c) {
               double sum = 0;
               for (int64_t i = 0; i < 49; ++i)
                 sum += x.at({0, i / 7, i % 7, c});
               return sum / 49;
             }));
}
