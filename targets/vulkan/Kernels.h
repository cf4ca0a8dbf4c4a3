//===- Kernels.h - shaders of the Vulkan target -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code of a kernel is one shader and how many workgroups run it, packed as
// CodeHeader and SPIR-V words. Its buffers are the kernel's arguments and then
// its result, bindings 0, 1, ... of set 0; its entry point is "main".
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_VULKAN_KERNELS_H
#define MINNOW_TARGETS_VULKAN_KERNELS_H

#include "targets/Target.h"
#include "targets/vulkan/Plan.h"
#include "targets/vulkan/Shader.h"

namespace minnow::vulkan {

/// Before the SPIR-V in KernelCode::object.
struct CodeHeader {
  uint32_t groups[3];
  uint32_t bindings;
};

// One function a kind; each takes a plan of that kind.
llvm::Expected<Written> writeProduct(mobile::KernelOp kernel, const Gpu &gpu,
                                     const ShaderPlan &plan);
llvm::Expected<Written> writeDepthwise(mobile::KernelOp kernel, const Gpu &gpu,
                                       const ShaderPlan &plan);
llvm::Expected<Written> writeAttention(mobile::KernelOp kernel, const Gpu &gpu,
                                       const ShaderPlan &plan);
llvm::Expected<Written> writeElements(mobile::KernelOp kernel, const Gpu &gpu,
                                      const ShaderPlan &plan);
/// One invocation a number of the result, for a kernel of one primitive.
llvm::Expected<Written> writeGeneric(mobile::KernelOp kernel, const Gpu &gpu,
                                     const ShaderPlan &plan);

/// Whether a kernel has a shader of its own kind. Primitives that only move
/// numbers or reduce few have no faster way than the generic one.
bool isFast(const ShaderPlan &plan);

/// The code of `kernel`; errors are of MLIR's making.
llvm::Expected<KernelCode> emit(mobile::KernelOp kernel, const Gpu &gpu,
                                llvm::StringRef symbol);

/// Marks the arguments and the result of `kernel` that are the program's inputs
/// and outputs. Before plan-memory.
void markEdges(mobile::KernelOp kernel);

/// The sums of a depthwise convolution for a patch of its result, biased and
/// activated: quad `quad` of the positions right and down of (row, column).
Shader::Values makeDepthwise(Shader &shader, mobile::DepthwiseConv2DOp op,
                             Patch patch, mlir::Value batch, mlir::Value row,
                             mlir::Value column, mlir::Value quad);

/// The result of attention for one query of one head, quads of channels; all
/// lanes of a cluster must have the same image. checkAttention says of which
/// attention.
Shader::Values makeAttention(Shader &shader, mobile::AttentionOp op,
                             mlir::Value batch, mlir::Value query,
                             mlir::Value head);

} // namespace minnow::vulkan

#endif // MINNOW_TARGETS_VULKAN_KERNELS_H
