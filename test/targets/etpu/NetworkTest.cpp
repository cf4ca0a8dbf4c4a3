//===- NetworkTest.cpp - networks on EX1b against plain loops -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Seeded networks with every kind of layer, odd sizes and channels, on machines
// with enough memory and with little: every byte of the result must agree.
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Attribution.h"
#include "test/targets/etpu/Loops.h"
#include "test/targets/etpu/Networks.h"
#include <gtest/gtest.h>

using namespace minnow::etpu;

namespace {

struct Result {
  Map output, warmOutput;
  RunReport report;
  CompiledProgram program;
};

/// Compiles and runs. Fails the test if either refuses.
Result run(const Machine &machine, const Network &network, const Map &input) {
  Result result;
  std::string refused;
  result.program = compileNetwork(machine, network, refused);
  EXPECT_EQ(refused, "");
  const CompiledProgram &compiled = result.program;
  Program program;
  minnow_error error = {};
  EXPECT_EQ(readProgram(reinterpret_cast<const uint8_t *>(compiled.code.data()),
                        compiled.code.size(), compiled.weights.size(), program,
                        &error),
            MINNOW_STATUS_OK)
      << error.message;
  Memory memory(program.header);
  auto simulateOn = [&](const Stream &stream, Map &output, RunReport &report) {
    output.assign(program.header.outputBytes, 0);
    memory.weightSection =
        reinterpret_cast<const uint8_t *>(compiled.weights.data());
    memory.input = reinterpret_cast<const uint8_t *>(input.data());
    memory.output = reinterpret_cast<uint8_t *>(output.data());
    EXPECT_EQ(simulate(machine, stream, memory, true, report, &error),
              MINNOW_STATUS_OK)
        << error.message;
  };
  simulateOn(program.cold, result.output, result.report);
  result.warmOutput = result.output;
  if (compiled.isResident) {
    RunReport other;
    simulateOn(program.load, result.warmOutput, other);
    simulateOn(program.warm, result.warmOutput, other);
  }
  return result;
}

/// The image in the blocks of the input port: of at most 64 channels it is one.
Map makeImage(const Network &network, unsigned seed) {
  std::mt19937 random(seed);
  const Tensor &input = network.tensors[network.inputs[0]];
  Map image(size_t(input.rows) * input.columns * input.channels);
  for (int8_t &byte : image)
    byte = int8_t(random());
  return image;
}

class Networks : public testing::TestWithParam<unsigned> {};

TEST_P(Networks, AgreeWithLoops) {
  Network network = makeNetwork(GetParam());
  Map image = makeImage(network, GetParam());
  Map expected = evaluate(network, image)[network.outputs[0]];
  Machine machine;
  Result ample = run(machine, network, image);
  EXPECT_EQ(ample.output, expected);
  EXPECT_EQ(ample.warmOutput, expected);
  // A third of what was taken forces strips and rings.
  machine.activationBytes = ample.program.activationBytes / 3;
  std::string refused;
  while (compileNetwork(machine, network, refused), !refused.empty()) {
    machine.activationBytes += machine.activationBytes / 4;
    refused.clear();
  }
  Result tight = run(machine, network, image);
  EXPECT_EQ(tight.output, expected);
  EXPECT_LE(tight.program.activationBytes, machine.activationBytes);
  // Fused more, it brings in no byte more.
  EXPECT_LE(tight.report.Work::getDramBytes(),
            ample.report.Work::getDramBytes());
}

/// Every cycle belongs to one call.
TEST_P(Networks, CyclesAddUp) {
  Network network = makeNetwork(GetParam());
  for (size_t i = 0; i < network.layers.size(); ++i)
    network.layers[i].call = i;
  size_t calls = network.layers.size();
  std::string refused;
  CompiledProgram compiled = compileNetwork(Machine(), network, refused);
  Program program;
  ASSERT_EQ(readProgram(reinterpret_cast<const uint8_t *>(compiled.code.data()),
                        compiled.code.size(), compiled.weights.size(), program,
                        nullptr),
            MINNOW_STATUS_OK);
  Memory memory(program.header);
  RunReport report;
  ASSERT_EQ(simulate(Machine(), program.cold, memory, false, report, nullptr),
            MINNOW_STATUS_OK);
  uint64_t sum = 0;
  for (const CallCycles &cycles : attributeCycles(program.cold, report, calls))
    sum += cycles.getTotal();
  EXPECT_EQ(sum, report.cycles);
}

/// Bits of a compiled program are turned: it is refused, or runs to an end
/// within its memories.
TEST_P(Networks, MutatedProgramsDoNoHarm) {
  Network network = makeNetwork(GetParam());
  std::string refused;
  const CompiledProgram compiled = compileNetwork(Machine(), network, refused);
  std::mt19937 random(GetParam());
  unsigned ran = 0;
  for (int turn = 0; turn < 60; ++turn) {
    std::string code = compiled.code;
    for (int flip = turn % 3; flip >= 0; --flip)
      code[random() % code.size()] ^= char(1u << random() % 8);
    Program program;
    minnow_error error = {};
    if (readProgram(reinterpret_cast<const uint8_t *>(code.data()), code.size(),
                    compiled.weights.size(), program, &error)) {
      EXPECT_NE(error.message[0], 0);
      continue;
    }
    Memory memory(program.header);
    std::vector<uint8_t> input(program.header.inputBytes),
        output(program.header.outputBytes);
    memory.weightSection =
        reinterpret_cast<const uint8_t *>(compiled.weights.data());
    memory.input = input.data();
    memory.output = output.data();
    RunReport report;
    simulate(program.header.machine, program.cold, memory, true, report,
             &error);
    ++ran;
  }
  EXPECT_GT(ran, 0u);
}

TEST_P(Networks, MoreBandwidthIsNotSlower) {
  Network network = makeNetwork(GetParam());
  Map image = makeImage(network, GetParam());
  uint64_t before = ~uint64_t(0);
  for (uint32_t bytes : {8, 16, 32, 64}) {
    Machine machine;
    machine.dramBytesPerCycle = bytes;
    uint64_t cycles = run(machine, network, image).report.cycles;
    EXPECT_LE(cycles, before) << bytes << " bytes a cycle";
    before = cycles;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeded, Networks, testing::Range(1u, 25u));

TEST(Compile, RefusesWhatCannotFit) {
  Builder b(1);
  Network network = b.finish(b.addConv(b.addInput(64, 64, 32), 64));
  Machine machine;
  machine.activationBytes = 4096;
  std::string refused;
  compileNetwork(machine, network, refused);
  EXPECT_EQ(refused,
            "the network does not fit the activation memory of 4 KiB; the "
            "least found was 6 KiB, for what 'input' '0' gives");
}

/// Where no strips of an inverted bottleneck fit, its blocks do.
TEST(Compile, RunsABottleneckByBlocks) {
  Builder b(3);
  int x = b.addInput(12, 12, 60);
  int y = b.addConv(b.addDwConv(b.addConv(x, 1000), 5), 60);
  b.addAddend(x);
  Network network = b.finish(y);
  Map image = makeImage(network, 3);
  Machine machine;
  machine.activationBytes = 80000;
  EXPECT_EQ(run(machine, network, image).output, evaluate(network, image)[y]);
}

/// An output that nothing on chip reads takes its rows all the same.
TEST(Compile, KeepsAnOutputApartFromItsInput) {
  Builder b(2);
  Network network = b.finish(b.addConv(b.addInput(1, 1, 500), 1000));
  Map image = makeImage(network, 2);
  EXPECT_EQ(run(Machine(), network, image).output,
            evaluate(network, image)[network.outputs[0]]);
}

} // namespace
