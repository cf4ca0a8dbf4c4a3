//===- InlineBlocks.h - the inverse of raise --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block's region is its semantics, so taking a block apart is inlining it.
// What block a primitive came from stays in its location.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_INLINEBLOCKS_H
#define MINNOW_PASSES_INLINEBLOCKS_H

#include "mlir/IR/Operation.h"
#include <optional>

namespace minnow {

/// Replaces every block (`mobile.uib`, `mobile.fused_ib`) nested in `root` by
/// the primitives of its region, in their order and at its place. `root` itself
/// stays. A primitive's location becomes a call site: the layer, called from
/// the block.
void inlineBlocks(mlir::Operation *root);

/// The name of the layer that `location` belongs to ("blocks.2.0.conv_pw");
/// empty where it has none.
llvm::StringRef getLayerName(mlir::Location location);

/// The location of the block that a primitive at `location` was inlined from.
std::optional<mlir::Location> getBlockLocation(mlir::Location location);

/// The name of the block that a primitive at `location` was inlined from
/// ("blocks.2.0"); empty where it came from none.
llvm::StringRef getBlockName(mlir::Location location);

} // namespace minnow

#endif // MINNOW_PASSES_INLINEBLOCKS_H
