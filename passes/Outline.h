//===- Outline.h - from primitives to kernels and calls ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mechanical half of form-groups: it decides nothing.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_OUTLINE_H
#define MINNOW_PASSES_OUTLINE_H

#include "dialects/mobile/Mobile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace minnow {

/// Replaces `function` by a `mobile.program` of the same name that calls one
/// kernel for each of `groups`, in their order. A group's primitives are in
/// topological order and only its last result is used outside of it; together
/// the groups hold every primitive of the function. Kernels of the same
/// primitives, shapes and attributes become one. Its arguments are the
/// activations in the order of their first use, then the weights likewise.
void outlineKernels(mlir::func::FuncOp function,
                    llvm::ArrayRef<llvm::ArrayRef<mlir::Operation *>> groups);

} // namespace minnow

#endif // MINNOW_PASSES_OUTLINE_H
