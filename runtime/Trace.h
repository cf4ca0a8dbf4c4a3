//===- Trace.h - which thread did which task when -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Records runs task by task, through a pool of its own that the context is
// told to use. Memory is made beforehand: nothing is allocated during a run.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_TRACE_H
#define MINNOW_RUNTIME_TRACE_H

#include "runtime/Session.h"
#include "runtime/ThreadPool.h"

namespace minnow {

/// Something that lasted: nanoseconds since the trace began.
struct Span {
  uint32_t run;  // which inference
  uint32_t call; // index into the program's calls
  uint32_t task; // of the call
  int64_t start, end;
};

/// The runs of a session: whole calls, and what each thread did of them. A call
/// that its program did not divide into tasks is one task of thread 0.
struct Trace {
  std::vector<Span> runs, calls;
  std::vector<std::vector<Span>> threads;
};

/// Records `runs` inferences of `session`.
minnow_status record(Session &session, uint32_t runs, Trace &trace,
                     minnow_error *error);

} // namespace minnow

#endif // MINNOW_RUNTIME_TRACE_H
