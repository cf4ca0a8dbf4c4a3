//===- Report.h - a run of EX1b for people ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A table of layers in the manner of Arm's Vela, the same as JSON, a trace for
// Perfetto, and a picture of the engines over time.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_ETPU_REPORT_H
#define MINNOW_RUNTIME_DEVICES_ETPU_REPORT_H

#include "runtime/devices/etpu/Attribution.h"
#include "runtime/devices/etpu/Driver.h"

#include <string>

namespace minnow::etpu {

/// One call of the program.
struct LayerReport {
  std::string name;
  CallCycles cycles;            // see attributeCycles
  uint64_t busy[kEngines] = {}; // cycles that its instructions take of each
  uint64_t chipBytes = 0;       // of activation memory that it touches
  Work work;

  uint64_t getCycles() const { return cycles.getTotal(); }
  /// What most of its cycles go to: "matrix", "DRAM"; "hidden" if it has none.
  const char *getLimit() const;
};

/// A run with what is told of it. Cycles are those of the program's machine.
struct ProgramReport {
  std::string network;
  Machine machine;
  RunReport run;
  std::vector<LayerReport> layers;
  uint64_t compulsoryBytes = 0; // weight section, inputs and outputs
  uint64_t warmCycles = 0;      // with resident weights; 0: they do not fit

  /// max(MACs / peak, bytes / bandwidth, vector elements / lanes), in cycles.
  double getBound(const Work &work, uint64_t bytes) const;
  double getBound() const { return getBound(run, compulsoryBytes); }
};

/// Simulates the cycles of a program.
minnow_status makeReport(const LoadedProgram &loaded,
                         const Description &description, ProgramReport &report,
                         minnow_error *error);

std::string toTable(const ProgramReport &report);
std::string toJson(const ProgramReport &report);
/// Trace Event Format.
std::string toTrace(const Stream &stream, const ProgramReport &report);
std::string toSvg(const Stream &stream, const ProgramReport &report);

} // namespace minnow::etpu

#endif // MINNOW_RUNTIME_DEVICES_ETPU_REPORT_H
