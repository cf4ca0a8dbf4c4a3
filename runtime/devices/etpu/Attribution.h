//===- Attribution.h - whose each cycle of a run is -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_RUNTIME_DEVICES_ETPU_ATTRIBUTION_H
#define MINNOW_RUNTIME_DEVICES_ETPU_ATTRIBUTION_H

#include "runtime/devices/etpu/Simulator.h"

namespace minnow::etpu {

/// The cycles of one call of the program.
struct CallCycles {
  uint64_t byEngine[kEngines] = {};
  uint64_t idle = 0; // no engine was at work

  uint64_t getTotal() const {
    uint64_t total = idle;
    for (uint64_t cycles : byEngine)
      total += cycles;
    return total;
  }
};

/// Gives each cycle of a run to one call: to that which has the array, else the
/// depthwise unit, else the vector unit, else to that whose bytes are on their
/// way; if nothing is at work, to what begins next. So they add up to the run,
/// also where layers run interleaved, and what is hidden behind the array costs
/// nothing.
std::vector<CallCycles> attributeCycles(const Stream &stream,
                                        const RunReport &report, size_t calls);

} // namespace minnow::etpu

#endif // MINNOW_RUNTIME_DEVICES_ETPU_ATTRIBUTION_H
