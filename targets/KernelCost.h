//===- KernelCost.h - from primitives to the cost model ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts what the plain structs of targets/cost want to know of a kernel. The
// one converter: form-groups, schedules and reports all use it.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_KERNELCOST_H
#define MINNOW_TARGETS_KERNELCOST_H

#include "dialects/mobile/Mobile.h"
#include "targets/cost/Cost.h"

namespace minnow {

/// The multiply-accumulates of one call of `kernel`, and those that multiply
/// bytes.
uint64_t getMacs(mobile::KernelOp kernel);
uint64_t getByteMacs(mobile::KernelOp kernel);

/// What the primitives `ops`, in topological order, are as one kernel that
/// gives the result of the last. Values for which `isWeight` holds are weights,
/// all other values from outside are activations.
cost::KernelShape
getKernelShape(llvm::ArrayRef<mlir::Operation *> ops,
               llvm::function_ref<bool(mlir::Value)> isWeight);

/// As above, for primitives among `mobile.get_weight`s.
cost::KernelShape getKernelShape(llvm::ArrayRef<mlir::Operation *> ops);

/// What one call does. Which operands are weights is told by where they come
/// from, so the call may be before or after plan-memory. The call's kernel must
/// exist.
cost::KernelShape getKernelShape(mobile::CallOp call);

/// The bytes that one inference of `network`, a function of primitives, touches
/// between two runs of the same primitive: its weights, each once, and the most
/// that one primitive reads and writes.
double getNetworkBytes(mlir::Operation *network);

} // namespace minnow

#endif // MINNOW_TARGETS_KERNELCOST_H
