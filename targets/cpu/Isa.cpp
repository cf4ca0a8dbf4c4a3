//===- Isa.cpp - the instruction set as the kernels see it ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's features to Halide's target strings.
//===----------------------------------------------------------------------===//
#include "targets/cpu/Isa.h"
#include "targets/llvm/Object.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/TargetParser/Triple.h"

using namespace minnow;
using namespace minnow::cpu;

namespace {

/// A level of an architecture: Halide's words for it and what LLVM must have on
/// for them.
struct Level {
  unsigned vectorFloats, registers;
  llvm::StringLiteral halide;
  std::vector<llvm::StringLiteral> features;
  unsigned dotWidth = 2;
  halide::DotOperand dotOperand = halide::DotOperand::Wide;
};

/// An architecture that kernels are written for.
struct Family {
  llvm::StringLiteral halide;
  bool multipliesByLane, roundsByAddition;
  // From the narrowest to the widest.
  std::vector<Level> levels;
};

} // namespace

static const Family &getX86() {
  static const Family family = {
      "x86-64",
      false,
      true,
      {{4, 16, "-sse41", {"sse4.1"}},
       {8, 16, "-avx", {"avx"}},
       {8, 16, "-avx2-fma-f16c", {"avx2", "fma", "f16c"}},
       {16,
        32,
        "-avx512-avx512_skylake",
        {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}},
       {16, 32, "-avx512_cannonlake", {"avx512ifma", "avx512vbmi"}},
       {16,
        32,
        "-avx512_zen4",
        {"avx512ifma", "avx512vbmi", "avx512vnni", "avx512bf16", "avx512bitalg",
         "avx512vpopcntdq", "avx512vbmi2", "sse4a"},
        4,
        halide::DotOperand::Unsigned},
       // Not a wider one, but that of Intel, who has no SSE4a.
       {16,
        32,
        "-avx512_sapphirerapids",
        {"avx512ifma", "avx512vbmi", "avx512vnni", "avx512bf16", "avx512bitalg",
         "avx512vpopcntdq", "avx512vbmi2", "avx512fp16", "avxvnni", "gfni",
         "vaes", "vpclmulqdq"},
        4,
        halide::DotOperand::Unsigned}}};
  return family;
}

static const Family &getArm() {
  static const Family family = {
      "arm-64",
      true,
      false,
      {{4, 32, "", {"neon"}, 1},
       {4, 32, "-arm_dot_prod", {"dotprod"}, 4, halide::DotOperand::Signed}}};
  return family;
}

static const Family *findFamily(const llvm::Triple &triple) {
  if (!triple.isOSLinux()) // Android is one
    return nullptr;
  if (triple.getArch() == llvm::Triple::x86_64)
    return &getX86();
  return triple.getArch() == llvm::Triple::aarch64 ? &getArm() : nullptr;
}

llvm::Expected<Isa> cpu::makeIsa(const TargetSpec &spec) {
  llvm::Triple triple(llvm::Triple::normalize(spec.triple));
  const Family *family = findFamily(triple);
  if (!family)
    return llvm::createStringError(
        "no CPU kernels for " + triple.str() +
        "; there are some for x86_64-linux-gnu, aarch64-linux-gnu and "
        "aarch64-linux-android");
  auto features = getFeatures(spec);
  if (!features)
    return features.takeError();
  llvm::StringSet<> on;
  for (const std::string &feature : *features)
    on.insert(feature);

  Isa isa;
  isa.spec = spec;
  isa.multipliesByLane = family->multipliesByLane;
  isa.roundsByAddition = family->roundsByAddition;
  isa.hasFma = !triple.isX86() || on.contains("fma");
  isa.halideTarget = (family->halide + "-linux").str();
  for (const Level &level : family->levels) {
    if (!llvm::all_of(level.features, [&](auto f) { return on.contains(f); }))
      continue;
    isa.vectorFloats = level.vectorFloats;
    isa.registers = level.registers;
    // Only there was it measured: weights come from a cache that all cores of a
    // server share, far away.
    isa.prefetches = level.vectorFloats == 16;
    isa.dotWidth = level.dotWidth;
    isa.dotOperand = level.dotOperand;
    isa.halideTarget += level.halide;
  }
  return isa;
}
