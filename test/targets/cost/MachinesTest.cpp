//===- MachinesTest.cpp - machine descriptions and their choice -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/cost/Machines.h"
#include <gtest/gtest.h>

using namespace minnow::cost;

namespace {

std::string choose(std::string_view architecture, std::string_view cpu,
                   const std::vector<std::string> &features = {}) {
  const Machine *machine = chooseMachine(architecture, cpu, features);
  return machine ? machine->name : "none";
}

/// A good description with `from` replaced by `to`.
std::string getError(std::string_view from, std::string_view to) {
  std::string json = R"({"name": "m", "architecture": "x86_64",
    "cpus": ["a"], "features": [], "macs_per_second": 1e9,
    "call_seconds": 1e-6, "strip_loss": 0.1, "vector_bytes": 16,
    "registers": 16, "memory": [
      {"name": "L1", "bytes": 100, "bytes_per_second": 2},
      {"name": "DRAM", "bytes_per_second": 1}]})";
  size_t at = json.find(from);
  EXPECT_NE(at, std::string::npos);
  json.replace(at, from.size(), to);
  std::string error;
  auto description = parseMachine(json, error);
  EXPECT_EQ(description == nullptr, !error.empty());
  return error;
}

} // namespace

TEST(MachinesTest, EveryFileOfTheBuildIsGood) {
  ASSERT_EQ(getMachines().size(), 9u);
  for (const auto &description : getMachines()) {
    const Machine &machine = description->machine;
    EXPECT_GT(getRidge(machine), 0) << machine.name;
    for (unsigned i = 1; i < machine.levels; ++i)
      EXPECT_GE(machine.memory[i - 1].bytesPerSecond,
                machine.memory[i].bytesPerSecond)
          << machine.name;
  }
}

TEST(MachinesTest, TheNameOfACpuDecides) {
  EXPECT_EQ(choose("x86_64", "znver4"), "znver4");
  EXPECT_EQ(choose("x86_64", "skylake-avx512"), "avx512");
  EXPECT_EQ(choose("x86_64", "emeraldrapids"), "sapphirerapids");
  EXPECT_EQ(choose("x86_64", "haswell"), "avx2");
  EXPECT_EQ(choose("aarch64", "cortex-a76"), "cortex-a76");
}

TEST(MachinesTest, AnUnknownCpuIsJudgedByItsFeatures) {
  EXPECT_EQ(choose("x86_64", "new", {"avx2", "fma", "sse2"}), "avx2");
  EXPECT_EQ(choose("x86_64", "new",
                   {"avx2", "fma", "avx512f", "avx512vl", "avx512dq"}),
            "avx512");
  EXPECT_EQ(choose("x86_64", "old"), "x86-64");
  EXPECT_EQ(choose("aarch64", "new"), "cortex-a76");
}

TEST(MachinesTest, AnArchitectureWithoutMachinesHasNone) {
  EXPECT_EQ(choose("riscv64", "generic"), "none");
}

TEST(MachinesTest, BadDescriptionsSayWhatIsWrong) {
  EXPECT_EQ(getError("\"m\"", "\"n\""), "");
  EXPECT_EQ(getError("1e9", "-1"),
            "\"macs_per_second\" must be a positive number");
  EXPECT_EQ(getError("[\"a\"]", "[1]"), "\"cpus\" must be a list of strings");
  EXPECT_EQ(getError("\"bytes\": 100", "\"bytes\": 0"),
            "\"bytes\" must be a positive number");
  EXPECT_EQ(getError("\"memory\"", "\"memories\""),
            "\"memory\" must be a list of 1 to 5 levels");
  EXPECT_NE(getError("{", "").find("parse error"), std::string::npos);
}
