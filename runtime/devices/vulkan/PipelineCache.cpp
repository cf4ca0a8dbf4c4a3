//===- PipelineCache.cpp - compiled shaders kept on disk ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file is a checksum and then the driver's data: drivers check that data
// little.
//===----------------------------------------------------------------------===//
#include "runtime/devices/vulkan/PipelineCache.h"
#include "runtime/FileBytes.h"
#include "runtime/abi/package.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace minnow::vulkan {
namespace {

/// The folder, made if need be; empty if there is none.
std::string getFolder() {
  std::string folder;
  if (const char *own = std::getenv("MINNOW_CACHE_DIR"))
    folder = own;
  else if (const char *user = std::getenv("XDG_CACHE_HOME"))
    folder = std::string(user) + "/minnow";
  else if (const char *home = std::getenv("HOME"))
    folder = std::string(home) + "/.cache/minnow";
  for (size_t slash = folder.find('/', 1); slash != std::string::npos;
       slash = folder.find('/', slash + 1))
    mkdir(folder.substr(0, slash).c_str(), 0777);
  if (!folder.empty())
    mkdir(folder.c_str(), 0777);
  return folder;
}

std::string getPath(const Gpu &gpu, std::string_view words) {
  const std::string folder = getFolder();
  if (folder.empty())
    return "";
  const VkPhysicalDeviceProperties &device = gpu.properties;
  const uint64_t key = abi::checksumOf(
      {reinterpret_cast<const char *>(device.pipelineCacheUUID), VK_UUID_SIZE},
      abi::checksumOf(words,
                      (uint64_t(device.vendorID) << 32 | device.deviceID) ^
                          uint64_t(device.driverVersion) << 16));
  char name[48];
  std::snprintf(name, sizeof(name), "/vulkan-%016llx",
                static_cast<unsigned long long>(key));
  return folder + name;
}

} // namespace

PipelineCache::PipelineCache(const Gpu &gpu, std::string_view words)
    : gpu(gpu), path(getPath(gpu, words)) {
  VkPipelineCacheCreateInfo info = {
      VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  FileBytes file;
  if (!path.empty() && !file.map(path.c_str(), nullptr) && file.size() > 8) {
    const std::string_view data = file.text().substr(8);
    uint64_t checksum;
    std::memcpy(&checksum, file.data(), sizeof(checksum));
    if (checksum == abi::checksumOf(data)) {
      info.initialDataSize = bytesRead = data.size();
      info.pInitialData = data.data();
    }
  }
  gpu.vk.CreatePipelineCache(gpu.device, &info, nullptr, &cache);
}

PipelineCache::~PipelineCache() {
  if (!cache)
    return;
  size_t size = 0;
  std::string data;
  gpu.vk.GetPipelineCacheData(gpu.device, cache, &size, nullptr);
  if (!path.empty() && size > bytesRead) {
    data.resize(size);
    if (!gpu.vk.GetPipelineCacheData(gpu.device, cache, &size, &data[0])) {
      data.resize(size);
      const uint64_t checksum = abi::checksumOf(data);
      // Renamed when whole, so that no other process reads half a file.
      const std::string temporary = path + "." + std::to_string(getpid());
      if (FILE *file = std::fopen(temporary.c_str(), "wb")) {
        const bool isWhole =
            std::fwrite(&checksum, sizeof(checksum), 1, file) == 1 &&
            std::fwrite(data.data(), 1, data.size(), file) == data.size();
        if (std::fclose(file) || !isWhole ||
            std::rename(temporary.c_str(), path.c_str()))
          unlink(temporary.c_str());
      }
    }
  }
  gpu.vk.DestroyPipelineCache(gpu.device, cache, nullptr);
}

} // namespace minnow::vulkan
