//===- Distance.cpp - how far numbers are from others ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/Distance.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <fmt/format.h>

using namespace minnow;

double Distance::relative() const {
  if (!isFinite)
    return INFINITY;
  return maxReference == 0 ? maxAbs : maxAbs / maxReference;
}

Distance minnow::measure(llvm::ArrayRef<float> ours,
                         llvm::ArrayRef<float> reference) {
  Distance distance;
  double signal = 0, noise = 0, own = 0, product = 0;
  for (auto [a, b] : llvm::zip_equal(ours, reference)) {
    double difference = double(a) - b;
    distance.isFinite &= std::isfinite(difference);
    distance.maxAbs = std::max(distance.maxAbs, std::abs(difference));
    distance.maxReference =
        std::max(distance.maxReference, std::abs(double(b)));
    signal += double(b) * b;
    noise += difference * difference;
    own += double(a) * a;
    product += double(a) * b;
  }
  distance.sqnr = noise == 0 ? INFINITY : 10 * std::log10(signal / noise);
  distance.cosine = noise == 0 ? 1 : product / std::sqrt(signal * own);
  return distance;
}

std::string minnow::describe(const Distance &distance) {
  if (!distance.isFinite)
    return "NaN or infinity";
  return fmt::format("max-abs {:.3g}, SQNR {:.1f} dB, cosine {:.6f}",
                     distance.maxAbs, distance.sqnr, distance.cosine);
}
