//===- KernelBench.cpp - speed of the kernels of a network ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles the kernels of MobileNetV4 Conv-S at 224 and prints the rate of each
// on one thread, beside the rate of a loop of multiply-adds in registers. Times
// are the thread's own (another process on the core does not count), the least
// of many; operands are warm.
//
//   cpu-kernel-bench [CPU [FILTER [SCHEDULE]]]
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Harness.h"
#include "test/targets/cpu/Text.h"
#include <array>
#include <chrono>
#include <ctime>
#include <fmt/format.h>
#include <functional>

using namespace minnow;
using namespace minnow::test;

namespace {

struct Case {
  std::string name;
  int repeats; // in the network
  std::string text;
};

double readClock() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

/// The time of one call of `run`, in seconds.
double measureOnce(const std::function<void()> &run) {
  double start = readClock();
  run();
  return readClock() - start;
}

#define FMA(REG, N) "vfmadd231ps %%" REG "15, %%" REG "14, %%" REG #N "\n"
#define FMAS(REG)                                                              \
  FMA(REG, 0)                                                                  \
  FMA(REG, 1)                                                                  \
  FMA(REG, 2)                                                                  \
  FMA(REG, 3)                                                                  \
  FMA(REG, 4)                                                                  \
  FMA(REG, 5)                                                                  \
  FMA(REG, 6)                                                                  \
  FMA(REG, 7)                                                                  \
  FMA(REG, 8)                                                                  \
  FMA(REG, 9)                                                                  \
  FMA(REG, 10) FMA(REG, 11)

/// Runs 12 independent multiply-adds `n` times, on zeros: garbage could be
/// denormal, and slow.
#define RUN_FMAS(REG)                                                          \
  asm volatile("vzeroall\n1:\n" FMAS(REG) "dec %0\njnz 1b\n"                   \
               : "+r"(n)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",      \
                 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",    \
                 "xmm13", "xmm14", "xmm15")

constexpr long kPeakLoops = 2000;

/// Runs kPeakLoops * 12 independent multiply-adds of a register each.
void runFmas(bool wide) {
  long n = kPeakLoops;
  if (wide)
    RUN_FMAS("zmm");
  else
    RUN_FMAS("ymm");
}

struct Rate {
  double seconds; // the least of many
  double peak;    // multiply-adds in a second, measured in between
};

/// Measures `run` in turn with the peak, so that both see the same clock and
/// the same neighbours.
Rate measure(const std::function<void()> &run, bool wide) {
  double least = 1, leastPeak = 1;
  for (double total = 0; total < 0.4;) {
    double time = measureOnce(run);
    double peak = measureOnce([&] { runFmas(wide); });
    least = std::min(least, time);
    leastPeak = std::min(leastPeak, peak);
    total += time + peak;
  }
  return {least, kPeakLoops * 12 * (wide ? 16 : 8) / leastPeak};
}

std::vector<Case> cases;

void addPointwise(int64_t size, int64_t inputs, int64_t outputs, bool relu,
                  bool residual, int repeats) {
  KernelText text;
  Node in = text.argument({1, size, size, inputs});
  Node out = text.conv(in, {outputs, 1, 1, {}, relu ? "relu" : "none"});
  if (residual)
    out = text.add(out, text.argument(out.shape));
  cases.push_back({fmt::format("pw {0}x{0} {1}->{2}{3}", size, inputs, outputs,
                               residual ? "+" : ""),
                   repeats, text.finish(out)});
}

void addDepthwise(int64_t size, int64_t channels, int64_t kernel,
                  int64_t stride, int repeats) {
  KernelText text;
  Node in = text.argument({1, size, size, channels});
  Node out = text.depthwise(in, {0, kernel, stride, {}, "relu"});
  cases.push_back(
      {fmt::format("dw {0}x{0} {1} k{2} s{3}", size, channels, kernel, stride),
       repeats, text.finish(out)});
}

void addFused(int64_t size, int64_t inputs, int64_t middle, int64_t outputs) {
  KernelText text;
  Node in = text.argument({1, size, size, inputs});
  Node out = text.conv(in, {middle, 3, 2, {}, "relu"});
  out = text.conv(out, {outputs, 1, 1, {}, "relu"});
  cases.push_back({fmt::format("fused {0}x{0} {1}->{2}->{3}", size, inputs,
                               middle, outputs),
                   1, text.finish(out)});
}

void addOthers() {
  KernelText stem;
  Node map = stem.transpose(stem.argument({1, 3, 224, 224}), {0, 2, 3, 1});
  cases.push_back({"stem 224x224 3->32", 1,
                   stem.finish(stem.conv(map, {32, 3, 2, {}, "relu"}))});
  KernelText head;
  Node out = head.conv(head.argument({1, 7, 7, 128}), {960, 1, 1, {}, "relu"});
  cases.push_back(
      {"head 7x7 128->960, pool", 1, head.finish(head.globalPool(out))});
  for (auto [inputs, outputs] : {std::pair(960, 1280), std::pair(1280, 1000)}) {
    KernelText text;
    cases.push_back({fmt::format("linear {}->{}", inputs, outputs), 1,
                     text.finish(text.linear(text.argument({1, inputs}),
                                             outputs, "none"))});
  }
}

/// A UIB as one kernel; not part of the sum.
void addUib(int64_t size, int64_t inputs, int64_t expanded, int64_t outputs,
            int64_t start, int64_t middle, int64_t stride) {
  KernelText text;
  Node out = text.argument({1, size, size, inputs});
  if (start)
    out = text.depthwise(out, {0, start});
  out = text.conv(out, {expanded, 1, 1, {}, "relu"});
  if (middle)
    out = text.depthwise(out, {0, middle, stride, {}, "relu"});
  out = text.conv(out, {outputs});
  cases.push_back(
      {fmt::format("uib {0}x{0} {1}->{2}->{3} {4}/{5} s{6}", size, inputs,
                   expanded, outputs, start, middle, stride),
       0, text.finish(out)});
}

/// The core of a Mobile MQA; not part of the sum.
void addAttention(int64_t size, int64_t keySize, int64_t heads, int64_t width) {
  KernelText text;
  Node q = text.argument({1, size, size, heads * width});
  Node k = text.argument({1, keySize, keySize, width});
  Node v = text.argument({1, keySize, keySize, width});
  cases.push_back({fmt::format("attention {0}x{0} {1}x{1} h{2} d{3}", size,
                               keySize, heads, width),
                   0, text.finish(text.attention(q, k, v, heads, 0.125))});
}

/// Products of bytes with their rounding, from Conv-M; not part of the sum.
void addBytes() {
  auto add = [](std::string name, int64_t size, int64_t inputs,
                const Conv &conv) {
    KernelText text;
    Node in = text.argument({1, size, size, inputs}, "i8");
    Node sums = conv.outputs ? text.conv(in, conv) : text.depthwise(in, conv);
    cases.push_back({"i8 " + name, 0, text.finish(text.requantize(sums))});
  };
  for (auto [size, inputs, outputs] : {std::array<int64_t, 3>{64, 48, 192},
                                       {64, 128, 48},
                                       {32, 80, 480},
                                       {32, 192, 80},
                                       {16, 160, 640},
                                       {16, 640, 160},
                                       {8, 256, 1024},
                                       {8, 1024, 256},
                                       {14, 96, 192},
                                       {14, 192, 96},
                                       {7, 128, 512},
                                       {7, 512, 128}})
    add(fmt::format("pw {0}x{0} {1}->{2}", size, inputs, outputs), size, inputs,
        {outputs});
  for (auto [size, channels, kernel, stride] :
       {std::array<int64_t, 4>{64, 48, 3, 1},
        {64, 192, 5, 2},
        {16, 160, 3, 1},
        {16, 640, 3, 1},
        {16, 640, 5, 1},
        {8, 1024, 5, 1},
        {14, 192, 3, 1},
        {7, 512, 5, 1}})
    add(fmt::format("dw {0}x{0} {1} k{2} s{3}", size, channels, kernel, stride),
        size, channels, {0, kernel, stride});
  add("conv 128x128 32->128 k3 s2", 128, 32, {128, 3, 2});
}

/// Sizes that fit no vector, from MobileNetV2 and EfficientNet-Lite0.
void addRagged() {
  addPointwise(112, 32, 16, false, false, 0);
  addPointwise(56, 24, 144, true, false, 0);
  addPointwise(56, 144, 24, false, true, 0);
  addPointwise(28, 240, 40, false, true, 0);
  addPointwise(28, 40, 240, true, false, 0);
  addDepthwise(112, 32, 3, 1, 0);
  addDepthwise(56, 144, 3, 1, 0);
  addDepthwise(28, 240, 5, 1, 0);
}

void addNetwork() {
  addFused(112, 32, 32, 32);
  addFused(56, 32, 96, 64);
  addDepthwise(28, 64, 5, 1, 1);
  addPointwise(28, 64, 192, true, false, 1);
  addDepthwise(28, 192, 5, 2, 1);
  addPointwise(14, 192, 96, false, false, 1);
  addPointwise(14, 96, 192, true, false, 4);
  addDepthwise(14, 192, 3, 1, 4);
  addPointwise(14, 192, 96, false, true, 4);
  addDepthwise(14, 96, 3, 1, 2);
  addPointwise(14, 96, 384, true, false, 1);
  addPointwise(14, 384, 96, false, true, 1);
  addPointwise(14, 96, 576, true, false, 1);
  addDepthwise(14, 576, 3, 2, 1);
  addPointwise(7, 576, 128, false, false, 1);
  addDepthwise(7, 128, 5, 1, 1);
  addPointwise(7, 128, 512, true, false, 4);
  addDepthwise(7, 512, 5, 1, 2);
  addPointwise(7, 512, 128, false, true, 4);
  addPointwise(7, 128, 384, true, false, 1);
  addDepthwise(7, 384, 5, 1, 1);
  addPointwise(7, 384, 128, false, true, 1);
  addDepthwise(7, 512, 3, 1, 2);
  addOthers();
}

/// The rate of one kernel; returns its seconds in one inference.
double report(const Case &test, const std::string &cpu,
              const std::string &schedule) {
  double start = readClock();
  CompiledKernel kernel(test.text, cpu, schedule);
  double compile = readClock() - start;
  if (!kernel.getError().empty()) {
    fmt::print("{:<28} {}\n", test.name, kernel.getError());
    return 0;
  }
  auto [seconds, peak] = measure([&] { kernel.run(); }, cpu != "haswell");
  uint64_t macs = 0;
  for (auto &op : kernel.getKernel().getBody().front().without_terminator())
    macs += llvm::cast<mobile::PrimitiveOpInterface>(op).getMacs();
  std::string used;
  llvm::raw_string_ostream(used) << kernel.getKernel().getScheduleAttr();
  fmt::print("{:<28} x{} {:8.1f} us {:6.1f} GMAC/s {:5.1f} % of {:5.1f}  "
             "{:4.0f} ms  {}\n",
             test.name, test.repeats, seconds * 1e6, macs / seconds * 1e-9,
             100 * macs / seconds / peak, peak * 1e-9, compile * 1e3, used);
  std::fflush(stdout);
  return seconds * test.repeats;
}

} // namespace

int main(int argc, char **argv) {
  std::string cpu = argc > 1 ? argv[1] : "skylake-avx512";
  std::string filter = argc > 2 ? argv[2] : "";
  std::string schedule = argc > 3 ? argv[3] : "";
  double total = 0;
  addNetwork();
  addUib(28, 64, 192, 96, 5, 5, 2);
  addUib(14, 96, 192, 96, 0, 3, 1);
  addUib(64, 48, 192, 80, 3, 5, 2);
  addAttention(16, 8, 4, 64);
  addAttention(8, 8, 4, 64);
  addAttention(24, 12, 8, 48);
  addAttention(12, 12, 8, 64);
  addRagged();
  addBytes();
  for (const Case &test : cases)
    if (test.name.find(filter) != std::string::npos)
      total += report(test, cpu, schedule);
  fmt::print("all {:.3f} ms\n", total * 1e3);
}
