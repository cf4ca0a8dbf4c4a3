//===- ByteChain.h - products of bytes as one kernel ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block of bytes is a chain of products, each with what rounds its sums, so
// that sums stay in registers and bytes in rows near the core; or such products
// around one attention, which reads all keys and values.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_BYTECHAIN_H
#define MINNOW_TARGETS_HALIDE_BYTECHAIN_H

#include "dialects/mobile/Mobile.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace minnow::halide {

/// Why `ops`, in topological order, cannot be one kernel of products of bytes,
/// or null. `isEdge(before, op)` says whether `before`, how an image or a map
/// of floats enters, may be computed where `op`, the first product, copies it.
const char *checkByteChain(
    llvm::ArrayRef<mlir::Operation *> ops,
    llvm::function_ref<bool(mlir::Operation *before, mlir::Operation *op)>
        isEdge);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_BYTECHAIN_H
