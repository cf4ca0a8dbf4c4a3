//===- GuardTest.cpp - the instructions of hot kernels --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Halide has silent cliffs: sums that leave their registers, loads that become
// gathers. Both show in the instructions, on any machine.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Harness.h"
#include "test/targets/cpu/Text.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdio>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>

using namespace minnow;
using namespace minnow::test;

namespace {

/// The disassembly of Halide's function in an object, one instruction a line.
std::string disassemble(const std::string &object) {
  llvm::SmallString<64> path;
  int file;
  llvm::sys::fs::createTemporaryFile("minnow-guard", "o", file, path);
  llvm::raw_fd_ostream(file, /*shouldClose=*/true) << object;
  std::string command = MINNOW_OBJDUMP " -d --no-show-raw-insn ";
  FILE *pipe = popen((command + path.c_str()).c_str(), "r");
  std::string text;
  char line[512];
  while (pipe && fgets(line, sizeof line, pipe))
    text += line;
  pclose(pipe);
  llvm::sys::fs::remove(path);
  // The wrapper around Halide's function clears its buffers on the stack.
  size_t start = text.find("<kernel_halide>:");
  return start == std::string::npos ? "" : text.substr(start);
}

struct Instruction {
  uint64_t address;
  std::string text;
};

std::vector<Instruction> parse(const std::string &code) {
  std::vector<Instruction> instructions;
  std::istringstream lines(code);
  for (std::string line; std::getline(lines, line);)
    if (size_t colon = line.find(':'); colon != std::string::npos)
      if (uint64_t address;
          !llvm::StringRef(line).take_front(colon).trim().getAsInteger(16,
                                                                       address))
        instructions.push_back({address, line.substr(colon + 1)});
  return instructions;
}

size_t countFmas(llvm::ArrayRef<Instruction> code) {
  return llvm::count_if(code, [](const Instruction &instruction) {
    return instruction.text.find("vfmadd") != std::string::npos;
  });
}

/// The loop with the most multiply-adds among those that hold no other.
std::vector<Instruction> findHotLoop(const std::string &code) {
  std::vector<Instruction> all = parse(code), hottest;
  size_t innermost = 0; // instructions before belong to loops already seen
  static const std::regex kJump("\\tj[a-z]+\\t0x([0-9a-f]+) ");
  for (size_t i = 0; i < all.size(); ++i) {
    std::smatch match;
    if (!std::regex_search(all[i].text, match, kJump))
      continue;
    uint64_t target = std::stoull(match[1], nullptr, 16);
    auto first = llvm::find_if(
        all, [&](const Instruction &each) { return each.address == target; });
    size_t start = first - all.begin();
    if (start > i || start < innermost)
      continue;
    innermost = i;
    std::vector<Instruction> body(first, all.begin() + i + 1);
    if (countFmas(body) > countFmas(hottest))
      hottest = std::move(body);
  }
  return hottest;
}

/// Expects the hot loop to have `sums` multiply-adds, and no gathers
/// and no sums on the stack.
void check(KernelText &text, const Node &result, const char *cpu, size_t sums) {
  CompiledKernel kernel(text.finish(result), cpu);
  ASSERT_EQ(kernel.getError(), "");
  auto loop = findHotLoop(disassemble(kernel.getCode().object));
  EXPECT_GE(countFmas(loop), sums);
  size_t onStack = 0;
  for (const Instruction &instruction : loop) {
    EXPECT_EQ(instruction.text.find("vgather"), std::string::npos);
    onStack += instruction.text.find("mm") != std::string::npos &&
               instruction.text.find("(%rsp") != std::string::npos;
  }
  // LLVM may keep one of a depthwise row's taps there; sums would be many.
  EXPECT_LE(onStack, sums / 8);
}

TEST(Guard, PointwiseKeepsItsSums) {
  for (const char *cpu : {"skylake-avx512", "haswell"}) {
    KernelText text;
    Node in = text.argument({1, 14, 14, 96});
    check(text, text.conv(in, {192, 1, 1, {}, "relu"}), cpu, 9);
  }
}

TEST(Guard, FullConvolutionKeepsItsSums) {
  for (const char *cpu : {"skylake-avx512", "haswell"}) {
    KernelText text;
    Node in = text.argument({1, 56, 56, 32});
    check(text, text.conv(in, {96, 3, 2, {}, "relu"}), cpu, 8);
  }
}

TEST(Guard, DepthwiseKeepsItsSums) {
  for (const char *cpu : {"skylake-avx512", "haswell"}) {
    KernelText text;
    Node in = text.argument({1, 14, 14, 192});
    check(text, text.depthwise(in, {0, 5, 1, {}, "relu"}), cpu, 35);
  }
}

TEST(Guard, PooledProductKeepsItsSums) {
  KernelText text;
  Node out = text.conv(text.argument({1, 7, 7, 128}), {960, 1, 1, {}, "relu"});
  check(text, text.globalPool(out), "skylake-avx512", 21);
}

} // namespace
