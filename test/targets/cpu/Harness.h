//===- Harness.h - emitted kernels run beside plain loops -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles one kernel from its text for a CPU, loads it into this process, and
// runs it on random numbers between pages that must not be touched. A kernel
// for AArch64 runs under qemu (Emulator.h).
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_TARGETS_CPU_HARNESS_H
#define MINNOW_TEST_TARGETS_CPU_HARNESS_H

#include "targets/cpu/Kernels.h"
#include "test/targets/cpu/Emulator.h"
#include <string>
#include <vector>

namespace minnow::test {

using KernelFunction = int32_t (*)(void *, uint32_t, void *const *);

/// Memory whose last byte is followed by a page that faults.
class GuardedBuffer {
public:
  GuardedBuffer(size_t bytes, size_t alignment);
  GuardedBuffer(GuardedBuffer &&other);
  ~GuardedBuffer();
  float *data() const { return reinterpret_cast<float *>(start); }
  EmulatedBuffer describe() const { return {start, bytes, alignment}; }

private:
  char *mapping = nullptr, *start = nullptr;
  size_t mapped = 0, bytes = 0, alignment = 0;
};

/// The memory that a kernel asks for while it runs.
struct Scratch {
  uint64_t held = 0, most = 0;
};

/// One compiled kernel with its operands.
class CompiledKernel {
public:
  /// Parses `text`, a module with one mobile.kernel; schedules it if it has no
  /// schedule, by `schedule` if that is given; compiles and loads it. Failures
  /// are in `getError()`.
  CompiledKernel(const std::string &text, const std::string &cpu,
                 const std::string &schedule = "");
  ~CompiledKernel();

  const std::string &getError() const { return error; }
  mobile::KernelOp getKernel() { return kernel; }
  const KernelCode &getCode() const { return code; }
  /// The bytes that the last `run` held at most.
  uint64_t getMostScratch() const { return scratch.most; }

  /// Runs all tasks. A failure is in `getError()`, and no result then equal.
  void run();
  /// As `run`, and counts what a kernel for AArch64 executes.
  Instructions count();
  /// The error of the last run: max |result - expected| / max |expected|.
  double getRelativeError();

private:
  bool compile(const std::string &text, const std::string &cpu,
               const std::string &schedule);
  bool load(const std::string &bytes);
  void makeOperands();

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mobile::KernelOp kernel;
  KernelCode code;
  std::string error;
  std::string emulated; // the library that only the emulator can run
  void *library = nullptr;
  KernelFunction function = nullptr;
  std::vector<std::vector<float>> arguments; // row-major
  std::vector<GuardedBuffer> buffers;
  std::vector<void *> pointers;
  Scratch scratch;
};

/// Evaluates `kernel` by plain loops in double precision.
std::vector<float> evaluate(mobile::KernelOp kernel,
                            const std::vector<std::vector<float>> &arguments);

/// Whether this machine can run code for `cpu`.
bool canRun(const std::string &cpu);

} // namespace minnow::test

#endif // MINNOW_TEST_TARGETS_CPU_HARNESS_H
