//===- Kernels.h - kernels of the Hexagon target ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be one kernel, and how it is computed.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HEXAGON_KERNELS_H
#define MINNOW_TARGETS_HEXAGON_KERNELS_H

#include "dialects/mobile/Mobile.h"
#include "targets/cost/Cost.h"
#include "targets/halide/Form.h"

namespace minnow::hexagon {

/// What kernels may load behind a tensor or the weights: vectors that reach
/// over the last channel.
constexpr unsigned kBytesBehind = 256;

/// HVX of v66 with vectors of 128 bytes: 32 sums, 4 products of bytes in each.
/// As the second operand of its products it takes weights as vectors and the
/// input as scalars, two a packet. With `hasVectorDots` both are vectors, one a
/// packet: slower, and there to be compared with.
const halide::Form &getForm(bool hasVectorDots = false);

/// Whether `ops`, in topological order, do well as one kernel; if not, `why`
/// says why. A single primitive always can.
bool canFuse(llvm::ArrayRef<mlir::Operation *> ops, std::string *why);

/// Sets the schedule of `kernel` and the layouts of its weights. Several
/// products run by strips of one row, or of all where cost::runsWhole says so.
void schedule(mobile::KernelOp kernel, const halide::Form &form,
              const cost::Machine &machine);

} // namespace minnow::hexagon

#endif // MINNOW_TARGETS_HEXAGON_KERNELS_H
