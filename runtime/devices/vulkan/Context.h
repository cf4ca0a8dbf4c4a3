//===- Context.h - one caller's inferences on a GPU -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_VULKAN_CONTEXT_H
#define MINNOW_RUNTIME_DEVICES_VULKAN_CONTEXT_H

#include "runtime/devices/vulkan/Program.h"

namespace minnow::vulkan {

/// Owns one command buffer and the fence of its submission.
class Recorder {
public:
  Recorder() = default;
  Recorder(const Recorder &) = delete;
  Recorder &operator=(const Recorder &) = delete;
  ~Recorder();

  minnow_status begin(const Gpu &gpu, minnow_error *error);
  minnow_status end(minnow_error *error);

  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;

private:
  const Gpu *gpu = nullptr;
  VkCommandPool pool = VK_NULL_HANDLE;
};

class Context : public DeviceContext {
public:
  explicit Context(const Program &program) : program(program) {}
  ~Context() override;

  minnow_status open(minnow_error *error);
  minnow_status run(const void *const *inputs, void *const *outputs,
                    const CallTimes *times, minnow_error *error) override;

private:
  minnow_status createSets(minnow_error *error);
  VkDescriptorBufferInfo getBuffer(const abi::vulkan::Range &range) const;
  minnow_status record(Recorder &recorder, bool isTimed, minnow_error *error);
  void tellTimes(const CallTimes &times);

  const Program &program;
  Memory arena, edges; // edges: inputs and outputs, each at a multiple of 256
  std::vector<uint64_t> inputOffsets, outputOffsets;
  VkDescriptorPool pool = VK_NULL_HANDLE;
  std::vector<VkDescriptorSet> sets; // one a dispatch
  Recorder recorder, timed;          // the second, once it is asked for
  VkQueryPool queries = VK_NULL_HANDLE;
  std::vector<uint64_t> stamps;
};

} // namespace minnow::vulkan

#endif // MINNOW_RUNTIME_DEVICES_VULKAN_CONTEXT_H
