//===- Program.cpp - a package's program on a GPU -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/vulkan/Program.h"
#include "runtime/devices/vulkan/Context.h"
#include "runtime/devices/vulkan/PipelineCache.h"
#include "runtime/devices/vulkan/minnow_vulkan.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace minnow::vulkan {

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

minnow_status Program::open(const char *which, minnow_error *error) {
  if (minnow_status status = gpu.open(which, *description.program, error))
    return status;
  for (const abi::vulkan::Shader *shader : *commands.list->shaders())
    mostBindings = std::max(mostBindings, shader->bindings());
  if (minnow_status status = checkLimits(error))
    return status;
  if (minnow_status status = createLayouts(error))
    return status;
  if (minnow_status status = createPipelines(error))
    return status;
  return uploadWeights(error);
}

minnow_status Program::checkLimits(minnow_error *error) const {
  const VkPhysicalDeviceLimits &limits = gpu.properties.limits;
  auto lacks = [&](const char *what, uint64_t needed, uint64_t has) {
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the program needs a %s of %llu, and %.128s has %llu: choose "
                "another device (see --devices)",
                what, static_cast<unsigned long long>(needed),
                gpu.properties.deviceName,
                static_cast<unsigned long long>(has));
  };
  if (mostBindings > limits.maxPerStageDescriptorStorageBuffers)
    return lacks("maxPerStageDescriptorStorageBuffers", mostBindings,
                 limits.maxPerStageDescriptorStorageBuffers);
  for (const abi::vulkan::Shader *shader : *commands.list->shaders()) {
    const uint32_t groups[] = {shader->groups_x(), shader->groups_y(),
                               shader->groups_z()};
    for (int i = 0; i < 3; ++i)
      if (groups[i] > limits.maxComputeWorkGroupCount[i])
        return lacks("maxComputeWorkGroupCount", groups[i],
                     limits.maxComputeWorkGroupCount[i]);
  }
  for (const abi::vulkan::Dispatch *dispatch : *commands.list->dispatches())
    for (const abi::vulkan::Range *range : *dispatch->ranges()) {
      if (range->bytes() > limits.maxStorageBufferRange)
        return lacks("maxStorageBufferRange", range->bytes(),
                     limits.maxStorageBufferRange);
      if (range->offset() % limits.minStorageBufferOffsetAlignment)
        return lacks("minStorageBufferOffsetAlignment", 256,
                     limits.minStorageBufferOffsetAlignment);
    }
  return MINNOW_STATUS_OK;
}

/// One layout for all: a shader need not use every binding.
minnow_status Program::createLayouts(minnow_error *error) {
  std::vector<VkDescriptorSetLayoutBinding> bindings(mostBindings);
  for (uint32_t i = 0; i < mostBindings; ++i)
    bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1,
                   VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  VkDescriptorSetLayoutCreateInfo info = {
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
  info.bindingCount = mostBindings;
  info.pBindings = bindings.data();
  if (VkResult result = gpu.vk.CreateDescriptorSetLayout(gpu.device, &info,
                                                         nullptr, &setLayout))
    return failed(result, "a descriptor layout", error);
  VkPipelineLayoutCreateInfo pipeline = {
      VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  pipeline.setLayoutCount = 1;
  pipeline.pSetLayouts = &setLayout;
  if (VkResult result = gpu.vk.CreatePipelineLayout(gpu.device, &pipeline,
                                                    nullptr, &pipelineLayout))
    return failed(result, "a pipeline layout", error);
  return MINNOW_STATUS_OK;
}

minnow_status Program::createPipeline(const abi::vulkan::Shader &shader,
                                      VkPipelineCache cache,
                                      minnow_error *error) {
  VkShaderModuleCreateInfo info = {VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  info.codeSize = shader.bytes();
  info.pCode = reinterpret_cast<const uint32_t *>(commands.shaders.data() +
                                                  shader.offset());
  VkShaderModule module = VK_NULL_HANDLE;
  if (VkResult result =
          gpu.vk.CreateShaderModule(gpu.device, &info, nullptr, &module))
    return failed(result, "a shader", error);
  VkComputePipelineCreateInfo pipeline = {
      VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  pipeline.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  pipeline.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  pipeline.stage.module = module;
  pipeline.stage.pName = "main";
  pipeline.layout = pipelineLayout;
  VkPipeline made = VK_NULL_HANDLE;
  const VkResult result = gpu.vk.CreateComputePipelines(
      gpu.device, cache, 1, &pipeline, nullptr, &made);
  gpu.vk.DestroyShaderModule(gpu.device, module, nullptr);
  if (result)
    return failed(result, "the compilation of a shader", error);
  pipelines.push_back(made);
  return MINNOW_STATUS_OK;
}

minnow_status Program::createPipelines(minnow_error *error) {
  PipelineCache cache(gpu, commands.shaders);
  for (const abi::vulkan::Shader *shader : *commands.list->shaders())
    if (minnow_status status = createPipeline(*shader, cache.get(), error))
      return status;
  return MINNOW_STATUS_OK;
}

/// By the host where it sees the GPU's memory, else through a copy.
minnow_status Program::uploadWeights(minnow_error *error) {
  if (minnow_status status = weights.create(
          gpu, commands.weights.size(), Memory::Use::Filled, "weights", error))
    return status;
  if (weights.data) {
    std::memcpy(weights.data, commands.weights.data(), commands.weights.size());
    return MINNOW_STATUS_OK;
  }
  Memory staging;
  if (minnow_status status =
          staging.create(gpu, commands.weights.size(), Memory::Use::Shared,
                         "the upload of weights", error))
    return status;
  std::memcpy(staging.data, commands.weights.data(), commands.weights.size());
  Recorder recorder;
  if (minnow_status status = recorder.begin(gpu, error))
    return status;
  const VkBufferCopy all = {0, 0, weights.bytes};
  gpu.vk.CmdCopyBuffer(recorder.commands, staging.buffer, weights.buffer, 1,
                       &all);
  if (minnow_status status = recorder.end(error))
    return status;
  return gpu.run(recorder.commands, recorder.fence, error);
}

Program::~Program() {
  for (VkPipeline pipeline : pipelines)
    gpu.vk.DestroyPipeline(gpu.device, pipeline, nullptr);
  if (pipelineLayout)
    gpu.vk.DestroyPipelineLayout(gpu.device, pipelineLayout, nullptr);
  if (setLayout)
    gpu.vk.DestroyDescriptorSetLayout(gpu.device, setLayout, nullptr);
}

minnow_status Program::createContext(std::unique_ptr<DeviceContext> &context,
                                     minnow_error *error) const {
  auto made = std::unique_ptr<Context>(new (std::nothrow) Context(*this));
  if (!made)
    return fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
  if (minnow_status status = made->open(error))
    return status;
  context = std::move(made);
  return MINNOW_STATUS_OK;
}

//===----------------------------------------------------------------------===//
// The driver
//===----------------------------------------------------------------------===//

static minnow_status loadProgram(const Package &package,
                                 const Description &description,
                                 const char *which,
                                 std::unique_ptr<DeviceProgram> &program,
                                 minnow_error *error) {
  Commands commands;
  if (minnow_status status =
          readCommands(package, description, commands, error))
    return status;
  std::unique_ptr<Program> made(new (std::nothrow)
                                    Program(description, commands));
  if (!made)
    return fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
  if (minnow_status status = made->open(which, error))
    return status;
  program = std::move(made);
  return MINNOW_STATUS_OK;
}

} // namespace minnow::vulkan

const minnow_driver *minnow_vulkan(void) {
  static const minnow_driver driver = {"vulkan", minnow::vulkan::Gpu::list,
                                       minnow::vulkan::loadProgram, nullptr};
  return &driver;
}
