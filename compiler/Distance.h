//===- Distance.h - how far numbers are from others --------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_DISTANCE_H
#define MINNOW_COMPILER_DISTANCE_H

#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace minnow {

/// How far numbers are from what they should be.
struct Distance {
  double maxAbs = 0;       // the largest difference
  double maxReference = 0; // the largest number that should be
  double sqnr = 0;         // dB, signal to noise; infinite if equal
  double cosine = 1;       // of the angle between the two
  bool isFinite = true;

  /// max |ours - reference| / max |reference|; infinite with a NaN.
  double relative() const;
};

/// Of `ours` to `reference`, of the same length.
Distance measure(llvm::ArrayRef<float> ours, llvm::ArrayRef<float> reference);

/// "max-abs 0.012, SQNR 31.2 dB, cosine 0.999621".
std::string describe(const Distance &distance);

} // namespace minnow

#endif // MINNOW_COMPILER_DISTANCE_H
