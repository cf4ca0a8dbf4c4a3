//===- Calibration.h - what a network's values are like ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics of a network in f32 over the calibration's inputs: of every value
// its distribution, of every product the moments of what its taps multiply.
// Who runs the network shows its values; nothing here knows how.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_CALIBRATION_H
#define MINNOW_PASSES_CALIBRATION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/FilterRounding.h"
#include "passes/Histogram.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace minnow {

/// The attribute of a primitive or an argument in f32 that holds the range of
/// its values, `array<f64: low, high>`: what the pass quantize goes by.
inline constexpr llvm::StringLiteral kRangeAttrName = "mobile.range";

/// The value that `value` is outside of the block whose argument or result it
/// is, or the one inside that becomes it: what an operation or the network's
/// caller made.
mlir::Value getSource(mlir::Value value);

/// The same where nothing else reads the value on the way; else null.
mlir::Value getOnlySource(mlir::Value value);

/// Whether `op` gives the elements that it takes, so that it has no range of
/// its own and follows its operand.
bool movesElements(mlir::Operation *op);

/// Whether `value` must be quantized with the zero point 0: attention takes
/// queries, keys and values so.
bool needsSymmetry(mlir::Value value);

class Calibration {
public:
  /// For `inputs` inputs of `network`; what it samples is divided among them.
  /// Without `moments` there are only ranges.
  Calibration(mlir::func::FuncOp network, size_t inputs, bool hasMoments);

  /// Takes in one value, an argument of the network or the result of a
  /// primitive, as `elements`; `get` gives the elements of what the primitive
  /// read. A NaN or an infinity is an error that names the layer.
  llvm::Error add(mlir::Value value, const float *elements,
                  llvm::function_ref<const void *(mlir::Value)> get);

  /// Writes `mobile.range` to all values that were seen.
  void annotate(const RangeOptions &options);

  /// The largest magnitude in each channel of the product's result `value`;
  /// empty where it was not seen.
  llvm::ArrayRef<float> getLargest(mlir::Value value) const;

  /// The moments of the taps of `product`; null where it was not seen.
  const TapMoments *getMoments(mlir::Operation *product) const;

private:
  void addLargest(mlir::Value value, const float *elements);
  void addTaps(mlir::Operation *product, const float *input);

  mlir::func::FuncOp network;
  size_t inputs;
  bool hasMoments;
  llvm::DenseMap<mlir::Value, Histogram> histograms;
  llvm::DenseMap<mlir::Value, std::vector<float>> largest;
  llvm::DenseMap<mlir::Operation *, TapMoments> moments;
};

} // namespace minnow

#endif // MINNOW_PASSES_CALIBRATION_H
