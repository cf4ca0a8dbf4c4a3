//===- FilterRounding.cpp - filters to 8 bits -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/FilterRounding.h"
#include "passes/CompensatedRounding.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <optional>

using namespace minnow;
using llvm::ArrayRef;

/// Filters of at most so many taps are rounded with compensation. There it
/// takes next to no time and gains most; in larger ones descent does as well.
static constexpr size_t kFewTaps = 32;
/// Of 8 beginnings the best costs a tenth less than of 1, as of 1000.
static constexpr unsigned kBeginnings = 8;

//===----------------------------------------------------------------------===//
// Moments
//===----------------------------------------------------------------------===//

TapMoments::TapMoments(size_t groups, size_t taps)
    : groups(groups), taps(taps), sums(groups * taps, 0),
      products(taps * taps * groups, 0) {}

void TapMoments::add(ArrayRef<float> samples) {
  size_t size = taps * groups, added = samples.size() / size;
  assert(added * size == samples.size());
  count += added;
  for (size_t sample = 0; sample < added; ++sample)
    for (size_t i = 0; i < size; ++i)
      sums[i] += samples[sample * size + i];
  if (groups == 1)
    addDense(samples);
  else
    addGrouped(samples);
}

/// Eight samples at a time, so that the products are not only loads and stores.
void TapMoments::addDense(ArrayRef<float> samples) {
  constexpr size_t kBatch = 8;
  size_t rows = samples.size() / taps;
  std::vector<float> padded;
  for (size_t first = 0; first < rows; first += kBatch) {
    const float *batch = samples.data() + first * taps;
    if (rows - first < kBatch) {
      padded.assign(kBatch * taps, 0);
      std::copy(batch, samples.end(), padded.begin());
      batch = padded.data();
    }
    for (size_t i = 0; i < taps; ++i) {
      float *row = products.data() + i * taps;
      float x[kBatch];
      for (size_t b = 0; b < kBatch; ++b)
        x[b] = batch[b * taps + i];
      for (size_t j = i; j < taps; ++j) {
        float sum = 0;
        for (size_t b = 0; b < kBatch; ++b)
          sum += x[b] * batch[b * taps + j];
        row[j] += sum;
      }
    }
  }
}

void TapMoments::addGrouped(ArrayRef<float> samples) {
  for (size_t first = 0; first < samples.size(); first += taps * groups) {
    const float *sample = samples.data() + first;
    for (size_t i = 0; i < taps; ++i)
      for (size_t j = i; j < taps; ++j) {
        float *row = products.data() + (i * taps + j) * groups;
        const float *a = sample + i * groups, *b = sample + j * groups;
        for (size_t group = 0; group < groups; ++group)
          row[group] += a[group] * b[group];
      }
  }
}

double TapMoments::getMean(size_t group, size_t tap) const {
  return count ? sums[tap * groups + group] / count : 0;
}

std::vector<float> TapMoments::getCovariance(size_t group) const {
  std::vector<float> matrix(taps * taps, 0);
  if (count == 0)
    return matrix;
  for (size_t i = 0; i < taps; ++i)
    for (size_t j = i; j < taps; ++j) {
      double product = products[(i * taps + j) * groups + group] / count;
      matrix[i * taps + j] = matrix[j * taps + i] =
          product - getMean(group, i) * getMean(group, j);
    }
  return matrix;
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

namespace {

/// Rounds the filter of one output after another.
class Rounding {
public:
  Rounding(ArrayRef<float> filter, size_t channels, const TapMoments *moments,
           ArrayRef<double> leastScales, const RoundingOptions &options)
      : filter(filter), channels(channels), taps(filter.size() / channels),
        moments(moments), leastScales(leastScales), options(options) {}
  RoundedFilter run();

private:
  void setCosts(size_t channel);
  double getError(size_t channel, float scale) const;
  float getLargest(size_t channel) const;
  float chooseScale(ArrayRef<size_t> together);
  void round(size_t channel, float scale);
  double compensate(size_t channel, float scale);
  float chooseFactor(size_t channel, float scale);
  void descend(size_t channel, float scale);
  float getWeight(size_t tap, size_t channel) const {
    return filter[tap * channels + channel];
  }

  ArrayRef<float> filter;
  size_t channels, taps;
  const TapMoments *moments;
  ArrayRef<double> leastScales;
  const RoundingOptions &options;
  std::vector<float> costs; // the damped covariance of the current group
  std::optional<CompensatedRounding> compensated; // with these, for few taps
  RoundedFilter result;
};

} // namespace

/// The covariance for `channel`. Inputs are rounded too, so no direction costs
/// nothing; and a hundredth of the mean, for what calibration did not see.
void Rounding::setCosts(size_t channel) {
  if (!moments || (moments->getGroups() == 1 && !costs.empty()))
    return;
  costs = moments->getCovariance(moments->getGroups() == 1 ? 0 : channel);
  double trace = 0;
  for (size_t i = 0; i < taps; ++i)
    trace += costs[i * taps + i];
  float damping = 0.01 * trace / taps + options.inputNoise + 1e-12;
  for (size_t i = 0; i < taps; ++i)
    costs[i * taps + i] += damping;
  if (taps <= kFewTaps)
    compensated.emplace(costs);
}

static float roundTo(float weight, float scale) {
  return std::clamp(std::nearbyint(weight / scale), -127.0f, 127.0f);
}

/// What rounding to nearest costs, without the correlation of taps.
double Rounding::getError(size_t channel, float scale) const {
  double error = 0;
  for (size_t tap = 0; tap < taps; ++tap) {
    double weight = getWeight(tap, channel);
    double difference = roundTo(weight, scale) * scale - weight;
    double cost = moments ? costs[tap * taps + tap] : 1;
    error += cost * difference * difference;
  }
  return error;
}

float Rounding::getLargest(size_t channel) const {
  float largest = 0;
  for (size_t tap = 0; tap < taps; ++tap)
    largest = std::max(largest, std::abs(getWeight(tap, channel)));
  return largest;
}

/// One scale for the channels `together`: what their largest weight needs, or
/// down to 0.7 of it where clipping costs less than coarse steps.
float Rounding::chooseScale(ArrayRef<size_t> together) {
  float largest = 0;
  double least = 0;
  for (size_t channel : together) {
    largest = std::max(largest, getLargest(channel));
    least = std::max(least, leastScales.empty() ? 0 : leastScales[channel]);
  }
  // A filter of zeros alone has any scale.
  if (largest < 1e-30f)
    return std::max<float>(least, 1.0f / 127);
  auto getScale = [&](int step) { return largest / 127 * (1 - 0.025f * step); };
  std::array<double, 13> errors = {};
  for (size_t channel : together) {
    setCosts(channel);
    for (auto [step, error] : llvm::enumerate(errors))
      error += getError(channel, getScale(step));
  }
  int best = llvm::min_element(errors) - errors.begin();
  return std::max<float>(getScale(best), least);
}

void Rounding::round(size_t channel, float scale) {
  if (compensated)
    compensate(channel, scale);
  else
    for (size_t tap = 0; tap < taps; ++tap)
      result.numbers[tap * channels + channel] =
          roundTo(getWeight(tap, channel), scale);
  if (!moments)
    return;
  descend(channel, scale);
  size_t group = moments->getGroups() == 1 ? 0 : channel;
  for (size_t tap = 0; tap < taps; ++tap)
    result.gains[channel] +=
        (double(result.numbers[tap * channels + channel]) * scale -
         getWeight(tap, channel)) *
        moments->getMean(group, tap);
}

double Rounding::compensate(size_t channel, float scale) {
  std::vector<float> weights(taps), numbers(taps);
  for (size_t tap = 0; tap < taps; ++tap)
    weights[tap] = getWeight(tap, channel);
  double cost = compensated->round(weights, scale, kBeginnings, numbers);
  for (size_t tap = 0; tap < taps; ++tap)
    result.numbers[tap * channels + channel] = numbers[tap];
  return cost;
}

/// Where a filter has few numbers, some sizes of it fit them several times as
/// well as others. Within a quarter, so that what reads the results does not
/// pay for it.
float Rounding::chooseFactor(size_t channel, float scale) {
  constexpr int kTried = 16;
  float most = std::min(options.mostFactors[channel], 1.25f), least = 0.8f;
  float best = 1;
  double leastCost = compensate(channel, scale);
  for (int i = 0; i < kTried && most > least; ++i) {
    float factor = least * std::pow(most / least, i / (kTried - 1.0f));
    double cost = compensate(channel, scale / factor);
    if (cost < leastCost) {
      leastCost = cost;
      best = factor;
    }
  }
  return best;
}

/// Coordinate descent on d' C d: each tap in turn takes the step that is best
/// with the others as they are, until none moves.
void Rounding::descend(size_t channel, float scale) {
  std::vector<float> gradient(taps, 0); // C d
  auto addRow = [&](size_t tap, float factor) {
    const float *row = costs.data() + tap * taps;
    for (size_t j = 0; j < taps; ++j)
      gradient[j] += factor * row[j];
  };
  for (size_t tap = 0; tap < taps; ++tap)
    addRow(tap, result.numbers[tap * channels + channel] * scale -
                    getWeight(tap, channel));
  for (int sweep = 0; sweep < 6; ++sweep) {
    bool moved = false;
    for (size_t tap = 0; tap < taps; ++tap) {
      int8_t &number = result.numbers[tap * channels + channel];
      float step =
          std::nearbyint(-gradient[tap] / (costs[tap * taps + tap] * scale));
      float next = std::clamp(number + step, -127.0f, 127.0f);
      if (next == number)
        continue;
      addRow(tap, (next - number) * scale);
      number = next;
      moved = true;
    }
    if (!moved)
      return;
  }
}

RoundedFilter Rounding::run() {
  result.numbers.assign(filter.size(), 0);
  result.gains.assign(channels, 0);
  auto all = llvm::to_vector(llvm::seq<size_t>(0, channels));
  if (!options.perChannel)
    result.scales = {chooseScale(all)};
  bool isFitted = !options.perChannel && !options.mostFactors.empty() &&
                  moments && taps <= kFewTaps;
  for (size_t channel : all) {
    if (options.perChannel)
      result.scales.push_back(chooseScale({channel}));
    setCosts(channel);
    float scale = result.scales[options.perChannel ? channel : 0];
    if (isFitted)
      result.factors.push_back(chooseFactor(channel, scale));
    round(channel, isFitted ? scale / result.factors[channel] : scale);
  }
  return std::move(result);
}

RoundedFilter minnow::roundFilter(ArrayRef<float> filter, size_t channels,
                                  const TapMoments *moments,
                                  ArrayRef<double> leastScales,
                                  const RoundingOptions &options) {
  assert(!moments || moments->getTaps() * channels == filter.size());
  return Rounding(filter, channels, moments, leastScales, options).run();
}
