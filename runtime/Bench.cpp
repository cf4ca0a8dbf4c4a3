//===- Bench.cpp - times of a network and of its kernel calls
//---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Medians throughout: on a shared machine a mean mostly measures the others.
//===----------------------------------------------------------------------===//
#include "runtime/Bench.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace minnow {
namespace {

using Clock = std::chrono::steady_clock;

/// Notes when each call of a run ended. Its memory is made beforehand: nothing
/// may be allocated during a run.
class CallClock {
public:
  CallClock(uint32_t calls, uint32_t runs) : samples(calls) {
    for (auto &times : samples)
      times.reserve(runs);
  }

  void start() { last = Clock::now(); }

  /// The device's own times, where it has them.
  static void callTook(void *self, uint32_t call, double microseconds) {
    auto &clock = *static_cast<CallClock *>(self);
    if (call < clock.samples.size())
      clock.samples[call].push_back(microseconds);
  }

  static void callDone(void *self, uint32_t call) {
    auto &clock = *static_cast<CallClock *>(self);
    const Clock::time_point now = Clock::now();
    if (call < clock.samples.size())
      clock.samples[call].push_back(
          std::chrono::duration<double, std::micro>(now - clock.last).count());
    clock.last = now;
  }

  /// Microseconds of call number `call`, 0 if it never ended.
  double median(uint32_t call) const {
    return samples[call].empty() ? 0 : summarize(samples[call]).p50;
  }

private:
  std::vector<std::vector<double>> samples;
  Clock::time_point last;
};

std::vector<CallTime> readTable(const minnow_model *model,
                                const CallClock &clock,
                                const Roofline &roofline) {
  std::vector<CallTime> calls(minnow_model_describe(model).calls);
  double sum = 0;
  for (uint32_t i = 0; i < calls.size(); ++i) {
    minnow_call_info call;
    minnow_kernel_info kernel;
    minnow_model_call(model, i, &call);
    minnow_model_kernel(model, call.kernel, &kernel);
    const double least =
        roofline.microseconds(kernel.macs, kernel.byte_macs, kernel.bytes);
    calls[i] = {{clock.median(i), 0, least, kernel.macs, kernel.bytes},
                kernel.name,
                call.layer};
    sum += calls[i].us;
  }
  for (CallTime &call : calls)
    call.share = sum > 0 ? call.us / sum : 0;
  return calls;
}

} // namespace

Times summarize(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const size_t last = samples.size() - 1;
  return {samples[0], samples[last / 2], samples[last * 9 / 10]};
}

uint64_t totalMacs(const minnow_model *model) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < minnow_model_describe(model).calls; ++i) {
    minnow_call_info call;
    minnow_kernel_info kernel;
    minnow_model_call(model, i, &call);
    minnow_model_kernel(model, call.kernel, &kernel);
    sum += kernel.macs;
  }
  return sum;
}

minnow_status measure(Session &session, uint32_t warmup, uint32_t iterations,
                      Times &times, minnow_error *error) {
  std::vector<double> samples;
  for (uint32_t i = 0; i < warmup + iterations; ++i) {
    double elapsed = 0;
    if (minnow_status status = session.run(elapsed, error))
      return status;
    if (i >= warmup)
      samples.push_back(elapsed);
  }
  times = summarize(std::move(samples));
  return MINNOW_STATUS_OK;
}

minnow_status measureRoofline(const Session &session, Roofline &roofline,
                              minnow_error *error) {
  std::unique_ptr<ThreadPool> pool =
      ThreadPool::create(minnow_context_threads(session.context()), error);
  if (!pool)
    return MINNOW_STATUS_NO_RESOURCES;
  uint64_t largest = 0;
  for (uint32_t i = 0; i < minnow_model_describe(session.model()).kernels;
       ++i) {
    minnow_kernel_info kernel;
    minnow_model_kernel(session.model(), i, &kernel);
    largest = std::max(largest, kernel.bytes);
  }
  roofline = measureRoofline(*pool, largest);
  return MINNOW_STATUS_OK;
}

minnow_status profile(Session &session, uint32_t iterations,
                      const Roofline &roofline, std::vector<CallTime> &calls,
                      minnow_error *error) {
  CallClock clock(minnow_model_describe(session.model()).calls, iterations);
  const bool isTimed =
      minnow_context_time(session.context(), CallClock::callTook, &clock) ==
      MINNOW_STATUS_OK;
  if (!isTimed)
    minnow_context_profile(session.context(), CallClock::callDone, &clock);
  minnow_status status = MINNOW_STATUS_OK;
  for (uint32_t i = 0; i < iterations && !status; ++i) {
    double elapsed = 0;
    clock.start();
    status = session.run(elapsed, error);
  }
  minnow_context_time(session.context(), nullptr, nullptr);
  minnow_context_profile(session.context(), nullptr, nullptr);
  calls = readTable(session.model(), clock, roofline);
  return status;
}

minnow_status runMarked(Session &session, minnow_error *error) {
  constexpr long kMark = 0x5151;
  auto mark = [](void *, uint32_t call) { syscall(kMark, call); };
  minnow_context_profile(session.context(), mark, nullptr);
  mark(nullptr, UINT32_MAX);
  double elapsed = 0;
  minnow_status status = session.run(elapsed, error);
  minnow_context_profile(session.context(), nullptr, nullptr);
  return status;
}

std::vector<KernelTime> totalByKernel(const std::vector<CallTime> &calls) {
  std::map<std::string, KernelTime> byName;
  for (const CallTime &call : calls) {
    KernelTime &kernel = byName[call.kernel];
    kernel.kernel = call.kernel;
    kernel.calls += 1;
    kernel.us += call.us;
    kernel.share += call.share;
    kernel.rooflineUs += call.rooflineUs;
    kernel.macs += call.macs;
    kernel.bytes += call.bytes;
  }
  std::vector<KernelTime> kernels;
  for (auto &entry : byName)
    kernels.push_back(entry.second);
  std::stable_sort(
      kernels.begin(), kernels.end(),
      [](const KernelTime &a, const KernelTime &b) { return a.us > b.us; });
  return kernels;
}

} // namespace minnow
