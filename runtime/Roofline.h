//===- Roofline.h - the limits of this machine, measured ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two slopes that kernels are held against: multiply-adds that touch only
// registers, and reads that stream. Measured where the network has just run,
// since clocks, cores and neighbours differ from one run to the next.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_ROOFLINE_H
#define MINNOW_RUNTIME_ROOFLINE_H

#include "runtime/ThreadPool.h"

namespace minnow {

enum class Arithmetic { F32, Int8 };

/// Multiply-accumulates a second of all threads of `pool` together, by the
/// widest instruction that the cores have. 0 where they have none that does
/// such a step at once.
double peakMacsPerSecond(ThreadPool &pool, Arithmetic arithmetic);

/// Bytes a second that all threads of `pool` together read over and over from
/// `bytes` of memory: from the cache that they fit in, or from memory. 0 when
/// the system has not that much.
double readBytesPerSecond(ThreadPool &pool, uint64_t bytes);

/// What kernels are held against.
struct Roofline {
  struct Level {
    uint64_t bytes; // that are read over and over
    double bytesPerSecond;
  };
  double macsPerSecond = 0;
  double byteMacsPerSecond = 0; // of products of bytes
  std::vector<Level> levels;    // by growing size

  /// Microseconds that `macs`, `byteMacs` of them of bytes, and `bytes` take at
  /// least, the bytes coming from the nearest cache that holds them; 0 if
  /// unknown.
  double microseconds(uint64_t macs, uint64_t byteMacs, uint64_t bytes) const;
};

/// Measures on the threads of `pool`, up to reads of `largest` bytes.
Roofline measureRoofline(ThreadPool &pool, uint64_t largest);

} // namespace minnow

#endif // MINNOW_RUNTIME_ROOFLINE_H
