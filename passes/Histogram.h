//===- Histogram.h - what values a tensor takes -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The distribution of a tensor over the calibration's inputs, and the scale and
// zero point with which 8 bits hold it best. Plain numbers: no IR.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_HISTOGRAM_H
#define MINNOW_PASSES_HISTOGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace minnow {

/// How much of a distribution the range of its 8 bits covers: all; all but the
/// outermost part at each end; or as much as gives the least squared error of
/// rounding and clipping together.
enum class RangeKind { MinMax, Percentile, Mse };

struct RangeOptions {
  RangeKind kind = RangeKind::Mse;
  /// Of Percentile: per cent of the elements between the ends.
  double percentile = 99.99;
};

/// An interval that contains 0.
struct Range {
  double low = 0, high = 0;
};

/// q = round(x / scale) + zeroPoint, in -128 to 127.
struct ScaleAndZero {
  double scale; // exactly a float, above 0
  int64_t zeroPoint;
};

/// The numbers that cover `range`. Symmetric ones have the zero point 0. A
/// range of 0 alone gets the scale 1.
ScaleAndZero getScaleAndZero(Range range, bool symmetric = false);

/// Counts of the elements in equal bins around 0. When an element lies outside,
/// the bins become twice as wide, as often as it takes; so the counts do not
/// depend on the order in which elements come.
class Histogram {
public:
  /// Adds `elements`. Returns the index of the first that is NaN or infinite;
  /// then nothing is added. -1: all are finite.
  int64_t add(llvm::ArrayRef<float> elements);

  /// The exact extremes, and 0.
  Range getExtremes() const { return extremes; }

  /// The range by `options`; Mse is searched for numbers that are symmetric or
  /// not.
  Range choose(const RangeOptions &options, bool symmetric = false) const;

  /// The mean squared error that 8 bits over `range` would make, estimated from
  /// the bins.
  double getError(Range range, bool symmetric = false) const;

private:
  void widen(float magnitude);
  double getCenter(size_t bin) const;
  Range choosePercentile(double percentile) const;
  Range chooseLeastError(bool symmetric) const;

  Range extremes;
  double reach = 0; // the bins cover -reach to reach
  uint64_t total = 0;
  std::vector<uint64_t> bins;
};

} // namespace minnow

#endif // MINNOW_PASSES_HISTOGRAM_H
