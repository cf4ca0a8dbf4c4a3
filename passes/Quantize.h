//===- Quantize.h - networks in f32 to 8 bits -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_QUANTIZE_H
#define MINNOW_PASSES_QUANTIZE_H

#include "passes/Calibration.h"

namespace minnow {

struct QuantizationOptions {
  bool perChannel = true; // scales of filters
  bool equalize = true;   // channels may change their size between products
};

/// What became of a network.
struct QuantizationReport {
  size_t products = 0;             // in 8 bits
  std::vector<std::string> floats; // what stays f32, "mobile.mul in 'layer'"
  bool isFromCache = false;        // made by a compilation before
};

/// Whether anything in `network` is quantized.
bool isQuantized(mlir::func::FuncOp network);

/// Quantizes `network` in place: values to the ranges that `mobile.range` on
/// them holds, filters to 8 bits with `calibration`, if given, as the judge of
/// their rounding. What has no integer form stays f32 between a dequantize and
/// a quantize. Faults are diagnosed: a value without range, weights that are
/// not finite, a network that is quantized already.
mlir::FailureOr<QuantizationReport>
quantizeNetwork(mlir::func::FuncOp network, const QuantizationOptions &options,
                const Calibration *calibration);

} // namespace minnow

#endif // MINNOW_PASSES_QUANTIZE_H
