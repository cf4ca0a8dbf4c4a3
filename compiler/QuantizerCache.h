//===- QuantizerCache.h - quantized networks that are kept ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calibration runs the network in f32 on every input: nearly all the time of a
// compilation whose kernels are in the cache. What came of it is kept in the
// same folder, by the contents of all that it was made from.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_QUANTIZERCACHE_H
#define MINNOW_COMPILER_QUANTIZERCACHE_H

#include "compiler/CalibrationInputs.h"
#include "compiler/Quantizer.h"

namespace minnow {

class QuantizerCache {
public:
  /// For `module` before it is quantized. The target is no part of the key:
  /// nothing here depends on it. Without a folder in `options` the cache is
  /// always empty.
  static llvm::Expected<QuantizerCache> create(mlir::ModuleOp module,
                                               const CalibrationInputs &inputs,
                                               const QuantizerOptions &options);

  /// Replaces what `module` holds by the quantized network, if there is one.
  std::optional<QuantizationReport> load(mlir::ModuleOp module) const;

  /// Keeps `module`, quantized. A cache that cannot be written costs time, not
  /// the result.
  void store(mlir::ModuleOp module, const QuantizationReport &report) const;

private:
  std::string path; // empty: no cache
};

} // namespace minnow

#endif // MINNOW_COMPILER_QUANTIZERCACHE_H
