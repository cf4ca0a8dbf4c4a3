//===- Functions.cpp - Vulkan's functions, found at run time --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/vulkan/Functions.h"

#include <dlfcn.h>

namespace minnow::vulkan {

minnow_status Functions::open(minnow_error *error) {
  // Stays open: some drivers do not survive being unloaded.
  static void *const library = dlopen("libvulkan.so.1", RTLD_NOW);
  if (!library)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "no Vulkan on this machine (libvulkan.so.1 cannot be opened): "
                "install the Vulkan loader and a driver (Debian: libvulkan1 "
                "mesa-vulkan-drivers)");
  GetInstanceProcAddr = reinterpret_cast<PFN_vkGetInstanceProcAddr>(
      dlsym(library, "vkGetInstanceProcAddr"));
  if (!GetInstanceProcAddr)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "libvulkan.so.1 is no Vulkan loader: install one");
#define MINNOW_VK_GET(NAME)                                                    \
  NAME = reinterpret_cast<PFN_vk##NAME>(                                       \
      GetInstanceProcAddr(nullptr, "vk" #NAME));
  MINNOW_VK_GLOBAL(MINNOW_VK_GET)
#undef MINNOW_VK_GET
  return MINNOW_STATUS_OK;
}

void Functions::load(VkInstance instance) {
#define MINNOW_VK_GET(NAME)                                                    \
  NAME = reinterpret_cast<PFN_vk##NAME>(                                       \
      GetInstanceProcAddr(instance, "vk" #NAME));
  MINNOW_VK_INSTANCE(MINNOW_VK_GET)
#undef MINNOW_VK_GET
}

void Functions::load(VkDevice device) {
#define MINNOW_VK_GET(NAME)                                                    \
  NAME = reinterpret_cast<PFN_vk##NAME>(GetDeviceProcAddr(device, "v"          \
                                                                  "k" #NAME));
  MINNOW_VK_DEVICE(MINNOW_VK_GET)
#undef MINNOW_VK_GET
}

minnow_status failed(VkResult result, const char *what, minnow_error *error) {
  switch (result) {
  case VK_ERROR_OUT_OF_HOST_MEMORY:
  case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    return fail(error, MINNOW_STATUS_NO_RESOURCES,
                "the GPU has not enough memory for %s", what);
  case VK_ERROR_DEVICE_LOST:
    return fail(error, MINNOW_STATUS_NO_RESOURCES,
                "the GPU was lost at %s: its driver or the system ended its "
                "work; load the model again",
                what);
  default:
    return fail(error, MINNOW_STATUS_NO_RESOURCES,
                "the GPU's driver failed at %s (Vulkan's code %d)", what,
                static_cast<int>(result));
  }
}

} // namespace minnow::vulkan
