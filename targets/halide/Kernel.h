//===- Kernel.h - a kernel's region as a Halide pipeline --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline computes one task of the kernel: the slice of the output that
// the number of the task names. All sizes are constants of the code.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_KERNEL_H
#define MINNOW_TARGETS_HALIDE_KERNEL_H

#include "dialects/mobile/Mobile.h"
#include "targets/halide/Form.h"
#include "llvm/Support/Error.h"

namespace minnow::halide {

/// What the header and the alignment of one block of scratch memory may take.
inline constexpr uint64_t kBlockBytes = 256;

/// The code of one kernel as Halide emits it.
struct Code {
  std::string object;
  /// `object` is LLVM's bitcode, of which our LLVM makes an object.
  bool isBitcode = false;
  /// What the code asks of `halide_malloc` in all, and kBlockBytes for each
  /// block.
  uint64_t scratchBytes = 0;
  /// Between the starts of two tasks' slices in the result.
  uint64_t taskBytes = 0;
};

/// Compiles the scheduled `kernel` to an object with the one function
///   int32_t symbol(void *context, int32_t task, halide_buffer_t *...)
/// whose buffers are the kernel's arguments and its result; of a buffer only
/// `host` is read, and the result's is where the task's slice begins. What
/// Halide cannot do, or no stage is written for, is an error.
llvm::Expected<Code> compile(mobile::KernelOp kernel, const Form &form,
                             llvm::StringRef symbol);

/// The error that `compile` gives where no stage is written for the scheduled
/// `kernel`. Takes milliseconds; what only Halide's lowering refuses it misses.
llvm::Error checkKernel(mobile::KernelOp kernel, const Form &form);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_KERNEL_H
