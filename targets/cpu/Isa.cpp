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

/// A level of x86: Halide's words for it and what LLVM must have on for them.
struct Level {
  unsigned vectorFloats, registers;
  llvm::StringLiteral halide;
  std::vector<llvm::StringLiteral> features;
};

} // namespace

/// From the narrowest to the widest; each has all before it.
static const std::vector<Level> &getLevels() {
  static const std::vector<Level> levels = {
      {4, 16, "-sse41", {"sse4.1"}},
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
       {"avx512vnni", "avx512bf16", "avx512bitalg", "avx512vpopcntdq",
        "avx512vbmi2"}},
  };
  return levels;
}

llvm::Expected<Isa> cpu::makeIsa(const TargetSpec &spec) {
  llvm::Triple triple(llvm::Triple::normalize(spec.triple));
  if (triple.getArch() != llvm::Triple::x86_64 || !triple.isOSLinux())
    return llvm::createStringError("no CPU kernels for " + triple.str() +
                                   "; there are some for x86_64-linux-gnu");
  auto features = getFeatures(spec);
  if (!features)
    return features.takeError();
  llvm::StringSet<> on;
  for (const std::string &feature : *features)
    on.insert(feature);

  Isa isa;
  isa.spec = spec;
  isa.halideTarget = "x86-64-linux";
  for (const Level &level : getLevels()) {
    if (!llvm::all_of(level.features, [&](auto f) { return on.contains(f); }))
      break;
    isa.vectorFloats = level.vectorFloats;
    isa.registers = level.registers;
    isa.halideTarget += level.halide;
  }
  return isa;
}
