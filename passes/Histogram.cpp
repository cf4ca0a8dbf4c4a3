//===- Histogram.cpp - what values a tensor takes -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "passes/Histogram.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

using namespace minnow;

/// At least a thousand over the range of a map behind a relu, whose 255 steps
/// are then 4 bins and more.
static constexpr size_t kBins = 4096;

ScaleAndZero minnow::getScaleAndZero(Range range, bool symmetric) {
  double low = std::min(range.low, 0.0), high = std::max(range.high, 0.0);
  double width = symmetric ? std::max(-low, high) / 127 : (high - low) / 255;
  auto scale = static_cast<float>(width);
  // Denormal scales lose their precision, and targets flush them to 0.
  if (scale < 1e-30f)
    return {1.0, symmetric ? 0 : -128};
  int64_t zero =
      symmetric
          ? 0
          : std::clamp<int64_t>(std::llrint(-128 - low / scale), -128, 127);
  return {scale, zero};
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

/// Doubles the reach until `magnitude` lies inside.
void Histogram::widen(float magnitude) {
  if (bins.empty()) {
    bins.assign(kBins, 0);
    reach = std::ldexp(1.0, std::max(-100, std::ilogb(magnitude) + 1));
  }
  while (magnitude >= reach) {
    reach *= 2;
    std::vector<uint64_t> wide(kBins, 0);
    for (size_t bin = 0; bin < kBins; ++bin)
      wide[kBins / 4 + bin / 2] += bins[bin];
    bins = std::move(wide);
  }
}

int64_t Histogram::add(llvm::ArrayRef<float> elements) {
  for (auto [i, element] : llvm::enumerate(elements))
    if (!std::isfinite(element))
      return i;
  if (elements.empty())
    return -1;
  auto [least, most] = std::minmax_element(elements.begin(), elements.end());
  extremes.low = std::min<double>(extremes.low, *least);
  extremes.high = std::max<double>(extremes.high, *most);
  total += elements.size();
  // Zeros alone say nothing of a reach; they are in the total.
  float magnitude = std::max(std::abs(*least), std::abs(*most));
  if (magnitude == 0 && bins.empty())
    return -1;
  if (bins.empty() || magnitude >= reach)
    widen(magnitude);
  double perUnit = kBins / (2 * reach);
  for (float element : elements)
    ++bins[static_cast<size_t>((element + reach) * perUnit)];
  return -1;
}

double Histogram::getCenter(size_t bin) const {
  return (bin + 0.5) * (2 * reach / kBins) - reach;
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

double Histogram::getError(Range range, bool symmetric) const {
  ScaleAndZero numbers = getScaleAndZero(range, symmetric);
  double error = 0;
  for (auto [bin, count] : llvm::enumerate(bins)) {
    // Behind a relu most elements are 0, which is always exact.
    if (count == 0 || bin == kBins / 2)
      continue;
    double x = getCenter(bin);
    double q = std::clamp<double>(
        std::nearbyint(x / numbers.scale) + numbers.zeroPoint, -128, 127);
    double difference = (q - numbers.zeroPoint) * numbers.scale - x;
    error += count * difference * difference;
  }
  return total ? error / total : 0;
}

Range Histogram::choosePercentile(double percentile) const {
  double outside = total * (100 - percentile) / 100 / 2;
  double below = 0, above = 0;
  size_t first = 0, last = kBins - 1;
  while (first < last && below + bins[first] <= outside)
    below += bins[first++];
  while (first < last && above + bins[last] <= outside)
    above += bins[last--];
  double half = reach / kBins;
  return {std::clamp(getCenter(first) - half, extremes.low, 0.0),
          std::clamp(getCenter(last) + half, 0.0, extremes.high)};
}

/// Shrinks both ends alike, then each by itself.
Range Histogram::chooseLeastError(bool symmetric) const {
  Range best = extremes;
  double least = getError(best, symmetric);
  auto improve = [&](double fromLow, double fromHigh) {
    Range start = best;
    for (int step = 1; step <= 40; ++step) {
      double part = step * 0.0175;
      Range range{start.low * (1 - fromLow * part),
                  start.high * (1 - fromHigh * part)};
      double error = getError(range, symmetric);
      if (error < least) {
        least = error;
        best = range;
      }
    }
  };
  improve(1, 1);
  if (symmetric)
    return best;
  improve(1, 0);
  improve(0, 1);
  return best;
}

Range Histogram::choose(const RangeOptions &options, bool symmetric) const {
  if (bins.empty() || options.kind == RangeKind::MinMax)
    return extremes;
  return options.kind == RangeKind::Percentile
             ? choosePercentile(options.percentile)
             : chooseLeastError(symmetric);
}
