//===- Gpu.h - GPUs as data ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What shaders may use and how large their tiles are. Every GPU here keeps
// within what each Vulkan 1.1 device has: 128 invocations a workgroup, 16 KiB
// of workgroup memory, four storage buffers a stage and 128 MiB in each.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_VULKAN_GPU_H
#define MINNOW_TARGETS_VULKAN_GPU_H

#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace minnow::vulkan {

struct Gpu {
  /// As `--cpu` names it.
  llvm::StringRef name;
  /// Lanes that read a row of the left matrix together and pass it on by
  /// shuffles; 1: each lane reads all of it, for devices without them.
  unsigned cluster;
  /// The most positions whose sums a lane holds, four channels each.
  unsigned mostPixels;
  /// Whether weights and the maps between kernels are stored as f16. Sums are
  /// f32 all the same.
  bool half = false;
};

/// On an argument or result of a kernel that is the program's own, so f32 even
/// where all else is f16.
inline constexpr llvm::StringLiteral kEdgeAttrName = "mobile.edge";

inline constexpr unsigned kInvocations = 64;
inline constexpr unsigned kSharedBytes = 16384;

/// The GPU that `name` means; null for an unknown one.
const Gpu *findGpu(llvm::StringRef name);

std::vector<std::string> getGpuNames();

} // namespace minnow::vulkan

#endif // MINNOW_TARGETS_VULKAN_GPU_H
