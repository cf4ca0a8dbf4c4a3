//===- HistogramTest.cpp - ranges of activations --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/Histogram.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace minnow;

static std::vector<float> makeNormal(size_t count, float deviation) {
  std::mt19937 engine(7);
  std::vector<float> values(count);
  // Sums of uniform numbers: the same with every standard library.
  for (float &value : values) {
    double sum = 0;
    for (int i = 0; i < 12; ++i)
      sum += engine() / 4294967296.0;
    value = deviation * float(sum - 6);
  }
  return values;
}

TEST(ScaleAndZero, HoldsTheEndsAndZero) {
  ScaleAndZero numbers = getScaleAndZero({-1, 4});
  EXPECT_FLOAT_EQ(numbers.scale, 5.0 / 255);
  EXPECT_EQ(numbers.zeroPoint, -77); // -128 + 51
  // Zero lies in each range: it is what padding reads.
  EXPECT_EQ(getScaleAndZero({2, 4}).zeroPoint, -128);
  EXPECT_EQ(getScaleAndZero({-4, -2}).zeroPoint, 127);
}

TEST(ScaleAndZero, SymmetricIsAroundZero) {
  ScaleAndZero numbers = getScaleAndZero({-2.54, 1}, /*symmetric=*/true);
  EXPECT_FLOAT_EQ(numbers.scale, 0.02);
  EXPECT_EQ(numbers.zeroPoint, 0);
}

TEST(ScaleAndZero, OfNothingIsOne) {
  EXPECT_EQ(getScaleAndZero({0, 0}).scale, 1);
  EXPECT_EQ(getScaleAndZero({0, 1e-38}).scale, 1);
}

TEST(Histogram, KnowsTheExtremes) {
  Histogram histogram;
  EXPECT_EQ(histogram.add({1, 2}), -1);
  EXPECT_EQ(histogram.add({-3, 0.5}), -1);
  EXPECT_EQ(histogram.getExtremes().low, -3);
  EXPECT_EQ(histogram.getExtremes().high, 2);
  // 0 lies inside, also where no element is 0.
  Histogram positive;
  positive.add({5, 7});
  EXPECT_EQ(positive.getExtremes().low, 0);
}

TEST(Histogram, NamesWhatIsNotFinite) {
  Histogram histogram;
  EXPECT_EQ(histogram.add({1, std::numeric_limits<float>::quiet_NaN()}), 1);
  EXPECT_EQ(histogram.add({std::numeric_limits<float>::infinity(), 1}), 0);
  EXPECT_EQ(histogram.getExtremes().high, 0);
}

TEST(Histogram, OrderDoesNotMatter) {
  std::vector<float> values = makeNormal(1000, 1);
  values.push_back(1000);
  Histogram forth, back;
  for (float value : values)
    forth.add(value);
  std::reverse(values.begin(), values.end());
  for (float value : values)
    back.add(value);
  for (double high : {1.0, 10.0, 500.0})
    EXPECT_EQ(forth.getError({-1, high}), back.getError({-1, high}));
}

TEST(Histogram, PercentileLeavesOutTheOutermost) {
  std::vector<float> values(1000, 0.5f);
  values[0] = 100;
  values[1] = -100;
  Histogram histogram;
  histogram.add(values);
  RangeOptions options{RangeKind::Percentile, 99};
  EXPECT_NEAR(histogram.choose(options).high, 0.5, 0.1);
  EXPECT_NEAR(histogram.choose(options).low, 0, 0.1);
  options.percentile = 100;
  EXPECT_EQ(histogram.choose(options).high, 100);
}

TEST(Histogram, LeastErrorClipsOutliers) {
  std::vector<float> values = makeNormal(1000000, 1);
  values[0] = 12;
  Histogram histogram;
  histogram.add(values);
  Range range = histogram.choose({RangeKind::Mse});
  EXPECT_LT(range.high, 9);
  EXPECT_GT(range.high, 3);
  EXPECT_LT(histogram.getError(range),
            0.7 * histogram.getError(histogram.getExtremes()));
  EXPECT_EQ(histogram.choose({RangeKind::MinMax}).high, 12);
}

TEST(Histogram, ErrorIsThatOfRounding) {
  std::vector<float> values = makeNormal(20000, 1);
  Histogram histogram;
  histogram.add(values);
  Range range{-3, 3};
  ScaleAndZero numbers = getScaleAndZero(range);
  double error = 0;
  for (float value : values) {
    double q = std::clamp<double>(
        std::nearbyint(value / numbers.scale) + numbers.zeroPoint, -128, 127);
    error += std::pow((q - numbers.zeroPoint) * numbers.scale - value, 2);
  }
  error /= values.size();
  EXPECT_NEAR(histogram.getError(range), error, 0.05 * error);
}
