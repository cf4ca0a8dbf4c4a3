//===- Schedules.h - loops for the stages of a pipeline ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Applies a kernel's schedule attribute to its pipeline.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_SCHEDULES_H
#define MINNOW_TARGETS_HALIDE_SCHEDULES_H

#include "targets/halide/Region.h"

namespace minnow::halide {

/// Bounds the output to one task's slice and gives each stage its loops. Throws
/// Unsupported where the tasks do not divide the output into equal parts.
/// Returns the distance between the slices of two tasks, in elements.
int64_t applySchedule(Pipeline &pipeline, mobile::ScheduleAttr schedule,
                      const Form &form);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_SCHEDULES_H
