//===- FilterRounding.h - filters to 8 bits ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding each weight to its nearest number gives the least error of weights,
// not of results. Here the weights are rounded so that the sums over the
// calibration's inputs keep their values: the error d of one output's filter
// costs d' C d, with C the covariance of what its taps multiply. It is made
// small by coordinate descent over whole steps: from the nearest numbers, or,
// where the taps are few (a first convolution, depthwise ones), from those of
// CompensatedRounding. What the mean of the inputs makes of d goes into the
// bias. Plain numbers: no IR.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_FILTERROUNDING_H
#define MINNOW_PASSES_FILTERROUNDING_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace minnow {

/// Means and covariances of the inputs of a filter's taps. A convolution has
/// one group of height * width * channels taps; a depthwise one has a group of
/// height * width taps for each channel.
class TapMoments {
public:
  TapMoments(size_t groups, size_t taps);

  size_t getGroups() const { return groups; }
  size_t getTaps() const { return taps; }

  /// Adds samples: row-major [sample][tap][group].
  void add(llvm::ArrayRef<float> samples);

  double getMean(size_t group, size_t tap) const;
  /// The covariance matrix of `group`, row-major.
  std::vector<float> getCovariance(size_t group) const;

private:
  void addDense(llvm::ArrayRef<float> samples);
  void addGrouped(llvm::ArrayRef<float> samples);

  size_t groups, taps, count = 0;
  std::vector<double> sums;    // [tap][group]
  std::vector<float> products; // [tap][tap][group], where the second >= first
};

struct RoundingOptions {
  bool perChannel = true;
  /// The mean square that rounding adds to each input: scale * scale / 12.
  double inputNoise = 0;
  /// With one scale for all, how many times as large the results of each
  /// channel may become where its filter then rounds better; 0: they keep their
  /// size. Empty: all do.
  llvm::ArrayRef<float> mostFactors = {};
};

struct RoundedFilter {
  std::vector<int8_t> numbers; // as the filter lies, -127 to 127
  std::vector<float> scales;   // one a channel, or one
  /// What the result of each channel gains in the mean by the rounding; to be
  /// taken from its bias. Without moments all 0.
  std::vector<double> gains;
  /// How many times as large the numbers make the results; empty: all keep
  /// their size.
  std::vector<float> factors;
};

/// Rounds `filter`, row-major [tap][channel]. `moments`, if not null, has as
/// many taps, and one group or one a channel; without, each weight becomes its
/// nearest number. `leastScales`, a scale for each channel that its own must
/// not be below, keeps the bias within its 32 bits.
RoundedFilter roundFilter(llvm::ArrayRef<float> filter, size_t channels,
                          const TapMoments *moments,
                          llvm::ArrayRef<double> leastScales,
                          const RoundingOptions &options);

} // namespace minnow

#endif // MINNOW_PASSES_FILTERROUNDING_H
