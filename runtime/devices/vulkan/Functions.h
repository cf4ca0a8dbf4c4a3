//===- Functions.h - Vulkan's functions, found at run time ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The system's loader is opened by name, so that a program without packages for
// a GPU runs where there is none.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_VULKAN_FUNCTIONS_H
#define MINNOW_RUNTIME_DEVICES_VULKAN_FUNCTIONS_H

#include "runtime/Error.h"

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

// By what they are asked from: nothing, an instance, a device.
#define MINNOW_VK_GLOBAL(F)                                                    \
  F(CreateInstance)                                                            \
  F(EnumerateInstanceVersion)                                                  \
  F(EnumerateInstanceLayerProperties)
#define MINNOW_VK_INSTANCE(F)                                                  \
  F(DestroyInstance)                                                           \
  F(EnumeratePhysicalDevices)                                                  \
  F(GetPhysicalDeviceProperties)                                               \
  F(GetPhysicalDeviceProperties2)                                              \
  F(GetPhysicalDeviceFeatures2)                                                \
  F(GetPhysicalDeviceMemoryProperties)                                         \
  F(GetPhysicalDeviceQueueFamilyProperties)                                    \
  F(CreateDevice)                                                              \
  F(GetDeviceProcAddr)
#define MINNOW_VK_DEVICE(F)                                                    \
  F(DestroyDevice)                                                             \
  F(GetDeviceQueue)                                                            \
  F(CreateBuffer)                                                              \
  F(DestroyBuffer)                                                             \
  F(GetBufferMemoryRequirements)                                               \
  F(AllocateMemory)                                                            \
  F(FreeMemory)                                                                \
  F(BindBufferMemory)                                                          \
  F(MapMemory)                                                                 \
  F(CreateShaderModule)                                                        \
  F(DestroyShaderModule)                                                       \
  F(CreatePipelineCache)                                                       \
  F(DestroyPipelineCache)                                                      \
  F(GetPipelineCacheData)                                                      \
  F(CreateDescriptorSetLayout)                                                 \
  F(DestroyDescriptorSetLayout)                                                \
  F(CreatePipelineLayout)                                                      \
  F(DestroyPipelineLayout)                                                     \
  F(CreateComputePipelines)                                                    \
  F(DestroyPipeline)                                                           \
  F(CreateDescriptorPool)                                                      \
  F(DestroyDescriptorPool)                                                     \
  F(AllocateDescriptorSets)                                                    \
  F(UpdateDescriptorSets)                                                      \
  F(CreateCommandPool)                                                         \
  F(DestroyCommandPool)                                                        \
  F(AllocateCommandBuffers)                                                    \
  F(BeginCommandBuffer)                                                        \
  F(EndCommandBuffer)                                                          \
  F(CmdBindPipeline)                                                           \
  F(CmdBindDescriptorSets)                                                     \
  F(CmdDispatch)                                                               \
  F(CmdPipelineBarrier)                                                        \
  F(CmdCopyBuffer)                                                             \
  F(CmdResetQueryPool)                                                         \
  F(CmdWriteTimestamp)                                                         \
  F(CreateQueryPool)                                                           \
  F(DestroyQueryPool)                                                          \
  F(GetQueryPoolResults)                                                       \
  F(CreateFence)                                                               \
  F(DestroyFence)                                                              \
  F(ResetFences)                                                               \
  F(WaitForFences)                                                             \
  F(QueueSubmit)                                                               \
  F(QueueWaitIdle)

namespace minnow::vulkan {

/// Null until the calls below have filled them in, in this order.
struct Functions {
#define MINNOW_VK_DECLARE(NAME) PFN_vk##NAME NAME = nullptr;
  MINNOW_VK_GLOBAL(MINNOW_VK_DECLARE)
  MINNOW_VK_INSTANCE(MINNOW_VK_DECLARE)
  MINNOW_VK_DEVICE(MINNOW_VK_DECLARE)
#undef MINNOW_VK_DECLARE
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr = nullptr;

  /// Opens the system's loader. MINNOW_STATUS_UNSUPPORTED where there is none.
  minnow_status open(minnow_error *error);
  void load(VkInstance instance);
  void load(VkDevice device);
};

/// Says that `what` failed with `result`; memory and lost devices by name.
minnow_status failed(VkResult result, const char *what, minnow_error *error);

} // namespace minnow::vulkan

#endif // MINNOW_RUNTIME_DEVICES_VULKAN_FUNCTIONS_H
