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

/// Memory whose last byte is followed by a page that faults; another is before
/// its first page.
class GuardedBuffer {
public:
  GuardedBuffer(size_t bytes, size_t alignment);
  GuardedBuffer(GuardedBuffer &&other);
  ~GuardedBuffer();
  char *data() const { return start; }
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
  /// are in `getError()`. Of those maps that may be stored unsigned the bits of
  /// `unsignedMaps` name some: the result, then the arguments.
  CompiledKernel(const std::string &text, const std::string &cpu,
                 const std::string &schedule = "", unsigned seed = 7,
                 unsigned unsignedMaps = 0);
  ~CompiledKernel();

  const std::string &getError() const { return error; }
  mobile::KernelOp getKernel() { return kernel; }
  const KernelCode &getCode() const { return code; }
  /// The bytes that the last `run` held at most.
  uint64_t getMostScratch() const { return scratch.most; }

  /// Runs all tasks. A failure is in `getError()`, and no result then equal.
  void run();
  /// The error of the last run: max |result - expected| / max |expected|.
  double getRelativeError();
  /// The kernel with its schedule and layouts.
  std::string print();
  /// How the last run differs from plain loops; empty if in no bit.
  std::string describeDifferences();

private:
  bool compile(const std::string &text, const std::string &cpu,
               const std::string &schedule, unsigned unsignedMaps);
  void storeUnsigned(const cpu::Isa &isa, unsigned maps);
  bool load(const std::string &bytes);
  void makeOperands(unsigned seed);
  double getResult(size_t index);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mobile::KernelOp kernel;
  KernelCode code;
  std::string error;
  std::string emulated; // the library that only the emulator can run
  void *library = nullptr;
  KernelFunction function = nullptr;
  std::vector<std::vector<double>> arguments; // row-major
  std::vector<GuardedBuffer> buffers;
  std::vector<void *> pointers;
  Scratch scratch;
};

/// Evaluates `kernel` by plain loops in double precision.
std::vector<double> evaluate(mobile::KernelOp kernel,
                             const std::vector<std::vector<double>> &arguments);

/// Whether this machine can run code for `cpu`.
bool canRun(const std::string &cpu);

} // namespace minnow::test

#endif // MINNOW_TEST_TARGETS_CPU_HARNESS_H
