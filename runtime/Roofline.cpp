//===- Roofline.cpp - the limits of this machine, measured --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops are assembly: a compiler would fold them, spill them, or not fuse
// the multiply with the add. Twelve chains cover four cycles of latency on two
// or three units.
//===----------------------------------------------------------------------===//
#include "runtime/Roofline.h"
#include "runtime/CpuFeatures.h"
#include "runtime/PageMemory.h"

#include <algorithm>

namespace minnow {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kChains = 12;
constexpr uint64_t kSteps = 100000;
constexpr int kTries = 20;

/// Enough to make the start of a parallel section small beside it.
constexpr uint64_t kReadBytes = uint64_t(4) << 20;
constexpr uint64_t kSmallestRead = uint64_t(64) << 10;
constexpr uint64_t kBlock = 512;

/// A loop of kSteps x kChains multiply-add instructions on zeros, and how many
/// multiply-accumulates each instruction does.
struct MacLoop {
  void (*run)();
  uint32_t macs;
};

/// Reads `blocks` x kBlock bytes and does nothing with them.
using ReadLoop = void (*)(const void *base, uint64_t blocks);

// The assembler repeats a line for each register, or for each line of a block.
#define MINNOW_CHAINS(LINE)                                                    \
  ".irp i,0,1,2,3,4,5,6,7,8,9,10,11\n\t" LINE "\n\t.endr\n\t"
#define MINNOW_LINES(LINE)                                                     \
  ".irp i,0,64,128,192,256,320,384,448\n\t" LINE "\n\t.endr\n\t"

#if defined(__x86_64__)
#define MINNOW_MACS(LINE)                                                      \
  [] {                                                                         \
    uint64_t steps = kSteps;                                                   \
    asm volatile(                                                              \
        MINNOW_CHAINS(                                                         \
            "vpxor %%xmm\\i, %%xmm\\i, %%xmm\\i") "vpxor %%xmm14, %%xmm14, "   \
                                                  "%%xmm14\n\t"                \
                                                  "vpxor %%xmm15, %%xmm15, "   \
                                                  "%%xmm15\n\t"                \
                                                  "1:\n\t" MINNOW_CHAINS(      \
                                                      LINE) "dec %0\n\tjnz "   \
                                                            "1b\n\t"           \
                                                            "vzeroupper"       \
        : "+r"(steps)                                                          \
        :                                                                      \
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",      \
          "xmm8", "xmm9", "xmm10", "xmm11", "xmm14", "xmm15", "cc");           \
  }
#define MINNOW_READS(LINE, END)                                                \
  [](const void *base, uint64_t blocks) {                                      \
    asm volatile(                                                              \
        "1:\n\t" MINNOW_LINES(LINE) "add %2, %0\n\tdec %1\n\tjnz 1b\n\t" END   \
        : "+r"(base), "+r"(blocks)                                             \
        : "i"(kBlock)                                                          \
        : "xmm0", "xmm1", "cc", "memory");                                     \
  }

MacLoop macLoop(Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::F32) {
    if (cpuHas("avx512f"))
      return {MINNOW_MACS("vfmadd231ps %%zmm14, %%zmm15, %%zmm\\i"), 16};
    if (cpuHas("fma"))
      return {MINNOW_MACS("vfmadd231ps %%ymm14, %%ymm15, %%ymm\\i"), 8};
  } else {
    if (cpuHas("avx512vnni"))
      return {MINNOW_MACS("vpdpbusd %%zmm14, %%zmm15, %%zmm\\i"), 64};
    if (cpuHas("avxvnni"))
      return {MINNOW_MACS("%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm\\i"), 32};
  }
  return {nullptr, 0};
}

ReadLoop readLoop() {
  if (cpuHas("avx512f"))
    return MINNOW_READS("vmovups \\i(%0), %%zmm0", "vzeroupper");
  if (cpuHas("avx"))
    return MINNOW_READS("vmovups \\i(%0), %%ymm0\n\tvmovups \\i+32(%0), %%ymm1",
                        "vzeroupper");
  return MINNOW_READS("movups \\i(%0), %%xmm0\n\tmovups \\i+16(%0), %%xmm1\n\t"
                      "movups \\i+32(%0), %%xmm0\n\tmovups \\i+48(%0), %%xmm1",
                      "");
}
#elif defined(__aarch64__)
#define MINNOW_MACS(LINE)                                                      \
  [] {                                                                         \
    uint64_t steps = kSteps;                                                   \
    asm volatile(                                                              \
        MINNOW_CHAINS(                                                         \
            "movi v\\i\\().4s, #0") "movi v14.4s, #0\n\t"                      \
                                    "movi v15.4s, #0\n\t"                      \
                                    "1:\n\t" MINNOW_CHAINS(                    \
                                        LINE) "subs %0, %0, #1\n\tb.ne 1b"     \
        : "+r"(steps)                                                          \
        :                                                                      \
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10",   \
          "v11", "v14", "v15", "cc");                                          \
  }

MacLoop macLoop(Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::F32)
    return {MINNOW_MACS("fmla v\\i\\().4s, v14.4s, v15.4s"), 4};
  if (cpuHas("dotprod"))
    // sdot v<i>.4s, v14.16b, v15.16b, for assemblers told of no dotprod.
    return {MINNOW_MACS(".inst 0x4e8f95c0 + \\i"), 16};
  return {nullptr, 0};
}

ReadLoop readLoop() {
  return [](const void *base, uint64_t blocks) {
    asm volatile("1:\n\t" MINNOW_LINES(
                     "ldp q0, q1, [%0, #\\i]\n\t"
                     "ldp q2, q3, [%0, #\\i+32]") "add %0, %0, %2\n\tsubs %1, "
                                                  "%1, #1\n\tb.ne 1b"
                 : "+r"(base), "+r"(blocks)
                 : "i"(kBlock)
                 : "v0", "v1", "v2", "v3", "cc", "memory");
  };
}
#endif

/// Seconds of the best of kTries calls of `fn` on every thread of `pool`.
double bestSeconds(ThreadPool &pool, minnow_task fn, void *closure) {
  double best = 1e9;
  for (int i = 0; i < kTries; ++i) {
    const Clock::time_point start = Clock::now();
    pool.parallelFor(pool.count(), fn, closure);
    best = std::min(
        best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

/// A piece of memory for each thread to read.
struct Pieces {
  ReadLoop loop;
  const char *base;
  uint64_t blocks; // in each piece
  uint64_t passes;

  static void read(void *self, uint32_t task, uint32_t) {
    const auto &pieces = *static_cast<const Pieces *>(self);
    for (uint64_t pass = 0; pass < pieces.passes; ++pass)
      pieces.loop(pieces.base + task * pieces.blocks * kBlock, pieces.blocks);
  }
};

} // namespace

double peakMacsPerSecond(ThreadPool &pool, Arithmetic arithmetic) {
  MacLoop loop = macLoop(arithmetic);
  if (!loop.run)
    return 0;
  const double seconds = bestSeconds(
      pool,
      [](void *self, uint32_t, uint32_t) {
        static_cast<MacLoop *>(self)->run();
      },
      &loop);
  return double(kSteps) * kChains * loop.macs * pool.count() / seconds;
}

double readBytesPerSecond(ThreadPool &pool, uint64_t bytes) {
  PageMemory memory;
  if (!memory.allocate(bytes))
    return 0;
  memory.touch();
  const uint64_t blocks = std::max(uint64_t(1), bytes / kBlock / pool.count());
  Pieces pieces = {readLoop(), static_cast<const char *>(memory.data()), blocks,
                   std::max(uint64_t(1), kReadBytes / bytes)};
  const double seconds = bestSeconds(pool, Pieces::read, &pieces);
  return double(pieces.passes * blocks * kBlock * pool.count()) / seconds;
}

Roofline measureRoofline(ThreadPool &pool, uint64_t largest) {
  Roofline roofline;
  roofline.macsPerSecond = peakMacsPerSecond(pool, Arithmetic::F32);
  // Without such an instruction bytes are widened first.
  roofline.byteMacsPerSecond = std::max(
      peakMacsPerSecond(pool, Arithmetic::Int8), roofline.macsPerSecond);
  uint64_t bytes = kSmallestRead;
  while (true) {
    if (const double rate = readBytesPerSecond(pool, bytes))
      roofline.levels.push_back({bytes, rate});
    if (bytes >= largest)
      return roofline;
    bytes *= 2;
  }
}

double Roofline::microseconds(uint64_t macs, uint64_t byteMacs,
                              uint64_t bytes) const {
  if (macsPerSecond <= 0 || levels.empty())
    return 0;
  double products = (double(macs) - double(byteMacs)) / macsPerSecond;
  if (byteMacs)
    products += double(byteMacs) / byteMacsPerSecond;
  const Level *level = &levels.front();
  for (const Level &larger : levels)
    if (level->bytes < bytes)
      level = &larger;
  return 1e6 * std::max(products, double(bytes) / level->bytesPerSecond);
}

} // namespace minnow
