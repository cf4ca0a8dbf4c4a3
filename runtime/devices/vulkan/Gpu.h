//===- Gpu.h - an open GPU and its memory -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_VULKAN_GPU_H
#define MINNOW_RUNTIME_DEVICES_VULKAN_GPU_H

#include "runtime/Device.h"
#include "runtime/devices/vulkan/Functions.h"

#include <mutex>

namespace minnow::vulkan {

/// A device with one queue for compute.
class Gpu {
public:
  Gpu() = default;
  Gpu(const Gpu &) = delete;
  Gpu &operator=(const Gpu &) = delete;
  ~Gpu();

  /// Opens device number `which` ("": the first) with the features that
  /// `program` requires. Errors name what is missing.
  minnow_status open(const char *which, const abi::Program &program,
                     minnow_error *error);

  /// A line for each device, or one that says why there is none.
  static std::string list();

  /// Submits `commands` and waits for their end.
  minnow_status run(VkCommandBuffer commands, VkFence fence,
                    minnow_error *error) const;

  Functions vk;
  VkDevice device = VK_NULL_HANDLE;
  uint32_t queueFamily = 0;
  VkPhysicalDeviceProperties properties = {};
  VkPhysicalDeviceMemoryProperties memory = {};

private:
  minnow_status createInstance(minnow_error *error);
  minnow_status choose(const char *which, minnow_error *error);
  minnow_status checkRequirements(const abi::Program &program,
                                  minnow_error *error);
  minnow_status createDevice(minnow_error *error);
  std::vector<VkPhysicalDevice> getDevices() const;

  VkInstance instance = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  // A queue takes one submission at a time, contexts may come from many
  // threads.
  mutable std::mutex queueMutex;
  bool usesFloat16 = false, uses16BitStorage = false;
};

/// Owns a buffer with memory of its own.
class Memory {
public:
  Memory() = default;
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
  ~Memory();

  /// What a buffer is for: the GPU alone; the GPU, and the host if all memory
  /// is the same; both, always.
  enum class Use { Device, Filled, Shared };

  /// Makes a buffer of `bytes`; 0 bytes make one of the least size.
  minnow_status create(const Gpu &gpu, uint64_t bytes, Use use,
                       const char *what, minnow_error *error);

  VkBuffer buffer = VK_NULL_HANDLE;
  uint64_t bytes = 0;
  void *data = nullptr; // for the host; null if it cannot see the memory

private:
  const Gpu *gpu = nullptr;
  VkDeviceMemory memory = VK_NULL_HANDLE;
};

} // namespace minnow::vulkan

#endif // MINNOW_RUNTIME_DEVICES_VULKAN_GPU_H
