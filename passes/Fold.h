//===- Fold.h - the families of patterns of fold ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each family is one file; the pass (Fold.cpp) puts them together. A pattern
// that does not apply says why, for `-debug-only=pattern-application`.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_FOLD_H
#define MINNOW_PASSES_FOLD_H

#include "passes/FoldWeights.h"

namespace minnow {

/// Batch norms, products and sums with one weight a channel go into the
/// convolution or linear op before or after them (FoldAffine.cpp).
void populateFoldAffine(mlir::RewritePatternSet &patterns,
                        FoldWeights &weights);

/// A batch norm that found no convolution becomes a product and a sum.
void populateSplitBatchNorm(mlir::RewritePatternSet &patterns,
                            FoldWeights &weights);

/// Activations that are written as several primitives become one. Runs before
/// what folds those primitives elsewhere (FoldActivations.cpp).
void populateNameActivations(mlir::RewritePatternSet &patterns,
                             FoldWeights &weights);

/// Nonlinearities go into the primitive before them (FoldActivations.cpp).
void populateFoldActivations(mlir::RewritePatternSet &patterns);

/// Pads go into what uses them, transposes and reshapes cancel or become part
/// of a weight (FoldShapes.cpp).
void populateFoldShapes(mlir::RewritePatternSet &patterns,
                        FoldWeights &weights);

/// The activation that `op` can have as its last step; nothing if it is no
/// primitive that has one.
std::optional<mobile::Activation> getFusedActivation(mlir::Operation *op);
void setFusedActivation(mlir::Operation *op, mobile::Activation activation);

} // namespace minnow

#endif // MINNOW_PASSES_FOLD_H
