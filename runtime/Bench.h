//===- Bench.h - times of a network and of its kernel calls
//-----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The measuring of minnow-bench, apart from its options and its printing.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_BENCH_H
#define MINNOW_RUNTIME_BENCH_H

#include "runtime/Session.h"

namespace minnow {

/// Milliseconds: the least, the median, and what nine runs of ten stay below.
struct Times {
  double min = 0, p50 = 0, p90 = 0;
};

/// The times of `samples`, which must not be empty.
Times summarize(std::vector<double> samples);

/// A kernel call: its median time, and its share of the sum over all calls.
struct CallTime {
  std::string kernel, layer;
  double us = 0, share = 0;
  uint64_t macs = 0;
  double gmacsPerSecond() const { return us > 0 ? double(macs) / us / 1e3 : 0; }
};

/// All calls of one kernel.
struct KernelTime {
  std::string kernel;
  uint32_t calls = 0;
  double us = 0, share = 0;
  uint64_t macs = 0;
  double gmacsPerSecond() const { return us > 0 ? double(macs) / us / 1e3 : 0; }
};

/// Multiply-accumulates of one inference.
uint64_t totalMacs(const minnow_model *model);

/// Times `iterations` runs after `warmup` others.
minnow_status measure(Session &session, uint32_t warmup, uint32_t iterations,
                      Times &times, minnow_error *error);

/// Times each call over `iterations` runs; `calls` is in program order.
minnow_status profile(Session &session, uint32_t iterations,
                      std::vector<CallTime> &calls, minnow_error *error);

/// Runs once with marks for an emulator that counts instructions: the system
/// call 0x5151, which no system has, before the first kernel call with the
/// number 0xffffffff, and after each with its index.
minnow_status runMarked(Session &session, minnow_error *error);

/// The calls of each kernel together, the slowest first.
std::vector<KernelTime> totalByKernel(const std::vector<CallTime> &calls);

} // namespace minnow

#endif // MINNOW_RUNTIME_BENCH_H
