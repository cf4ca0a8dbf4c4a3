//===- Gpu.cpp - GPUs as data ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Gpu.h"

using namespace minnow::vulkan;

// The first is the default. More positions a lane are some percent faster on
// lavapipe, but it compiles shaders on first use, and those of 16 positions
// took it twice as long (conv_small 9.8 s of CPU time, 4.5 with 8).
static const Gpu kGpus[] = {
    {"shuffle", /*cluster=*/8, /*mostPixels=*/8},
    {"portable", /*cluster=*/1, /*mostPixels=*/8},
};

const Gpu *minnow::vulkan::findGpu(llvm::StringRef name) {
  for (const Gpu &gpu : kGpus)
    if (name.empty() || gpu.name == name)
      return &gpu;
  return nullptr;
}

std::vector<std::string> minnow::vulkan::getGpuNames() {
  std::vector<std::string> names;
  for (const Gpu &gpu : kGpus)
    names.push_back(gpu.name.str());
  return names;
}
