//===- Kernels.h - kernels of the CPU target --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be one kernel, how it is computed, and its code. A kernel is the
// function
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
#include <functional>

namespace minnow::cpu {

/// Whether `ops`, in topological order, do well as one kernel; if not, `why`
/// says why. A single primitive always can.
bool canFuse(const Isa &isa, llvm::ArrayRef<mlir::Operation *> ops,
             std::string *why = nullptr);

/// The schedule that formulas over its shapes give a kernel.
mobile::ScheduleAttr chooseSchedule(const Isa &isa,
                                    const cost::Machine &machine,
                                    mobile::KernelOp kernel);

/// Sets the schedule and the layouts of the kernel's weights: measured ones
/// where the compiler has some for the kernel on this machine, else
/// chooseSchedule's.
void schedule(const Isa &isa, const cost::Machine &machine,
              mobile::KernelOp kernel);

/// What tuning goes by.
struct Meter {
  /// The price of each schedule for a kernel: the lowest is the best.
  std::function<llvm::Expected<std::vector<double>>(
      mobile::KernelOp kernel, llvm::ArrayRef<mobile::ScheduleAttr> schedules)>
      measure;
  double noise;     // shares of a price that may be chance
  size_t mostTiles; // tried for each stage
};

/// Seconds on this machine, which must be the one of `isa`.
Meter makeHostMeter(const Isa &isa, const cost::Machine &machine);

/// Finds a good schedule by measuring some. The kernel need not be scheduled;
/// it is not changed.
llvm::Expected<mobile::ScheduleAttr> tune(const Isa &isa,
                                          const cost::Machine &machine,
                                          mobile::KernelOp kernel,
                                          const Meter &meter);

/// Sets `schedule` and the layouts of the weights that its tiles ask for.
void setSchedule(const Isa &isa, mobile::KernelOp kernel,
                 mobile::ScheduleAttr schedule);

/// Whether a stage is written for all that the scheduled `kernel` computes; if
/// not, `why` says what emit will.
bool isFast(const Isa &isa, mobile::KernelOp kernel, std::string *why);

/// Emits a scheduled kernel as the function `symbol` of an object. What no fast
/// stage is written for is an error that names it.
llvm::Expected<KernelCode> emit(const Isa &isa, mobile::KernelOp kernel,
                                llvm::StringRef symbol);

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_KERNELS_H
