//===- CpuFeatures.cpp - what the processor has
//-----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x86: cpuid, and xgetbv for the registers that the system must save. AArch64:
// the capabilities that Linux hands to the process. Read here rather than by
// compiler builtins, whose lists differ between GCC and Clang.
//===----------------------------------------------------------------------===//
#include "runtime/CpuFeatures.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#else
#error "Minnow's runtime knows x86-64 and AArch64"
#endif

namespace minnow {

#if defined(__x86_64__)
namespace {

enum Register { EAX, EBX, ECX, EDX };

/// Registers whose saving the system must have switched on, as bits of XCR0.
enum State : uint32_t { None = 0, Ymm = 0x06, Zmm = 0xe6 };

struct Bit {
  const char *name;
  uint32_t leaf;
  uint32_t subleaf;
  Register where;
  uint32_t bit;
  State state;
};

constexpr Bit kBits[] = {
    {"sse3", 1, 0, ECX, 0, None},
    {"ssse3", 1, 0, ECX, 9, None},
    {"sse4.1", 1, 0, ECX, 19, None},
    {"sse4.2", 1, 0, ECX, 20, None},
    {"popcnt", 1, 0, ECX, 23, None},
    {"fma", 1, 0, ECX, 12, Ymm},
    {"avx", 1, 0, ECX, 28, Ymm},
    {"f16c", 1, 0, ECX, 29, Ymm},
    {"bmi", 7, 0, EBX, 3, None},
    {"avx2", 7, 0, EBX, 5, Ymm},
    {"bmi2", 7, 0, EBX, 8, None},
    {"avx512f", 7, 0, EBX, 16, Zmm},
    {"avx512dq", 7, 0, EBX, 17, Zmm},
    {"avx512ifma", 7, 0, EBX, 21, Zmm},
    {"avx512cd", 7, 0, EBX, 28, Zmm},
    {"avx512bw", 7, 0, EBX, 30, Zmm},
    {"avx512vl", 7, 0, EBX, 31, Zmm},
    {"avx512vbmi", 7, 0, ECX, 1, Zmm},
    {"avx512vbmi2", 7, 0, ECX, 6, Zmm},
    {"avx512vnni", 7, 0, ECX, 11, Zmm},
    {"avx512bitalg", 7, 0, ECX, 12, Zmm},
    {"avx512vpopcntdq", 7, 0, ECX, 14, Zmm},
    {"avx512fp16", 7, 0, EDX, 23, Zmm},
    {"avxvnni", 7, 1, EAX, 4, Ymm},
    {"avx512bf16", 7, 1, EAX, 5, Zmm},
    {"lzcnt", 0x80000001, 0, ECX, 5, None},
};

uint32_t enabledState() {
  uint32_t regs[4] = {};
  constexpr uint32_t kOsxsave = 1u << 27;
  if (!__get_cpuid(1, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]) ||
      !(regs[ECX] & kOsxsave))
    return 0;
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

bool isPresent(const Bit &bit, uint32_t enabled) {
  uint32_t regs[4] = {};
  return __get_cpuid_count(bit.leaf, bit.subleaf, &regs[EAX], &regs[EBX],
                           &regs[ECX], &regs[EDX]) &&
         (regs[bit.where] >> bit.bit & 1) && (enabled & bit.state) == bit.state;
}

} // namespace

const char *cpuArchitecture() { return "x86-64"; }

std::vector<CpuFeature> cpuFeatures() {
  const uint32_t enabled = enabledState();
  std::vector<CpuFeature> features;
  for (const Bit &bit : kBits)
    features.push_back({bit.name, isPresent(bit, enabled)});
  return features;
}

#elif defined(__aarch64__)

const char *cpuArchitecture() { return "aarch64"; }

std::vector<CpuFeature> cpuFeatures() {
  const unsigned long caps = getauxval(AT_HWCAP);
  const unsigned long caps2 = getauxval(AT_HWCAP2);
  // Bit numbers are Linux's; headers older than the feature lack its name.
  auto has = [](unsigned long word, unsigned bit) { return word >> bit & 1; };
  return {{"fp-armv8", has(caps, 0) != 0},  {"neon", has(caps, 1) != 0},
          {"crc", has(caps, 7) != 0},       {"lse", has(caps, 8) != 0},
          {"fullfp16", has(caps, 10) != 0}, {"rdm", has(caps, 12) != 0},
          {"dotprod", has(caps, 20) != 0},  {"sve", has(caps, 22) != 0},
          {"fp16fml", has(caps, 23) != 0},  {"sve2", has(caps2, 1) != 0},
          {"i8mm", has(caps2, 13) != 0},    {"bf16", has(caps2, 14) != 0}};
}

#endif

bool cpuHas(std::string_view name) {
  for (const CpuFeature &feature : cpuFeatures())
    if (name == feature.name)
      return feature.present;
  return false;
}

} // namespace minnow
