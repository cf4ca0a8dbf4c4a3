//===- floor.cpp - what the cores can do at most ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Usage: minnow-floor THREADS. Prints GMAC/s of register-only multiply-adds on
// that many cores as JSON, by the same loops as `minnow-bench --profile`.
//===----------------------------------------------------------------------===//
#include "runtime/Roofline.h"

#include <cstdio>
#include <cstdlib>

int main(int argc, char **argv) {
  const int threads = argc == 2 ? std::atoi(argv[1]) : 0;
  std::unique_ptr<minnow::ThreadPool> pool;
  minnow_error error = {};
  if (threads > 0)
    pool = minnow::ThreadPool::create(static_cast<uint32_t>(threads), &error);
  if (!pool) {
    std::fprintf(stderr, "error: %s\n",
                 threads > 0 ? error.message : "usage: minnow-floor THREADS");
    return 1;
  }
  std::printf("{\"f32\": %.3f, \"int8\": %.3f}\n",
              minnow::peakMacsPerSecond(*pool, minnow::Arithmetic::F32) / 1e9,
              minnow::peakMacsPerSecond(*pool, minnow::Arithmetic::Int8) / 1e9);
  return 0;
}
