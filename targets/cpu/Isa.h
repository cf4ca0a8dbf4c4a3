//===- Isa.h - the instruction set as the kernels see it --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels and schedules must know of a CPU, as data.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_CPU_ISA_H
#define MINNOW_TARGETS_CPU_ISA_H

#include "targets/Target.h"
#include "targets/halide/Form.h"

namespace minnow::cpu {

struct Isa {
  TargetSpec spec;           // resolved: triple, CPU and features are known
  unsigned vectorFloats = 4; // of one register
  unsigned registers = 16;   // vector registers
  // Multiplies a vector by one lane of another, so that what a broadcast needs
  // in each step comes as a vector for several steps.
  bool multipliesByLane = false;
  std::string halideTarget; // without the no_* flags
  // Products of bytes: see halide::Form.
  unsigned dotWidth = 1;
  halide::DotOperand dotOperand = halide::DotOperand::Wide;
  bool roundsByAddition = false;
  bool hasFma = false;
  bool prefetches = false;

  halide::Form getForm() const {
    return {halideTarget,
            int(vectorFloats),
            multipliesByLane,
            int(dotWidth),
            dotOperand,
            roundsByAddition,
            hasFma,
            prefetches ? halide::Fetch::Lines : halide::Fetch::None,
            /*emitsBitcode=*/multipliesByLane};
  }
};

/// Reads the instruction set of a spec that `resolveMachine` has completed.
/// Architectures without kernels are an error that names those that have some.
llvm::Expected<Isa> makeIsa(const TargetSpec &spec);

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_ISA_H
