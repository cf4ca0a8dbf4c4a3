//===- Gpu.cpp - an open GPU and its memory -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/vulkan/Gpu.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace minnow::vulkan {
namespace {

const char *const kValidationLayer = "VK_LAYER_KHRONOS_validation";

bool wantsValidation() {
  const char *value = std::getenv("MINNOW_VULKAN_VALIDATION");
  return value && *value && std::strcmp(value, "0");
}

VKAPI_ATTR VkBool32 VKAPI_CALL printMessage(
    VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
    const VkDebugUtilsMessengerCallbackDataEXT *data, void *) {
  std::fprintf(stderr, "vulkan validation: %s\n", data->pMessage);
  return VK_FALSE;
}

const char *kindOf(VkPhysicalDeviceType type) {
  switch (type) {
  case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
    return "integrated";
  case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
    return "discrete";
  case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
    return "virtual";
  case VK_PHYSICAL_DEVICE_TYPE_CPU:
    return "software";
  default:
    return "other";
  }
}

} // namespace

//===----------------------------------------------------------------------===//
// Instance and choice
//===----------------------------------------------------------------------===//

minnow_status Gpu::createInstance(minnow_error *error) {
  if (minnow_status status = vk.open(error))
    return status;
  uint32_t version = VK_API_VERSION_1_0;
  if (vk.EnumerateInstanceVersion)
    vk.EnumerateInstanceVersion(&version);
  if (version < VK_API_VERSION_1_1)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the Vulkan loader knows only version 1.0; 1.1 is needed: "
                "install a newer one");
  VkApplicationInfo app = {VK_STRUCTURE_TYPE_APPLICATION_INFO};
  app.pApplicationName = "minnow";
  app.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo info = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  info.pApplicationInfo = &app;
  const char *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  VkDebugUtilsMessengerCreateInfoEXT messages = {
      VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  messages.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                             VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messages.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  messages.pfnUserCallback = printMessage;
  if (wantsValidation()) {
    info.enabledLayerCount = info.enabledExtensionCount = 1;
    info.ppEnabledLayerNames = &kValidationLayer;
    info.ppEnabledExtensionNames = &extension;
    info.pNext = &messages;
  }
  const VkResult result = vk.CreateInstance(&info, nullptr, &instance);
  if (result == VK_ERROR_LAYER_NOT_PRESENT)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "MINNOW_VULKAN_VALIDATION asks for the validation layer, which "
                "is not installed (Debian: vulkan-validationlayers)");
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "no Vulkan driver on this machine: install one (Debian: "
                "mesa-vulkan-drivers)");
  if (result)
    return failed(result, "the start of Vulkan", error);
  vk.load(instance);
  if (wantsValidation())
    if (auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
            vk.GetInstanceProcAddr(instance, "vkCreateDebugUtilsMessengerEXT")))
      create(instance, &messages, nullptr, &messenger);
  return MINNOW_STATUS_OK;
}

/// Those that can run a package at all: Vulkan 1.1.
std::vector<VkPhysicalDevice> Gpu::getDevices() const {
  uint32_t count = 0;
  vk.EnumeratePhysicalDevices(instance, &count, nullptr);
  std::vector<VkPhysicalDevice> all(count), usable;
  vk.EnumeratePhysicalDevices(instance, &count, all.data());
  all.resize(count);
  for (VkPhysicalDevice candidate : all) {
    VkPhysicalDeviceProperties info;
    vk.GetPhysicalDeviceProperties(candidate, &info);
    if (info.apiVersion >= VK_API_VERSION_1_1)
      usable.push_back(candidate);
  }
  return usable;
}

minnow_status Gpu::choose(const char *which, minnow_error *error) {
  const std::vector<VkPhysicalDevice> devices = getDevices();
  if (devices.empty())
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "no GPU with Vulkan 1.1 on this machine: install a driver "
                "(Debian: mesa-vulkan-drivers)");
  char *end = nullptr;
  const unsigned long index = *which ? std::strtoul(which, &end, 10) : 0;
  if (*which && (*end || which[0] == '-' || index >= devices.size()))
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
                "no device 'vulkan:%.32s': there are vulkan:0 to vulkan:%zu "
                "(see --devices)",
                which, devices.size() - 1);
  physical = devices[index];
  vk.GetPhysicalDeviceProperties(physical, &properties);
  vk.GetPhysicalDeviceMemoryProperties(physical, &memory);
  return MINNOW_STATUS_OK;
}

std::string Gpu::list() {
  Gpu gpu;
  minnow_error error = {};
  if (gpu.createInstance(&error))
    return std::string("vulkan  none: ") + error.message + "\n";
  std::string lines;
  size_t number = 0;
  for (VkPhysicalDevice device : gpu.getDevices()) {
    VkPhysicalDeviceProperties info;
    gpu.vk.GetPhysicalDeviceProperties(device, &info);
    lines += "vulkan:" + std::to_string(number++) + "  " + info.deviceName +
             ", " + kindOf(info.deviceType) + ", Vulkan " +
             std::to_string(VK_VERSION_MAJOR(info.apiVersion)) + "." +
             std::to_string(VK_VERSION_MINOR(info.apiVersion)) + "\n";
  }
  return lines.empty() ? "vulkan  none: no driver is installed\n" : lines;
}

//===----------------------------------------------------------------------===//
// Device
//===----------------------------------------------------------------------===//

/// The names are those of the compiler (targets/vulkan).
minnow_status Gpu::checkRequirements(const abi::Program &program,
                                     minnow_error *error) {
  VkPhysicalDeviceSubgroupProperties subgroups = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
  VkPhysicalDeviceProperties2 all = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &subgroups, {}};
  vk.GetPhysicalDeviceProperties2(physical, &all);
  VkPhysicalDeviceShaderFloat16Int8Features halves = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
  VkPhysicalDevice16BitStorageFeatures storage = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
  // Before 1.2 the first belongs to an extension, which nobody asks for here.
  if (properties.apiVersion >= VK_API_VERSION_1_2)
    storage.pNext = &halves;
  VkPhysicalDeviceFeatures2 features = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &storage, {}};
  vk.GetPhysicalDeviceFeatures2(physical, &features);

  auto has = [&](const std::string &name) {
    constexpr char kSize[] = "subgroupSize>=";
    if (name == "subgroupShuffle")
      return (subgroups.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
             (subgroups.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
    if (!name.compare(0, sizeof(kSize) - 1, kSize))
      return subgroups.subgroupSize >=
             std::strtoul(name.c_str() + sizeof(kSize) - 1, nullptr, 10);
    if (name == "storageBuffer16BitAccess")
      return uses16BitStorage = storage.storageBuffer16BitAccess;
    if (name == "shaderFloat16")
      return usesFloat16 = halves.shaderFloat16;
    return false;
  };
  std::string missing;
  for (const flatbuffers::String *name : *program.requirements())
    if (!has(name->str()))
      missing += (missing.empty() ? "" : ", ") + name->str();
  if (!missing.empty())
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the program needs %.512s, which %.128s lacks: compile it with "
                "--cpu portable, and without --precision f16",
                missing.c_str(), properties.deviceName);
  return MINNOW_STATUS_OK;
}

minnow_status Gpu::createDevice(minnow_error *error) {
  uint32_t count = 0;
  vk.GetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vk.GetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  while (queueFamily < count &&
         !(families[queueFamily].queueFlags & VK_QUEUE_COMPUTE_BIT))
    ++queueFamily;
  if (queueFamily == count)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "%.128s has no queue for compute shaders: choose another "
                "device (see --devices)",
                properties.deviceName);

  const float priority = 1;
  VkDeviceQueueCreateInfo queueInfo = {
      VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queueInfo.queueFamilyIndex = queueFamily;
  queueInfo.queueCount = 1;
  queueInfo.pQueuePriorities = &priority;
  VkPhysicalDeviceShaderFloat16Int8Features halves = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
  halves.shaderFloat16 = usesFloat16;
  VkPhysicalDevice16BitStorageFeatures storage = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
  storage.storageBuffer16BitAccess = uses16BitStorage;
  if (usesFloat16)
    storage.pNext = &halves;
  VkDeviceCreateInfo info = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  info.pNext = &storage;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queueInfo;
  if (VkResult result = vk.CreateDevice(physical, &info, nullptr, &device))
    return failed(result, "its opening", error);
  vk.load(device);
  vk.GetDeviceQueue(device, queueFamily, 0, &queue);
  return MINNOW_STATUS_OK;
}

minnow_status Gpu::open(const char *which, const abi::Program &program,
                        minnow_error *error) {
  if (minnow_status status = createInstance(error))
    return status;
  if (minnow_status status = choose(which, error))
    return status;
  if (minnow_status status = checkRequirements(program, error))
    return status;
  return createDevice(error);
}

Gpu::~Gpu() {
  if (device)
    vk.DestroyDevice(device, nullptr);
  if (messenger)
    if (auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
            vk.GetInstanceProcAddr(instance,
                                   "vkDestroyDebugUtilsMessengerEXT")))
      destroy(instance, messenger, nullptr);
  if (instance)
    vk.DestroyInstance(instance, nullptr);
}

minnow_status Gpu::run(VkCommandBuffer commands, VkFence fence,
                       minnow_error *error) const {
  VkSubmitInfo submit = {VK_STRUCTURE_TYPE_SUBMIT_INFO};
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &commands;
  VkResult result = vk.ResetFences(device, 1, &fence);
  if (!result) {
    std::lock_guard<std::mutex> lock(queueMutex);
    result = vk.QueueSubmit(queue, 1, &submit, fence);
  }
  if (!result)
    result = vk.WaitForFences(device, 1, &fence, VK_TRUE, UINT64_MAX);
  return result ? failed(result, "an inference", error) : MINNOW_STATUS_OK;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Memory::~Memory() {
  if (buffer)
    gpu->vk.DestroyBuffer(gpu->device, buffer, nullptr);
  if (memory)
    gpu->vk.FreeMemory(gpu->device, memory, nullptr);
}

/// The first type of `allowed` that has `flags`, -1 if none has.
static int findType(const VkPhysicalDeviceMemoryProperties &memory,
                    uint32_t allowed, VkMemoryPropertyFlags flags) {
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i)
    if (allowed & (1u << i) &&
        (memory.memoryTypes[i].propertyFlags & flags) == flags)
      return int(i);
  return -1;
}

minnow_status Memory::create(const Gpu &owner, uint64_t size, Use use,
                             const char *what, minnow_error *error) {
  gpu = &owner;
  bytes = size ? size : 256;
  VkBufferCreateInfo info = {VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
               VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  if (VkResult result =
          gpu->vk.CreateBuffer(gpu->device, &info, nullptr, &buffer))
    return failed(result, what, error);
  VkMemoryRequirements needs;
  gpu->vk.GetBufferMemoryRequirements(gpu->device, buffer, &needs);

  constexpr VkMemoryPropertyFlags kDevice = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                  kHost = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                          VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                                  kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  const VkMemoryPropertyFlags wishes[3][3] = {{kDevice, 0, 0},
                                              {kDevice | kHost, kDevice, 0},
                                              {kHost | kCached, kHost, kHost}};
  int type = -1;
  VkMemoryPropertyFlags found = 0;
  for (VkMemoryPropertyFlags wish : wishes[static_cast<int>(use)])
    if (type < 0)
      type = findType(gpu->memory, needs.memoryTypeBits, wish);
  if (type < 0)
    return failed(VK_ERROR_OUT_OF_DEVICE_MEMORY, what, error);
  found = gpu->memory.memoryTypes[type].propertyFlags;

  VkMemoryAllocateInfo allocation = {VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  allocation.allocationSize = needs.size;
  allocation.memoryTypeIndex = static_cast<uint32_t>(type);
  VkResult result =
      gpu->vk.AllocateMemory(gpu->device, &allocation, nullptr, &memory);
  if (!result)
    result = gpu->vk.BindBufferMemory(gpu->device, buffer, memory, 0);
  if (!result && use != Use::Device && (found & kHost) == kHost)
    result = gpu->vk.MapMemory(gpu->device, memory, 0, VK_WHOLE_SIZE, 0, &data);
  return result ? failed(result, what, error) : MINNOW_STATUS_OK;
}

} // namespace minnow::vulkan
