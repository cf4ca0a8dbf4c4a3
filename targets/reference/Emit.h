//===- Emit.h - kernels to code the slow way --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a target uses for a kernel that none of its fast paths takes, and tests
// compare fast kernels with: linalg, loops, LLVM.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_REFERENCE_EMIT_H
#define MINNOW_TARGETS_REFERENCE_EMIT_H

#include "targets/Target.h"

namespace minnow {

/// Registers what emitReference needs of MLIR; it does so itself.
void registerReferenceDialects(mlir::DialectRegistry &registry);

/// Emits `kernel` for the machine of `spec` as
///
///   int32_t symbol(void *context, uint32_t task, void *const *buffers)
///
/// where `buffers` holds the kernel's arguments, then its results, as they lie
/// in memory (f32, i8 or i32, aligned to 4 bytes; a result overlaps no other
/// buffer). The only task is 0; the result is 0. The object calls memcpy,
/// memset and memmove, and where scratchBytes is not 0
///
///   void *halide_malloc(void *context, size_t bytes)
///   void halide_free(void *context, void *pointer)
///
/// once each, for a block aligned to 128 bytes; scratchBytes are those of the
/// block and 256 for the header that an allocator may put before it. The
/// kernel's schedule has no influence. Errors: an unknown machine, and other
/// elements. Not for two threads at once on kernels of one MLIRContext.
llvm::Expected<KernelCode> emitReference(const TargetSpec &spec,
                                         mobile::KernelOp kernel,
                                         llvm::StringRef symbol);

/// `fast`, or where that is an error the kernel the slow way, with the error as
/// its note.
llvm::Expected<KernelCode> emitElseReference(llvm::Expected<KernelCode> fast,
                                             const TargetSpec &spec,
                                             mobile::KernelOp kernel,
                                             llvm::StringRef symbol);

} // namespace minnow

#endif // MINNOW_TARGETS_REFERENCE_EMIT_H
