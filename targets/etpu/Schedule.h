//===- Schedule.h - over the engines, with tokens ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_TARGETS_ETPU_SCHEDULE_H
#define MINNOW_TARGETS_ETPU_SCHEDULE_H

#include "targets/etpu/Lower.h"

namespace minnow::etpu {

/// One stream of a program: its slots, and the call of each slot.
struct Slots {
  std::string code, calls;
  uint64_t cycles = 0; // but for the sequencer's
  uint32_t getCount() const { return code.size() / kSlotBytes; }
};

/// Orders `tasks`, given in an order in which they are correct one after the
/// other, over the engines; then gives them tokens and registers.
Slots schedule(const Machine &machine, std::vector<Task> tasks);

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_SCHEDULE_H
