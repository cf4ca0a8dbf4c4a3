//===- Passes.h - the target-independent passes -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constructors and registration, generated from Passes.td.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_PASSES_H
#define MINNOW_PASSES_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace minnow {
#define GEN_PASS_DECL
#include "passes/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"
} // namespace minnow

#endif // MINNOW_PASSES_PASSES_H
