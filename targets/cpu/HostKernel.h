//===- HostKernel.h - a compiled kernel that runs here ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads the code of a scheduled kernel into this process with memory for its
// operands, to measure it.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_CPU_HOSTKERNEL_H
#define MINNOW_TARGETS_CPU_HOSTKERNEL_H

#include "targets/cpu/Kernels.h"
#include <vector>

namespace minnow::cpu {

class HostKernel {
public:
  /// Compiles the scheduled `kernel`. Code that this machine cannot run, or no
  /// stage is written for, is an error.
  static llvm::Expected<std::unique_ptr<HostKernel>>
  create(const Isa &isa, mobile::KernelOp kernel);
  ~HostKernel();
  HostKernel(const HostKernel &) = delete;

  /// Runs all tasks on this thread as in the midst of a network: `others` has
  /// just been read, then the maps. Returns the seconds of the tasks.
  double run(llvm::ArrayRef<char> others);

private:
  HostKernel() = default;
  llvm::Error load(llvm::StringRef library);
  void makeOperands(mobile::KernelOp kernel);

  void *library = nullptr;
  int32_t (*function)(void *, uint32_t, void *const *) = nullptr;
  uint32_t tasks = 1;
  std::vector<std::vector<float>> operands;
  std::vector<bool> isMap; // of each operand, not a weight
  std::vector<void *> pointers;
  std::vector<float> scratch;
};

} // namespace minnow::cpu

#endif // MINNOW_TARGETS_CPU_HOSTKERNEL_H
