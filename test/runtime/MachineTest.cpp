//===- MachineTest.cpp - memory and features of the machine
//-----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime learns from the system and gets from it.
//===----------------------------------------------------------------------===//
#include "runtime/CpuFeatures.h"
#include "runtime/PageMemory.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace minnow;

namespace {

TEST(PageMemory, IsAlignedAndZero) {
  for (uint64_t bytes : {uint64_t(0), uint64_t(1), uint64_t(5000),
                         PageMemory::kHugePage - 1, uint64_t(5000001)}) {
    PageMemory memory;
    ASSERT_TRUE(memory.allocate(bytes));
    const uint64_t unit = bytes < PageMemory::kHugePage / 2
                              ? PageMemory::kAlignment
                              : PageMemory::kHugePage;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % unit, 0u);
    memory.touch();
    auto *data = static_cast<char *>(memory.data());
    EXPECT_EQ(std::count(data, data + bytes, 0), std::ptrdiff_t(bytes));
    std::fill(data, data + bytes, 1);
  }
}

TEST(PageMemory, RefusesWhatTheMachineLacks) {
  PageMemory memory;
  EXPECT_FALSE(memory.allocate(~uint64_t(0)));
  EXPECT_FALSE(memory.allocate(uint64_t(1) << 50));
  EXPECT_EQ(memory.data(), nullptr);
}

TEST(CpuFeatures, OfTheCompilersOwnFlagsAreThere) {
#if defined(__x86_64__)
  EXPECT_EQ(cpuHas("avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(cpuHas("fma"), __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(cpuHas("avx512f"), __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(cpuHas("avx512vnni"), __builtin_cpu_supports("avx512vnni") != 0);
#else
  EXPECT_TRUE(cpuHas("neon"));
#endif
  EXPECT_FALSE(cpuHas("no-such-feature"));
  EXPECT_FALSE(cpuHas(""));
}

} // namespace
