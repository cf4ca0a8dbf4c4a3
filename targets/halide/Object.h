//===- Object.h - the object of a kernel by Halide --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel's code with the signature that all kernels of native programs have.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_OBJECT_H
#define MINNOW_TARGETS_HALIDE_OBJECT_H

#include "targets/Target.h"
#include "targets/halide/Form.h"

namespace minnow::halide {

/// Emits a scheduled kernel as the function
///   int32_t symbol(void *context, uint32_t task, void *const *buffers)
/// of an object for the machine `spec`, which is that of `form`. What no stage
/// is written for is an error that names it.
llvm::Expected<KernelCode> emitObject(const Form &form, const TargetSpec &spec,
                                      mobile::KernelOp kernel,
                                      llvm::StringRef symbol);

/// Whether a stage is written for all that the scheduled `kernel` computes; if
/// not, `why` says what emitObject will.
bool hasStages(const Form &form, mobile::KernelOp kernel, std::string *why);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_OBJECT_H
