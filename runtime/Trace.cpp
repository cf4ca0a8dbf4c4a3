//===- Trace.cpp - which thread did which task when ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread writes only its own list; the call and run that tasks belong to are
// written by the calling thread between parallel sections, which the pool
// orders before the tasks.
//===----------------------------------------------------------------------===//
#include "runtime/Trace.h"

#include <algorithm>

namespace minnow {
namespace {

using Clock = std::chrono::steady_clock;

class Recorder {
public:
  Recorder(ThreadPool &pool, const minnow_model *model, uint32_t runs,
           Trace &trace);

  const minnow_threads *threads() const { return &interface; }
  void startRun(uint32_t run);
  void endRun();

  static void callDone(void *self, uint32_t call) {
    static_cast<Recorder *>(self)->endCall(call);
  }

private:
  /// The tasks of one parallel section.
  struct Section {
    Recorder *recorder;
    minnow_task fn;
    void *closure;
  };

  int64_t now() const {
    return std::chrono::nanoseconds(Clock::now() - begin).count();
  }
  void endCall(uint32_t call);
  void parallelFor(uint32_t tasks, minnow_task fn, void *closure);
  void runTask(const Section &section, uint32_t task, uint32_t thread);

  ThreadPool &pool;
  Trace &trace;
  minnow_threads interface;
  const Clock::time_point begin = Clock::now();
  uint32_t run = 0, call = 0;
  int64_t runStart = 0, callStart = 0;
  bool wasDivided = false;
};

/// Adds to a list whose memory was reserved; what goes beyond that is left out,
/// since a program may run more tasks than its description tells.
void add(std::vector<Span> &spans, const Span &span) {
  if (spans.size() < spans.capacity())
    spans.push_back(span);
}

Recorder::Recorder(ThreadPool &pool, const minnow_model *model, uint32_t runs,
                   Trace &trace)
    : pool(pool), trace(trace) {
  const uint32_t calls = minnow_model_describe(model).calls;
  size_t tasks = 0;
  for (uint32_t i = 0; i < calls; ++i) {
    minnow_call_info info;
    minnow_model_call(model, i, &info);
    tasks += std::max(1u, info.tasks);
  }
  trace.runs.reserve(runs);
  trace.calls.reserve(size_t(runs) * calls);
  trace.threads.resize(pool.count());
  for (std::vector<Span> &spans : trace.threads)
    spans.reserve(runs * tasks);
  interface = {this, pool.count(),
               [](void *self, uint32_t count, minnow_task fn, void *closure) {
                 static_cast<Recorder *>(self)->parallelFor(count, fn, closure);
               }};
}

void Recorder::startRun(uint32_t number) {
  run = number;
  call = 0;
  wasDivided = false;
  runStart = callStart = now();
}

void Recorder::endRun() { add(trace.runs, {run, 0, 0, runStart, now()}); }

void Recorder::endCall(uint32_t done) {
  const Span span = {run, done, 0, callStart, now()};
  add(trace.calls, span);
  if (!wasDivided)
    add(trace.threads[0], span);
  call = done + 1;
  callStart = span.end;
  wasDivided = false;
}

void Recorder::parallelFor(uint32_t tasks, minnow_task fn, void *closure) {
  Section section = {this, fn, closure};
  wasDivided = true;
  pool.parallelFor(
      tasks,
      [](void *self, uint32_t task, uint32_t thread) {
        const auto &section = *static_cast<const Section *>(self);
        section.recorder->runTask(section, task, thread);
      },
      &section);
}

void Recorder::runTask(const Section &section, uint32_t task, uint32_t thread) {
  const int64_t start = now();
  section.fn(section.closure, task, thread);
  add(trace.threads[thread], {run, call, task, start, now()});
}

} // namespace

minnow_status record(Session &session, uint32_t runs, Trace &trace,
                     minnow_error *error) {
  minnow_context *context = session.context();
  std::unique_ptr<ThreadPool> pool =
      ThreadPool::create(minnow_context_threads(context), error);
  if (!pool)
    return MINNOW_STATUS_NO_RESOURCES;
  Recorder recorder(*pool, session.model(), runs, trace);
  minnow_status status =
      minnow_context_use_threads(context, recorder.threads(), error);
  minnow_context_profile(context, Recorder::callDone, &recorder);
  for (uint32_t run = 0; run < runs && !status; ++run) {
    double elapsed = 0;
    recorder.startRun(run);
    status = session.run(elapsed, error);
    recorder.endRun();
  }
  minnow_context_profile(context, nullptr, nullptr);
  minnow_context_use_threads(context, nullptr, nullptr);
  return status;
}

} // namespace minnow
