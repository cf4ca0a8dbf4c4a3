//===- Assemble.h - a program as a list of dispatches -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_VULKAN_ASSEMBLE_H
#define MINNOW_TARGETS_VULKAN_ASSEMBLE_H

#include "targets/Target.h"

namespace minnow::vulkan {

/// Makes the buffers of the arena and the weights f16: their types, and the
/// numbers of the weights.
void convertToHalf(Assembly &assembly);

/// The sections "dispatches" (runtime/abi/vulkan.fbs), "shaders" and "weights"
/// of a package.
std::vector<Section> assemble(const Assembly &assembly);

} // namespace minnow::vulkan

#endif // MINNOW_TARGETS_VULKAN_ASSEMBLE_H
