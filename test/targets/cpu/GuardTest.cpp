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
#include <cmath>
#include <cstdio>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>

using namespace minnow;
using namespace minnow::test;

namespace {

/// The disassembly of a kernel's function in an object, one instruction a line.
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
  if (start == std::string::npos)
    start = text.find("<kernel>:");
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

bool contains(const Instruction &instruction, const char *text) {
  return instruction.text.find(text) != std::string::npos;
}

int64_t countNamed(llvm::ArrayRef<Instruction> code, const char *name) {
  return llvm::count_if(
      code, [&](const Instruction &each) { return contains(each, name); });
}

size_t countFmas(llvm::ArrayRef<Instruction> code) {
  return llvm::count_if(code, [](const Instruction &instruction) {
    return llvm::any_of(
        std::initializer_list<const char *>{"vfmadd", "fmla", "vpmaddwd",
                                            "vpdp", "sdot", "smlal"},
        [&](const char *name) { return contains(instruction, name); });
  });
}

/// Whether an instruction moves a vector to the stack.
bool isSpill(const Instruction &instruction) {
  static const std::regex kStore("mm[0-9]+,-?(0x[0-9a-f]+)?\\(%rsp[^)]*\\)$|"
                                 "\tst[pr]\tq.*\\[sp");
  return std::regex_search(instruction.text, kStore);
}

/// Whether an instruction reads a vector from the stack.
bool isReload(const Instruction &instruction) {
  return !isSpill(instruction) &&
         ((contains(instruction, "mm") && contains(instruction, "(%rsp")) ||
          (contains(instruction, "\tq") && contains(instruction, "[sp")));
}

/// The loop with the most multiply-adds among those that hold no other.
std::vector<Instruction> findHotLoop(const std::string &code) {
  std::vector<Instruction> all = parse(code), hottest;
  size_t innermost = 0; // instructions before belong to loops already seen
  static const std::regex kJump(
      "\\t(?:j[a-z]+|b\\.[a-z]+|cbnz|tbz|tbnz)\\t.*0x([0-9a-f]+) ");
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

/// Expects the hot loop to have `sums` multiply-adds, no gathers and no sums on
/// the stack, and at most `ratio` instructions a multiply-add.
void check(KernelText &text, const Node &result, const char *cpu, size_t sums,
           double ratio = INFINITY) {
  CompiledKernel kernel(text.finish(result), cpu);
  ASSERT_EQ(kernel.getError(), "");
  auto loop = findHotLoop(disassemble(kernel.getCode().object));
  EXPECT_GE(countFmas(loop), sums);
  size_t spills = 0, reloads = 0;
  for (const Instruction &instruction : loop) {
    EXPECT_FALSE(contains(instruction, "vgather"));
    EXPECT_FALSE(contains(instruction, "vpinsr"));
    EXPECT_FALSE(contains(instruction, "\tins\t"));
    spills += isSpill(instruction);
    reloads += isReload(instruction);
  }
  EXPECT_LE(loop.size(), ratio * countFmas(loop));
  // Sums would be many.
  EXPECT_LE(spills, sums / 8);
  // A depthwise block's taps lie there too.
  EXPECT_LE(reloads, sums / 2);
}

TEST(Guard, PointwiseKeepsItsSums) {
  for (const char *cpu : {"skylake-avx512", "haswell"}) {
    KernelText text;
    Node in = text.argument({1, 14, 14, 96});
    check(text, text.conv(in, {192, 1, 1, {}, "relu"}), cpu, 9);
  }
}

// A word that no one has put look-ups for would be joined of lanes, or stay.
TEST(Guard, GeluLooksUp) {
  KernelText text;
  Node in = text.argument({1, 14, 14, 96});
  in = text.conv(in, {192, 1, 1, {}, "gelu"});
  CompiledKernel kernel(text.finish(in), "skylake-avx512");
  ASSERT_EQ(kernel.getError(), "");
  auto code = parse(disassemble(kernel.getCode().object));
  int64_t lookUps =
      countNamed(code, "vpermt2ps") + countNamed(code, "vpermi2ps");
  EXPECT_GE(lookUps, 4 * 9);
  EXPECT_EQ(lookUps % 4, 0);
  EXPECT_EQ(countNamed(code, "vinsert"), 0);
}

TEST(Guard, FullConvolutionKeepsItsSums) {
  for (const char *cpu : {"skylake-avx512", "haswell"}) {
    KernelText text;
    Node in = text.argument({1, 56, 56, 32});
    check(text, text.conv(in, {96, 3, 2, {}, "relu"}), cpu, 8);
  }
}

TEST(Guard, DepthwiseKeepsItsSums) {
  for (const char *cpu : {"skylake-avx512", "haswell", "cortex-a76"}) {
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

/// The prefetches to the second level in the hot loop of a convolution.
size_t countPrefetches(const char *cpu, const Shape &input, const Conv &conv) {
  KernelText text;
  CompiledKernel kernel(text.finish(text.conv(text.argument(input), conv)),
                        cpu);
  EXPECT_EQ(kernel.getError(), "");
  return countNamed(findHotLoop(disassemble(kernel.getCode().object)),
                    "prefetcht1");
}

TEST(Guard, ProductsFetchTheNextPanel) {
  Conv pointwise = {192, 1, 1, {}, "relu"};
  EXPECT_GT(countPrefetches("skylake-avx512", {1, 14, 14, 96}, pointwise), 0u);
  EXPECT_EQ(countPrefetches("haswell", {1, 14, 14, 96}, pointwise), 0u);
  // So do products that add parts of their sums.
  Conv narrow = {128, 1, 1, {}, "relu"};
  EXPECT_GT(countPrefetches("skylake-avx512", {1, 12, 12, 2048}, narrow), 0u);
  // A stream that each position reads once is fetched by the machine.
  EXPECT_EQ(countPrefetches("skylake-avx512", {1, 1, 1, 960}, pointwise), 0u);
}

TEST(Guard, WindowsFetchTheNextRows) {
  auto count = [](const char *cpu, Node (*read)(KernelText &),
                  const char *prefetch = "prefetcht1") {
    KernelText text;
    Node out = text.conv(read(text), {32, 3, 2, {}, "relu"});
    CompiledKernel kernel(text.finish(out), cpu);
    EXPECT_EQ(kernel.getError(), "");
    auto loop = findHotLoop(disassemble(kernel.getCode().object));
    return countNamed(loop, prefetch);
  };
  auto readPlanes = [](KernelText &text) {
    return text.transpose(text.argument({1, 3, 224, 224}), {0, 2, 3, 1});
  };
  auto readMap = [](KernelText &text) {
    return text.argument({1, 112, 112, 32});
  };
  // A line of each plane.
  EXPECT_EQ(count("skylake-avx512", readPlanes), 3u);
  EXPECT_GT(count("skylake-avx512", readMap), 0u);
  EXPECT_EQ(count("haswell", readPlanes), 0u);
  // Of what the next tile writes, a step's part of 14 positions.
  EXPECT_EQ(count("skylake-avx512", readPlanes, "prefetchw"), 4u);
}

// While the product behind is added up.
TEST(Guard, FusedDepthwiseFetchesTheNextRows) {
  auto count = [](int64_t outputs, const char *schedule) {
    KernelText text;
    Node out = text.depthwise(text.argument({1, 24, 24, 96}), {0, 3, 1});
    if (outputs)
      out = text.conv(out, {outputs, 1, 1, {}, "relu"});
    CompiledKernel kernel(text.finish(out), "skylake-avx512",
                          std::string("#mobile.schedule") + schedule);
    EXPECT_EQ(kernel.getError(), "");
    auto code = parse(disassemble(kernel.getCode().object));
    return countNamed(code, "prefetcht1");
  };
  EXPECT_GT(count(192, "<rows 4, strip 1, [<4 by 2, channels_outer>, "
                       "<6 by 4, channels_outer>]>"),
            0);
  EXPECT_EQ(count(0, "<rows 4, strip 1, [<4 by 2, channels_outer>]>"), 0);
}

TEST(Guard, ProductFetchesWhatIsBehind) {
  for (auto [type, lines] : {std::pair("f32", 4), std::pair("i8", 8)}) {
    auto count = [type = type](const char *schedule) {
      KernelText text;
      Node out = text.conv(text.argument({1, 7, 7, 128}, type), {960});
      CompiledKernel kernel(text.finish(out), "sapphirerapids", schedule);
      EXPECT_EQ(kernel.getError(), "");
      auto loop = findHotLoop(disassemble(kernel.getCode().object));
      return countNamed(loop, "prefetcht1");
    };
    const std::string schedule = "#mobile.schedule<channels 4, strip 1, "
                                 "[<7 by 3, channels_outer>]";
    int64_t own = count((schedule + ">").c_str());
    EXPECT_GE(own, 1);
    EXPECT_EQ(count((schedule + ", behind 1048576>").c_str()), own + lines);
  }
}

TEST(Guard, ProductsMultiplyByLane) {
  KernelText text;
  Node in = text.argument({1, 14, 14, 96});
  check(text, text.conv(in, {192, 1, 1, {}, "relu"}), "cortex-a76", 112, 1.13);
  KernelText full;
  in = full.argument({1, 56, 56, 32});
  check(full, full.conv(in, {96, 3, 2, {}, "relu"}), "cortex-a76", 112, 1.17);
  KernelText pooled;
  in = pooled.argument({1, 7, 7, 128});
  Node out = pooled.conv(in, {960, 1, 1, {}, "relu"});
  check(pooled, pooled.globalPool(out), "cortex-a76", 112, 1.17);
}

/// The machines with their groups of bytes: what one instruction sums up, and
/// how many of these a whole tile has for one step of its terms.
struct ByteMachine {
  const char *cpu;
  size_t products, taps;
  double ratio;
};

constexpr ByteMachine kByteMachines[] = {{"haswell", 8, 24, 3.3},
                                         {"znver4", 20, 24, 1.75},
                                         {"sapphirerapids", 20, 24, 1.75},
                                         {"cortex-a76", 112, 32, 1.13}};

TEST(Guard, ProductsOfBytesKeepTheirSums) {
  for (const ByteMachine &machine : kByteMachines) {
    KernelText text;
    Node in = text.argument({1, 14, 14, 96}, "i8");
    Node out = text.requantize(text.conv(in, {192}));
    check(text, out, machine.cpu, machine.products, machine.ratio);
    KernelText full;
    in = full.argument({1, 56, 56, 32}, "i8");
    out = full.requantize(full.conv(in, {96, 3, 2}));
    check(full, out, machine.cpu, machine.products, machine.ratio);
  }
}

TEST(Guard, BytesOfFourVectorsArePackedAtOnce) {
  for (const char *cpu : {"skylake-avx512", "znver4", "sapphirerapids"}) {
    KernelText text;
    Node in = text.argument({1, 16, 16, 96}, "i8");
    CompiledKernel kernel(text.finish(text.requantize(text.conv(in, {192}))),
                          cpu);
    ASSERT_EQ(kernel.getError(), "");
    auto code = parse(disassemble(kernel.getCode().object));
    auto count = [&](const char *name) { return countNamed(code, name); };
    EXPECT_EQ(count("vpmovdb"), 0);
    // Nothing holds each vector in its range, and none is rounded by addition.
    EXPECT_EQ(count("vminps") + count("vpmaxsd") + count("vaddps"), 0);
    EXPECT_EQ(count("vcvtps2dq"), 4 * count("vpacksswb"));
    EXPECT_GE(count("vpacksswb"), 4);
    EXPECT_EQ(count("vpackssdw"), 2 * count("vpacksswb"));
  }
}

TEST(Guard, KnownRangesNeedNoBounds) {
  for (const char *cpu : {"skylake-avx512", "sapphirerapids"})
    for (std::string attribute : {"full", "rectified"}) {
      KernelText text;
      Node sum = text.conv(text.argument({1, 16, 16, 96}, "i8"), {192});
      CompiledKernel kernel(text.finish(text.requantize(sum, {}, attribute)),
                            cpu);
      ASSERT_EQ(kernel.getError(), "");
      auto code = parse(disassemble(kernel.getCode().object));
      auto count = [&](const char *name) { return countNamed(code, name); };
      for (const char *bound : {"vpminsb", "vpmaxsb", "vpmins", "vpmaxs"})
        EXPECT_EQ(count(bound), 0) << cpu << ' ' << attribute;
      bool isFull = attribute == "full";
      int64_t packs = count(isFull ? "vpacksswb" : "vpackuswb");
      EXPECT_GE(packs, 4);
      EXPECT_EQ(count("vcvtps2dq"), 4 * packs);
      EXPECT_EQ(count("vcvtdq2ps"), isFull ? 4 * packs : 0);
      EXPECT_EQ(count("vpaddsw"), isFull ? 2 * packs : 0);
    }
}

// Nothing is copied or changed by 128 where maps are unsigned.
TEST(Guard, UnsignedMapsAreMultipliedAsTheyLie) {
  for (std::string attribute : {"", "full", "rectified"}) {
    KernelText text;
    Node sum = text.conv(text.argument({1, 16, 16, 96}, "i8"), {192});
    CompiledKernel kernel(text.finish(text.requantize(sum, {}, attribute)),
                          "sapphirerapids", "", /*seed=*/7, /*unsignedMaps=*/3);
    ASSERT_EQ(kernel.getError(), "");
    EXPECT_EQ(kernel.getCode().scratchBytes, 0u) << attribute;
    auto code = parse(disassemble(kernel.getCode().object));
    auto count = [&](const char *name) { return countNamed(code, name); };
    EXPECT_EQ(count("vpxor") + count("vpxord") + count("vpxorq"), 0);
    EXPECT_GE(count("vpackuswb"), 4);
    EXPECT_EQ(count("vpacksswb") + count("vpmovdb"), 0);
  }
}

/// An inverted bottleneck of bytes as one kernel.
Node addBlock(KernelText &text) {
  Node in = text.argument({1, 14, 14, 96}, "i8");
  Node out = text.requantize(text.conv(in, {192}), {}, "full");
  out = text.requantize(text.depthwise(out, {192, 3}), {}, "full");
  return text.requantize(text.conv(out, {96}), in, "full");
}

TEST(Guard, BlocksOfBytesKeepTheirSums) {
  for (const ByteMachine &machine : kByteMachines) {
    KernelText text;
    Node out = addBlock(text);
    check(text, out, machine.cpu, machine.products, 1.05 * machine.ratio);
  }
}

TEST(Guard, BlocksOfBytesHoldThemAsTheyAreMultiplied) {
  KernelText text;
  CompiledKernel kernel(text.finish(addBlock(text)), "sapphirerapids", "",
                        /*seed=*/7, /*unsignedMaps=*/3);
  ASSERT_EQ(kernel.getError(), "");
  auto code = parse(disassemble(kernel.getCode().object));
  auto count = [&](const char *name) { return countNamed(code, name); };
  EXPECT_EQ(count("vpxor") + count("vpxord") + count("vpxorq"), 0);
  EXPECT_EQ(count("vpacksswb") + count("vpmovdb"), 0);
  EXPECT_GE(count("vpackuswb"), 12);
}

TEST(Guard, NeonRoundsInItsConversion) {
  KernelText text;
  Node in = text.argument({1, 14, 14, 96}, "i8");
  CompiledKernel kernel(text.finish(text.requantize(text.conv(in, {192}))),
                        "cortex-a76");
  ASSERT_EQ(kernel.getError(), "");
  auto code = parse(disassemble(kernel.getCode().object));
  EXPECT_EQ(countNamed(code, "frintn") + countNamed(code, "fcvtzs"), 0);
  EXPECT_GE(countNamed(code, "fcvtns"), 14);
}

/// The hot loop of a pointwise convolution.
std::vector<Instruction> findProductLoop(const char *cpu, const char *type) {
  KernelText text;
  Node out = text.conv(text.argument({1, 16, 16, 96}, type), {160});
  if (type == llvm::StringRef("i8"))
    out = text.requantize(out);
  CompiledKernel kernel(text.finish(out), cpu);
  EXPECT_EQ(kernel.getError(), "");
  return findHotLoop(disassemble(kernel.getCode().object));
}

// Four registers of weights at once, two of an input, and pointers that move on
// with them.
TEST(Guard, NeonLoadsSeveralRegisters) {
  for (const char *type : {"f32", "i8"}) {
    auto loop = findProductLoop("cortex-a76", type);
    EXPECT_EQ(countFmas(loop), 128u) << type;
    EXPECT_EQ(countNamed(loop, "\tld1\t"), 12) << type;
    EXPECT_EQ(loop.size(), 128u + 12 + 2) << type;
  }
}

// It would wait for each group.
TEST(Guard, CoresInOrderLoadAhead) {
  for (const char *type : {"f32", "i8"})
    EXPECT_EQ(countNamed(findProductLoop("cortex-a55", type), "\tld1\t"), 0);
}

TEST(Guard, NeonMultipliesAttentionByLane) {
  KernelText text;
  Node q = text.argument({1, 16, 16, 256});
  Node k = text.argument({1, 8, 8, 64}), v = text.argument({1, 8, 8, 64});
  check(text, text.attention(q, k, v, 4, 0.125), "cortex-a76", 128, 1.2);
}

// Queries are u8, four bytes of which are one product; keys are moved as words.
TEST(Guard, VnniMultipliesQueries) {
  KernelText text;
  Node q = text.argument({1, 16, 16, 256}, "i8");
  Node k = text.argument({1, 8, 8, 64}, "i8");
  Node v = text.argument({1, 8, 8, 64}, "i8");
  CompiledKernel kernel(text.finish(text.attention(q, k, v, 4, 0.125)),
                        "sapphirerapids");
  ASSERT_EQ(kernel.getError(), "");
  auto code = parse(disassemble(kernel.getCode().object));
  EXPECT_GE(countNamed(code, "vpdpbusd"), 16);
  EXPECT_GE(countNamed(code, "vpdpwssd"), 16);
  EXPECT_EQ(countNamed(code, "vpinsrb"), 0);
}

// Their fma is called lane by lane, and joined again by LLVM.
TEST(Guard, SumsOfMapsAreVectors) {
  for (const ByteMachine &machine : kByteMachines) {
    KernelText text;
    Node in = text.argument({1, 14, 14, 96}, "i8");
    Node other = text.argument({1, 14, 14, 96}, "i8");
    CompiledKernel kernel(text.finish(text.requantize(in, other)), machine.cpu);
    ASSERT_EQ(kernel.getError(), "");
    auto code = parse(disassemble(kernel.getCode().object));
    auto count = [&](const char *name) { return countNamed(code, name); };
    auto scalars = llvm::count_if(code, [](const Instruction &each) {
      bool isX86 = contains(each, "vfmadd") && contains(each, "ss");
      return isX86 || contains(each, "\tfmadd");
    });
    // The offset is one number, computed once.
    EXPECT_LE(scalars, 1) << machine.cpu;
    EXPECT_GE(count("vfmadd") + count("fmla") - scalars, 2) << machine.cpu;
  }
}

TEST(Guard, DepthwiseOfBytesKeepsItsSums) {
  for (const ByteMachine &machine : kByteMachines) {
    KernelText text;
    Node in = text.argument({1, 14, 14, 192}, "i8");
    Node out = text.requantize(text.depthwise(in, {0, 5, 1}));
    check(text, out, machine.cpu, machine.taps);
  }
}

// Planes of floats become rows of bytes.
TEST(Guard, StemOfBytesReadsVectors) {
  for (const char *cpu : {"skylake-avx512", "sapphirerapids"}) {
    KernelText text;
    Node in = text.requantize(
        text.transpose(text.argument({1, 3, 64, 64}), {0, 2, 3, 1}));
    Node out = text.requantize(text.conv(in, {32, 3, 2}));
    CompiledKernel kernel(text.finish(out), cpu);
    ASSERT_EQ(kernel.getError(), "");
    std::string assembly = disassemble(kernel.getCode().object);
    auto code = parse(assembly);
    for (const char *name : {"vpextr", "vpinsr", "vinsertps"})
      EXPECT_EQ(countNamed(code, name), 0) << cpu;
    // Planes are rounded four vectors at once.
    EXPECT_EQ(countNamed(code, "vpmovdb"), 0) << cpu;
    EXPECT_GT(countNamed(code, "vpacksswb"), 0) << cpu;
    // A line of each plane of floats, of which the next strip reads others.
    EXPECT_EQ(countNamed(findHotLoop(assembly), "prefetcht1"), 3) << cpu;
  }
}

TEST(Guard, AttentionOfBytesKeepsItsSums) {
  for (const ByteMachine &machine : kByteMachines) {
    KernelText text;
    Node q = text.argument({1, 16, 16, 256}, "i8");
    Node k = text.argument({1, 8, 8, 64}, "i8");
    Node v = text.argument({1, 8, 8, 64}, "i8");
    check(text, text.attention(q, k, v, 4, 0.125), machine.cpu, 8);
  }
}

TEST(Guard, AttentionKeepsItsSums) {
  KernelText text;
  Node q = text.argument({1, 16, 16, 256});
  Node k = text.argument({1, 8, 8, 64}), v = text.argument({1, 8, 8, 64});
  check(text, text.attention(q, k, v, 4, 0.125), "skylake-avx512", 16);
}

} // namespace
