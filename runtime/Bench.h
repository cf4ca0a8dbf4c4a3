//===- Bench.h - times of a network and of its kernel calls
//-----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The measuring of minnow-bench, apart from its options and its printing.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_BENCH_H
#define MINNOW_RUNTIME_BENCH_H

#include "runtime/Roofline.h"
#include "runtime/Session.h"

namespace minnow {

/// Milliseconds: the least, the median, and what nine runs of ten stay below.
struct Times {
  double min = 0, p50 = 0, p90 = 0;
};

/// The times of `samples`, which must not be empty.
Times summarize(std::vector<double> samples);

/// What a call, or several, took and did: microseconds, the share of them in
/// the sum over all calls, and those that the machine's roofline asks (0:
/// unknown).
struct Work {
  double us = 0, share = 0, rooflineUs = 0;
  uint64_t macs = 0, bytes = 0;

  double gmacsPerSecond() const { return us > 0 ? double(macs) / us / 1e3 : 0; }
  double rooflineShare() const { return us > 0 ? rooflineUs / us : 0; }
};

/// A kernel call, by its median time.
struct CallTime : Work {
  std::string kernel, layer;
};

/// All calls of one kernel.
struct KernelTime : Work {
  std::string kernel;
  uint32_t calls = 0;
};

/// Multiply-accumulates of one inference.
uint64_t totalMacs(const minnow_model *model);

/// Times `iterations` runs after `warmup` others.
minnow_status measure(Session &session, uint32_t warmup, uint32_t iterations,
                      Times &times, minnow_error *error);

/// The limits of this machine for the session's threads and largest call.
minnow_status measureRoofline(const Session &session, Roofline &roofline,
                              minnow_error *error);

/// Times each call over `iterations` runs, and holds it against `roofline`;
/// `calls` is in program order.
minnow_status profile(Session &session, uint32_t iterations,
                      const Roofline &roofline, std::vector<CallTime> &calls,
                      minnow_error *error);

/// Runs once with marks for an emulator that counts instructions: the system
/// call 0x5151, which no system has, before the first kernel call with the
/// number 0xffffffff, and after each with its index.
minnow_status runMarked(Session &session, minnow_error *error);

/// The calls of each kernel together, the slowest first.
std::vector<KernelTime> totalByKernel(const std::vector<CallTime> &calls);

} // namespace minnow

#endif // MINNOW_RUNTIME_BENCH_H
