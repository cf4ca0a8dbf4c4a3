//===- FilterRoundingTest.cpp - filters to 8 bits -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/FilterRounding.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace minnow;

namespace {
/// A random problem: inputs that depend on each other, as neighbours in a map
/// do, and have a mean.
struct Problem {
  Problem(size_t taps, size_t channels, size_t groups)
      : taps(taps), channels(channels), groups(groups) {
    std::mt19937 engine(3);
    auto uniform = [&] { return engine() / 4294967296.0 * 2 - 1; };
    for (size_t i = 0; i < taps * channels; ++i)
      filter.push_back(uniform() * (1 + i % channels));
    for (size_t sample = 0; sample < 300; ++sample) {
      std::vector<double> common(groups);
      for (double &each : common)
        each = 2 * uniform();
      for (size_t i = 0; i < taps * groups; ++i)
        inputs.push_back(0.5 + common[i % groups] + 0.3 * uniform());
    }
  }

  float getInput(size_t sample, size_t tap, size_t channel) const {
    return inputs[(sample * taps + tap) * groups + (groups == 1 ? 0 : channel)];
  }

  /// The mean squared error of all results, with the biases corrected.
  double getError(const RoundedFilter &rounded) const {
    size_t samples = inputs.size() / (taps * groups);
    double error = 0;
    for (size_t sample = 0; sample < samples; ++sample)
      for (size_t c = 0; c < channels; ++c) {
        double sum = -rounded.gains[c];
        float scale = rounded.scales[rounded.scales.size() == 1 ? 0 : c];
        for (size_t tap = 0; tap < taps; ++tap) {
          size_t i = tap * channels + c;
          sum += getInput(sample, tap, c) *
                 (double(rounded.numbers[i]) * scale - filter[i]);
        }
        error += sum * sum;
      }
    return error / samples / channels;
  }

  size_t taps, channels, groups;
  std::vector<float> filter, inputs;
};
} // namespace

TEST(TapMoments, AreThoseOfTheSamples) {
  // Two taps, two groups, three samples, in two parts.
  TapMoments moments(2, 2);
  moments.add({1, 10, 2, 20, 3, 30, 6, 60});
  moments.add({5, 50, 7, 70});
  EXPECT_DOUBLE_EQ(moments.getMean(0, 0), 3);
  EXPECT_DOUBLE_EQ(moments.getMean(0, 1), 5);
  EXPECT_DOUBLE_EQ(moments.getMean(1, 1), 50);
  std::vector<float> covariance = moments.getCovariance(0);
  EXPECT_NEAR(covariance[0], 8.0 / 3, 1e-5);
  EXPECT_NEAR(covariance[1], 10.0 / 3, 1e-5);
  EXPECT_EQ(covariance[1], covariance[2]);
  EXPECT_NEAR(moments.getCovariance(1)[3], 1400.0 / 3, 1e-3);
}

TEST(TapMoments, DenseOnesTakeAnyNumberOfSamples) {
  TapMoments moments(1, 3);
  std::vector<float> samples;
  for (int i = 0; i < 11; ++i)
    for (float x : {1.0f * i, 2.0f * i, 3.0f})
      samples.push_back(x);
  moments.add(samples);
  std::vector<float> covariance = moments.getCovariance(0);
  EXPECT_NEAR(covariance[0], 10, 1e-4);
  EXPECT_NEAR(covariance[1], 20, 1e-4);
  EXPECT_NEAR(covariance[8], 0, 1e-4);
}

TEST(FilterRounding, WithoutMomentsIsToNearest) {
  RoundedFilter rounded = roundFilter({1, -0.5, 0.2, 2.54}, 2, nullptr, {}, {});
  ASSERT_EQ(rounded.scales.size(), 2u);
  for (size_t i = 0; i < 4; ++i) {
    float filter[] = {1, -0.5, 0.2, 2.54};
    EXPECT_NEAR(rounded.numbers[i] * rounded.scales[i % 2], filter[i],
                rounded.scales[i % 2] * 0.51);
  }
  EXPECT_EQ(rounded.gains, (std::vector<double>{0, 0}));
}

TEST(FilterRounding, PerTensorHasOneScale) {
  RoundedFilter rounded =
      roundFilter({1, -0.5, 0.2, 2.54}, 2, nullptr, {}, {/*perChannel=*/false});
  ASSERT_EQ(rounded.scales.size(), 1u);
  EXPECT_NEAR(rounded.scales[0] * rounded.numbers[3], 2.54, 0.01);
}

TEST(FilterRounding, ScalesHoldTheLeastOnesGiven) {
  RoundedFilter rounded =
      roundFilter({1, 0, 1, 0}, 2, nullptr, {0.5, 0.25}, {});
  EXPECT_FLOAT_EQ(rounded.scales[0], 0.5);
  EXPECT_FLOAT_EQ(rounded.scales[1], 0.25);
  EXPECT_EQ(rounded.numbers, (std::vector<int8_t>{2, 0, 2, 0}));
}

TEST(FilterRounding, MomentsBeatNearest) {
  struct {
    size_t taps, channels, groups;
    bool perChannel;
  } cases[] = {
      {40, 8, 1, true}, {40, 8, 1, false}, {9, 8, 8, true}, {9, 8, 8, false}};
  for (auto [taps, channels, groups, perChannel] : cases) {
    Problem problem(taps, channels, groups);
    TapMoments moments(groups, taps);
    moments.add(problem.inputs);
    RoundingOptions options{perChannel};
    double nearest = problem.getError(
        roundFilter(problem.filter, channels, nullptr, {}, options));
    double judged = problem.getError(
        roundFilter(problem.filter, channels, &moments, {}, options));
    EXPECT_LT(judged, nearest / 2)
        << taps << " taps, " << groups << " groups, per channel " << perChannel;
  }
}

/// A quiet filter beside a loud one has a few numbers; sizes fit them better or
/// worse.
TEST(FilterRounding, FactorsAreThoseThatRoundBest) {
  Problem problem(9, 4, 4);
  for (size_t tap = 0; tap < 9; ++tap)
    problem.filter[tap * 4] *= 20;
  TapMoments moments(4, 9);
  moments.add(problem.inputs);
  RoundingOptions options{/*perChannel=*/false};
  std::vector<float> most{0, 2, 1.1f, 0.5f};
  RoundedFilter plain = roundFilter(problem.filter, 4, &moments, {}, options);
  EXPECT_TRUE(plain.factors.empty());
  options.mostFactors = most;
  RoundedFilter fitted = roundFilter(problem.filter, 4, &moments, {}, options);
  ASSERT_EQ(fitted.factors.size(), 4u);
  EXPECT_EQ(fitted.factors[0], 1);
  EXPECT_EQ(fitted.factors[3], 1);
  for (float factor : fitted.factors)
    EXPECT_TRUE(factor >= 0.8f && factor <= 1.25f) << factor;
  EXPECT_LE(fitted.factors[2], 1.1f);
  EXPECT_NE(fitted.factors[1], 1);
  // As if each channel had a scale of its own.
  float scale = fitted.scales[0];
  fitted.scales.clear();
  for (float factor : fitted.factors)
    fitted.scales.push_back(scale / factor);
  EXPECT_LT(problem.getError(fitted), 0.7 * problem.getError(plain));
}

TEST(FilterRounding, GainIsWhatTheMeanMakesOfTheError) {
  // One input that is always 1, so its rounding is all in the gain.
  TapMoments moments(1, 2);
  moments.add({1, 0.5, 1, -0.5, 1, 1.5});
  RoundedFilter rounded = roundFilter({0.3, 1}, 1, &moments, {1.0}, {});
  double sum =
      rounded.numbers[0] * 1.0 - 0.3 + (rounded.numbers[1] * 1.0 - 1) * 0.5;
  EXPECT_NEAR(rounded.gains[0], sum, 1e-6);
}
