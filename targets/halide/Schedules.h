//===- Schedules.h - loops for the stages of a pipeline ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Applies a kernel's schedule attribute to its pipeline.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_SCHEDULES_H
#define MINNOW_TARGETS_HALIDE_SCHEDULES_H

#include "targets/halide/Region.h"

namespace minnow::halide {

/// Gives each stage its loops, by the schedule of `kernel`.
void applySchedule(Pipeline &pipeline, mobile::KernelOp kernel,
                   const Form &form);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_SCHEDULES_H
