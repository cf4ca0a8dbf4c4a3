//===- BenchReport.h - figures of minnow-bench as text and JSON ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What minnow-bench prints, and the trace file that it writes.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_BENCHREPORT_H
#define MINNOW_RUNTIME_BENCHREPORT_H

#include "runtime/Bench.h"
#include "runtime/Trace.h"

namespace minnow {

/// All figures of one bench; `calls` is empty unless they were profiled.
struct Figures {
  uint32_t iterations = 0;
  Times times;
  Roofline roofline;
  std::vector<CallTime> calls;
};

void printText(const Session &session, const Figures &figures);
void printJson(const Session &session, const Figures &figures);

/// Writes `trace` to the file `path` as Perfetto and Chrome read it: one row
/// for the calls, one for each thread.
minnow_status writeTrace(const std::string &path, const Session &session,
                         const Trace &trace, minnow_error *error);

} // namespace minnow

#endif // MINNOW_RUNTIME_BENCHREPORT_H
