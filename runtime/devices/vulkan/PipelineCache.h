//===- PipelineCache.h - compiled shaders kept on disk ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the driver made of a program's shaders, in MINNOW_CACHE_DIR or the
// user's cache folder, one file a program, device and driver. Without a folder,
// or with a damaged file, shaders are compiled anew: a cache costs time, never
// a result.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_VULKAN_PIPELINECACHE_H
#define MINNOW_RUNTIME_DEVICES_VULKAN_PIPELINECACHE_H

#include "runtime/devices/vulkan/Gpu.h"

namespace minnow::vulkan {

class PipelineCache {
public:
  /// Reads the cache of the shaders `words` on `gpu`, if there is one.
  PipelineCache(const Gpu &gpu, std::string_view words);
  /// Writes it back if it grew.
  ~PipelineCache();
  PipelineCache(const PipelineCache &) = delete;
  PipelineCache &operator=(const PipelineCache &) = delete;

  VkPipelineCache get() const { return cache; } // null: none

private:
  const Gpu &gpu;
  std::string path; // empty: no folder
  size_t bytesRead = 0;
  VkPipelineCache cache = VK_NULL_HANDLE;
};

} // namespace minnow::vulkan

#endif // MINNOW_RUNTIME_DEVICES_VULKAN_PIPELINECACHE_H
