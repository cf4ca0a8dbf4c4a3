//===- Emulator.h - kernels of another machine under qemu -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs an AArch64 kernel by KernelRunner.c under qemu-aarch64.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_TARGETS_CPU_EMULATOR_H
#define MINNOW_TEST_TARGETS_CPU_EMULATOR_H

#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace minnow::test {

/// One operand of a kernel; the last one is its result.
struct EmulatedBuffer {
  char *data;
  uint64_t bytes, alignment;
};

/// Instructions that all tasks of a kernel execute together.
struct Instructions {
  uint64_t all = 0, memory = 0, fmla = 0;
};

/// Whether this machine has qemu-aarch64, and had a cross compiler at its
/// build.
bool hasEmulator();

/// Runs all tasks of the function `kernel` in the shared library `library` and
/// fills in the last of `buffers` and the scratch memory it held at most.
/// With `counts`, counts by the plugin of test/bench. Returns what went wrong,
/// or nothing.
std::string emulate(llvm::StringRef library, uint64_t tasks,
                    llvm::ArrayRef<EmulatedBuffer> buffers,
                    uint64_t &mostScratch, Instructions *counts = nullptr);

} // namespace minnow::test

#endif // MINNOW_TEST_TARGETS_CPU_EMULATOR_H
