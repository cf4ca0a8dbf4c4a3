//===- Context.cpp - one caller's inferences on a GPU ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs and outputs lie in memory that the host sees, and the first and last
// shaders read and write them there: an inference is copies by the host, one
// submission and one fence.
//===----------------------------------------------------------------------===//
#include "runtime/devices/vulkan/Context.h"
#include "runtime/abi/package.h"

#include <cstring>

namespace minnow::vulkan {

//===----------------------------------------------------------------------===//
// Recorder
//===----------------------------------------------------------------------===//

Recorder::~Recorder() {
  if (pool)
    gpu->vk.DestroyCommandPool(gpu->device, pool, nullptr);
  if (fence)
    gpu->vk.DestroyFence(gpu->device, fence, nullptr);
}

minnow_status Recorder::begin(const Gpu &owner, minnow_error *error) {
  gpu = &owner;
  VkCommandPoolCreateInfo info = {VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  info.queueFamilyIndex = gpu->queueFamily;
  VkResult result =
      gpu->vk.CreateCommandPool(gpu->device, &info, nullptr, &pool);
  VkCommandBufferAllocateInfo allocation = {
      VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
  allocation.commandPool = pool;
  allocation.commandBufferCount = 1;
  if (!result)
    result =
        gpu->vk.AllocateCommandBuffers(gpu->device, &allocation, &commands);
  const VkFenceCreateInfo fenceInfo = {VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  if (!result)
    result = gpu->vk.CreateFence(gpu->device, &fenceInfo, nullptr, &fence);
  const VkCommandBufferBeginInfo beginInfo = {
      VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  if (!result)
    result = gpu->vk.BeginCommandBuffer(commands, &beginInfo);
  return result ? failed(result, "a command buffer", error) : MINNOW_STATUS_OK;
}

minnow_status Recorder::end(minnow_error *error) {
  const VkResult result = gpu->vk.EndCommandBuffer(commands);
  return result ? failed(result, "a command buffer", error) : MINNOW_STATUS_OK;
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

/// What SPIR-V and every device allow as the start of a buffer.
static constexpr uint64_t kAlignment = 256;

static uint64_t layOut(const std::vector<minnow_tensor_info> &tensors,
                       uint64_t end, std::vector<uint64_t> &offsets) {
  for (const minnow_tensor_info &tensor : tensors) {
    offsets.push_back(end);
    end = abi::alignTo(end + tensor.bytes, kAlignment);
  }
  return end;
}

minnow_status Context::open(minnow_error *error) {
  const Description &description = program.description;
  uint64_t bytes = layOut(description.inputs, 0, inputOffsets);
  bytes = layOut(description.outputs, bytes, outputOffsets);
  if (minnow_status status = edges.create(
          program.gpu, bytes, Memory::Use::Shared, "inputs and outputs", error))
    return status;
  if (minnow_status status =
          arena.create(program.gpu, description.entry->arena_bytes(),
                       Memory::Use::Device, "the arena", error))
    return status;
  if (minnow_status status = createSets(error))
    return status;
  return record(recorder, /*isTimed=*/false, error);
}

VkDescriptorBufferInfo
Context::getBuffer(const abi::vulkan::Range &range) const {
  switch (range.space()) {
  case abi::vulkan::Space::Arena:
    return {arena.buffer, range.offset(), range.bytes()};
  case abi::vulkan::Space::Weights:
    return {program.weights.buffer, range.offset(), range.bytes()};
  case abi::vulkan::Space::Input:
    return {edges.buffer, inputOffsets[range.index()], range.bytes()};
  case abi::vulkan::Space::Output:
    break;
  }
  return {edges.buffer, outputOffsets[range.index()], range.bytes()};
}

minnow_status Context::createSets(minnow_error *error) {
  const Functions &vk = program.gpu.vk;
  const VkDevice device = program.gpu.device;
  const auto &dispatches = *program.commands.list->dispatches();
  const VkDescriptorPoolSize size = {
      VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
      std::max(1u, dispatches.size() * program.mostBindings)};
  VkDescriptorPoolCreateInfo info = {
      VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
  info.maxSets = std::max(1u, dispatches.size());
  info.poolSizeCount = 1;
  info.pPoolSizes = &size;
  if (VkResult result = vk.CreateDescriptorPool(device, &info, nullptr, &pool))
    return failed(result, "descriptors", error);
  VkDescriptorSetAllocateInfo allocation = {
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
  allocation.descriptorPool = pool;
  allocation.descriptorSetCount = 1;
  allocation.pSetLayouts = &program.setLayout;
  for (const abi::vulkan::Dispatch *dispatch : dispatches) {
    VkDescriptorSet set = VK_NULL_HANDLE;
    if (VkResult result = vk.AllocateDescriptorSets(device, &allocation, &set))
      return failed(result, "descriptors", error);
    sets.push_back(set);
    for (uint32_t i = 0; i < dispatch->ranges()->size(); ++i) {
      const VkDescriptorBufferInfo buffer =
          getBuffer(*dispatch->ranges()->Get(i));
      VkWriteDescriptorSet write = {VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
      write.dstSet = set;
      write.dstBinding = i;
      write.descriptorCount = 1;
      write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
      write.pBufferInfo = &buffer;
      vk.UpdateDescriptorSets(device, 1, &write, 0, nullptr);
    }
  }
  return MINNOW_STATUS_OK;
}

Context::~Context() {
  const Functions &vk = program.gpu.vk;
  if (queries)
    vk.DestroyQueryPool(program.gpu.device, queries, nullptr);
  if (pool)
    vk.DestroyDescriptorPool(program.gpu.device, pool, nullptr);
}

//===----------------------------------------------------------------------===//
// Commands
//===----------------------------------------------------------------------===//

/// Has all that comes after wait for all shaders before.
static void wait(const Functions &vk, VkCommandBuffer commands,
                 VkPipelineStageFlags stage, VkAccessFlags access) {
  VkMemoryBarrier barrier = {VK_STRUCTURE_TYPE_MEMORY_BARRIER};
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
  barrier.dstAccessMask = access;
  vk.CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, stage,
                        0, 1, &barrier, 0, nullptr, 0, nullptr);
}

/// Records the dispatches; if timed each waits for the one before, and a time
/// stamp is written at the start and after each.
minnow_status Context::record(Recorder &to, bool isTimed, minnow_error *error) {
  const Functions &vk = program.gpu.vk;
  const auto &list = *program.commands.list;
  if (minnow_status status = to.begin(program.gpu, error))
    return status;
  const VkCommandBuffer commands = to.commands;
  if (isTimed) {
    vk.CmdResetQueryPool(commands, queries, 0, list.dispatches()->size() + 1);
    vk.CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, queries,
                         0);
  }
  for (uint32_t i = 0; i < list.dispatches()->size(); ++i) {
    const abi::vulkan::Dispatch &dispatch = *list.dispatches()->Get(i);
    const abi::vulkan::Shader &shader = *list.shaders()->Get(dispatch.shader());
    if (dispatch.waits() || (isTimed && i))
      wait(vk, commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
           VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                       program.pipelines[dispatch.shader()]);
    vk.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE,
                             program.pipelineLayout, 0, 1, &sets[i], 0,
                             nullptr);
    vk.CmdDispatch(commands, shader.groups_x(), shader.groups_y(),
                   shader.groups_z());
    if (isTimed)
      vk.CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                           queries, i + 1);
  }
  wait(vk, commands, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
  return to.end(error);
}

void Context::tellTimes(const CallTimes &times) {
  const Gpu &gpu = program.gpu;
  const uint32_t count = static_cast<uint32_t>(stamps.size());
  if (gpu.vk.GetQueryPoolResults(
          gpu.device, queries, 0, count, count * 8, stamps.data(), 8,
          VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT))
    return;
  const double period = gpu.properties.limits.timestampPeriod / 1e3;
  for (uint32_t i = 0; i + 1 < count; ++i)
    times.callTook(times.self, i, double(stamps[i + 1] - stamps[i]) * period);
}

minnow_status Context::run(const void *const *inputs, void *const *outputs,
                           const CallTimes *times, minnow_error *error) {
  const Gpu &gpu = program.gpu;
  if (times && !queries) {
    stamps.resize(program.commands.list->dispatches()->size() + 1);
    VkQueryPoolCreateInfo info = {VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
    info.queryType = VK_QUERY_TYPE_TIMESTAMP;
    info.queryCount = static_cast<uint32_t>(stamps.size());
    if (VkResult result =
            gpu.vk.CreateQueryPool(gpu.device, &info, nullptr, &queries))
      return failed(result, "time stamps", error);
    if (minnow_status status = record(timed, /*isTimed=*/true, error))
      return status;
  }
  char *const data = static_cast<char *>(edges.data);
  const Description &description = program.description;
  for (size_t i = 0; i < inputOffsets.size(); ++i)
    std::memcpy(data + inputOffsets[i], inputs[i], description.inputs[i].bytes);
  const Recorder &used = times ? timed : recorder;
  if (minnow_status status = gpu.run(used.commands, used.fence, error))
    return status;
  for (size_t i = 0; i < outputOffsets.size(); ++i)
    std::memcpy(outputs[i], data + outputOffsets[i],
                description.outputs[i].bytes);
  if (times)
    tellTimes(*times);
  return MINNOW_STATUS_OK;
}

} // namespace minnow::vulkan
