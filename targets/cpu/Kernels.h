//===- Kernels.h - kernels of the CPU target --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be one kernel, and how it is computed. Its code is Halide's
// (halide/Object.h) or LLVM's (cpu/Depthwise.h), the function
//
//   int32_t SYMBOL(void *context, uint32_t task, void *const *buffers)
//
// whose buffers are the kernel's arguments and then its result in their
// physical layouts. Tasks may run at once and in any order. `context` is passed
// on to `halide_malloc` and `halide_free`, which the program defines.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_CPU_KERNELS_H
#define MINNOW_TARGETS_CPU_KERNELS_H

#include "targets/cpu/Isa.h"

namespace minnow::cpu {

/// Whether `ops`, in topological order, do well as one kernel; if not, `why`
/// says why. A single primitive always can.
bool canFuse(const Isa &isa, llvm::ArrayRef<mlir::Operation *> ops,
             std::string *why = nullptr);

/// The multiply-accumulates that form winograd spares `op`, less its sums and
/// differences of inputs and results; 0 where that form is not preferred.
double getSavedMacs(const Isa &isa, mlir::Operation *op);

/// The schedule that formulas over its shapes give a kernel.
mobile::ScheduleAttr chooseSchedule(const Isa &isa,
                                    const cost::Machine &machine,
                                    mobile::KernelOp kernel);

/// Sets the schedule and the layouts of the kernel's weights: measured ones
/// where the compiler has some for the kernel on this machine, else
/// chooseSchedule's.
void schedule(const Isa &isa, const cost::Machine &machine,
              mobile::KernelOp kernel);

/// Finds a fast schedule by measuring some on this machine, which must be the
/// one of `isa`. The kernel may not be scheduled; it is not changed.
llvm::Expected<mobile::ScheduleAttr>
tune(const Isa &isa, const cost::Machine &machine, mobile::KernelOp kernel);

/// Sets `schedule` and the layouts of the weights that its tiles ask for.
void setSchedule(const Isa &isa, mobile::KernelOp kernel,
                 mobile::ScheduleAttr schedule);

/// Chooses how maps lie between the scheduled kernels of `module`, and what a
/// kernel fetches for those behind it.
void connect(const Isa &isa, mlir::ModuleOp module);

/// Whether `value`, an argument of a scheduled kernel or its result, may be
/// stored unsigned; `prefers` says whether that saves work there.
bool canBeUnsigned(const Isa &isa, mobile::KernelOp kernel, mlir::Value value,
                   bool *prefers = nullptr);
void setUnsigned(mobile::KernelOp kernel, mlir::Value value);

/// Emits a scheduled kernel for the machine of `isa`; what cannot be done fast
/// is an error that says why.
llvm::Expected<KernelCode> emit(const Isa &isa, mobile::KernelOp kernel,
                                llvm::StringRef symbol);

/// Whether `emit` can; if not, `why` says what its error will.
bool isFast(const Isa &isa, mobile::KernelOp kernel, std::string *why);

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_KERNELS_H
