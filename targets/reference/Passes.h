//===- Passes.h - the passes of the reference target ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constructors and registration, generated from Passes.td, and the pipeline.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_REFERENCE_PASSES_H
#define MINNOW_TARGETS_REFERENCE_PASSES_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace minnow {
/// On a function whose last argument is scratch memory: its bytes.
inline constexpr llvm::StringLiteral kScratchBytesName = "mobile.scratch_bytes";

#define GEN_PASS_DECL
#include "targets/reference/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "targets/reference/Passes.h.inc"
} // namespace minnow

#endif // MINNOW_TARGETS_REFERENCE_PASSES_H
