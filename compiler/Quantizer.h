//===- Quantizer.h - from a network in f32 to one in int8 -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a network on the calibration's inputs and quantizes it by what was seen.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_QUANTIZER_H
#define MINNOW_COMPILER_QUANTIZER_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/Quantize.h"
#include <functional>

namespace minnow {

struct QuantizerOptions {
  bool wanted = false;        // an int8 network was asked for
  std::string calibration;    // a folder
  std::string cacheDirectory; // of quantized networks; empty: no cache
  RangeOptions range;
  QuantizationOptions quantization;
  /// Told after each file of the folder.
  std::function<void(size_t done, size_t total)> progress;
  /// Told what became of the network.
  std::function<void(const QuantizationReport &)> report;
};

/// Quantizes the one network of `module`, which is after raise; one that is
/// quantized already stays as it is, if there is no calibration. Faults of the
/// folder, and of the network, are errors.
llvm::Error quantize(mlir::ModuleOp module, const QuantizerOptions &options);

} // namespace minnow

#endif // MINNOW_COMPILER_QUANTIZER_H
