//===- Simulator.h - EX1b, cycle by cycle -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a verified program: one sequencer hands instructions to five in-order
// engines, which wait for each other's tokens alone. Deterministic: the same
// program takes the same cycles and gives the same bytes on every host. Not
// modelled: conflicts between ports of the on-chip memories (each engine has
// its own) and the timing of DRAM pages.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_ETPU_SIMULATOR_H
#define MINNOW_RUNTIME_DEVICES_ETPU_SIMULATOR_H

#include "runtime/devices/etpu/Execute.h"
#include "runtime/devices/etpu/Program.h"

namespace minnow::etpu {

/// What one instruction did: its engine was taken from `start` to `end`, and
/// its results counted from `done` on.
struct Event {
  uint32_t step; // index into Stream::steps
  uint64_t start, end, done;
};

/// Why an engine stood still before an instruction.
enum class Stall : uint8_t {
  OnDmaIn, // the token of an engine came last; in the order of Engine
  OnDmaOut,
  OnMatrix,
  OnDepthwise,
  OnVector,
  OnSequencer, // not yet dispatched
  OnDram,      // another transfer had the memory
  OnWeights,   // the array's or unit's weights were being loaded
};
inline constexpr unsigned kStalls = 8;
const char *getName(Stall stall);

struct EngineReport {
  uint64_t instructions = 0, busy = 0;
  uint64_t stalls[kStalls] = {};
};

/// What instructions do, whatever time it takes.
struct Work {
  uint64_t dramBytes[4] = {}; // by Segment, both directions
  uint64_t macs = 0;
  uint64_t vectorElements = 0; // that the vector unit wrote

  void add(const Operation &op);
  uint64_t getDramBytes() const {
    return dramBytes[0] + dramBytes[1] + dramBytes[2] + dramBytes[3];
  }
};

struct RunReport : Work {
  uint64_t cycles = 0;
  EngineReport engines[kEngines];
  uint64_t programBytes = 0; // instructions that were fetched
  std::vector<Event> events; // in the order of their starts

  /// All bytes, the program's too.
  uint64_t getDramBytes() const { return Work::getDramBytes() + programBytes; }
};

/// Runs `stream` of a program on `memory`. MINNOW_STATUS_BAD_FILE names the
/// instruction on which it cannot go on (deadlock), or which touches what
/// another one still works on (a missing token). `compute` false counts cycles
/// alone.
minnow_status simulate(const Machine &machine, const Stream &stream,
                       Memory &memory, bool compute, RunReport &report,
                       minnow_error *error);

} // namespace minnow::etpu

#endif // MINNOW_RUNTIME_DEVICES_ETPU_SIMULATOR_H
