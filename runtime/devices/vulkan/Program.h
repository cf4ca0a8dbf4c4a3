//===- Program.h - a package's program on a GPU -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights and pipelines of a program; each context has its own arena and one
// command buffer, which is recorded once and submitted for each inference.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_VULKAN_PROGRAM_H
#define MINNOW_RUNTIME_DEVICES_VULKAN_PROGRAM_H

#include "runtime/abi/vulkan_generated.h"
#include "runtime/devices/vulkan/Gpu.h"

namespace minnow::vulkan {

/// The sections of a package, verified.
struct Commands {
  const abi::vulkan::Commands *list = nullptr;
  std::string_view shaders, weights;
};

/// Finds and verifies what a package says for a GPU: indices, ranges within
/// their memory, whole shaders. MINNOW_STATUS_BAD_FILE says what is wrong.
minnow_status readCommands(const Package &package,
                           const Description &description, Commands &commands,
                           minnow_error *error);

class Program : public DeviceProgram {
public:
  Program(const Description &description, const Commands &commands)
      : description(description), commands(commands) {}
  ~Program() override;

  /// Opens the device `which` and makes the program ready on it.
  minnow_status open(const char *which, minnow_error *error);

  minnow_status createContext(std::unique_ptr<DeviceContext> &context,
                              minnow_error *error) const override;
  const char *getDeviceName() const override {
    return gpu.properties.deviceName;
  }

  const Description &description;
  Commands commands;
  Gpu gpu;
  Memory weights;
  VkDescriptorSetLayout setLayout = VK_NULL_HANDLE;
  VkPipelineLayout pipelineLayout = VK_NULL_HANDLE;
  std::vector<VkPipeline> pipelines; // one a shader
  uint32_t mostBindings = 0;

private:
  minnow_status checkLimits(minnow_error *error) const;
  minnow_status createLayouts(minnow_error *error);
  minnow_status createPipelines(minnow_error *error);
  minnow_status createPipeline(const abi::vulkan::Shader &shader,
                               VkPipelineCache cache, minnow_error *error);
  minnow_status uploadWeights(minnow_error *error);
};

} // namespace minnow::vulkan

#endif // MINNOW_RUNTIME_DEVICES_VULKAN_PROGRAM_H
