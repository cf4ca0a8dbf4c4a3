//===- Convert.h - from a planned program to layers -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program is scheduled as a whole, so its kernels are looked through: what
// stands behind a sum becomes part of the sum's layer wherever it is.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_ETPU_CONVERT_H
#define MINNOW_TARGETS_ETPU_CONVERT_H

#include "targets/Target.h"
#include "targets/etpu/Network.h"

namespace minnow::etpu {

/// Why the machine has no instructions for a primitive on storage types; empty
/// if it has.
std::string explainUnsupported(mlir::Operation *op);

/// The layers of a program after plan-memory.
llvm::Expected<Network> convertProgram(const Assembly &assembly);

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_CONVERT_H
