//===- NetworkTest.cpp - networks on EX1b against plain loops -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Seeded networks with every kind of layer, odd sizes and channels, on machines
// with enough memory and with little: every byte of the result must agree.
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Simulator.h"
#include "test/targets/etpu/Loops.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace minnow::etpu;

namespace {

/// Makes networks layer by layer; weights and parameters are random and spread
/// the results over the range of bytes.
class Builder {
public:
  explicit Builder(unsigned seed) : random(seed) {}
  Network network;

  int addInput(uint32_t rows, uint32_t columns, uint32_t channels) {
    network.inputs = {addTensor(rows, columns, channels)};
    return network.inputs[0];
  }

  int addConv(int input, uint32_t channels, uint32_t kernel = 1,
              uint32_t stride = 1) {
    return addWindow(LayerKind::Conv, input, channels, kernel, stride);
  }
  int addDwConv(int input, uint32_t kernel, uint32_t stride = 1) {
    return addWindow(LayerKind::DwConv, input, network.tensors[input].channels,
                     kernel, stride);
  }

  int addPool(int input) {
    const Tensor in = network.tensors[input];
    Layer &layer = add(LayerKind::Pool, input, {1, 1, in.channels});
    setFactors(layer, in.rows * in.columns / 4.0);
    return layer.output;
  }

  int addLookup(int input) {
    Layer &layer = add(LayerKind::Lookup, input, network.tensors[input]);
    setTable(layer);
    return layer.output;
  }

  int addSum(int a, int b) {
    Layer &layer = add(LayerKind::Requant, a, network.tensors[a]);
    layer.header.inputZero = pick(-9, 9);
    layer.header.inputFactor = 1 << 21;
    addAddend(b);
    return layer.output;
  }

  /// The last layer becomes a residual one.
  void addAddend(int tensor) {
    Layer &layer = network.layers.back();
    layer.addend = tensor;
    layer.header.addendZero = pick(-9, 9);
    layer.header.addendFactor = 1 << 21;
  }
  void setTable(Layer &layer) {
    for (int i = 0; i < 256; ++i)
      layer.table.push_back(uint8_t(pick(0, 255)));
  }
  /// Sums that the last layer's products are added to.
  void setOffsets() {
    Layer &layer = network.layers.back();
    const Tensor &out = network.tensors[layer.output];
    for (size_t i = 0; i < size_t(out.rows) * out.columns * out.channels; ++i)
      layer.offsets.push_back(pick(-1000, 1000));
  }

  int addAttention(int query, int key, int value, uint32_t heads,
                   uint32_t width) {
    const Tensor in = network.tensors[query];
    Layer &layer =
        add(LayerKind::Attention, query, {in.rows, in.columns, heads * width});
    layer.key = key;
    layer.value = value;
    layer.heads = heads;
    layer.expFactor = 400000;
    for (int i = 0; i < 256; ++i)
      layer.expTable.push_back(uint8_t(std::lround(255 * std::exp(-i / 40.0))));
    layer.header.shift = 5;
    layer.header.inputFactor = 1 << 29;
    return layer.output;
  }

  Network finish(int output) {
    network.outputs = {output};
    network.scales = {1, 1};
    network.zeros = {0, 0};
    network.isChannelsFirst = {false, false};
    return network;
  }
  int32_t pick(int32_t low, int32_t high) {
    return std::uniform_int_distribution<int32_t>(low, high)(random);
  }

private:
  std::mt19937 random;

  int addTensor(uint32_t rows, uint32_t columns, uint32_t channels) {
    network.tensors.push_back({rows, columns, channels});
    return network.tensors.size() - 1;
  }
  Layer &add(LayerKind kind, int input, const Tensor &output) {
    Layer layer;
    layer.kind = kind;
    layer.name = std::to_string(network.layers.size());
    layer.input = input;
    layer.output = addTensor(output.rows, output.columns, output.channels);
    layer.header.zero = pick(-8, 8);
    layer.header.shift = 7;
    network.layers.push_back(layer);
    return network.layers.back();
  }

  /// Factors for sums of `terms` products.
  void setFactors(Layer &layer, double terms) {
    double scale = double(1ll << 37) / (std::sqrt(terms) * 4000);
    for (uint32_t c = 0; c < network.tensors[layer.output].channels; ++c) {
      layer.biases.push_back(pick(-1000, 1000));
      layer.factors.push_back(int32_t(scale * pick(50, 150) / 100));
    }
  }

  int addWindow(LayerKind kind, int input, uint32_t channels, uint32_t kernel,
                uint32_t stride) {
    const Tensor in = network.tensors[input];
    uint32_t pad = (kernel - 1) / 2;
    auto size = [&](uint32_t n) {
      return getOutputSize(n + 2 * pad, kernel, stride);
    };
    Layer &layer =
        add(kind, input, {size(in.rows), size(in.columns), channels});
    layer.kernelHeight = layer.kernelWidth = kernel;
    layer.stride = stride;
    layer.padTop = layer.padBottom = layer.padLeft = layer.padRight = pad;
    layer.padValue = pick(-4, 4);
    uint32_t terms = kernel * kernel;
    if (kind == LayerKind::Conv)
      terms *= in.channels;
    for (uint32_t i = 0; i < terms * channels; ++i)
      layer.weights.push_back(pick(-127, 127));
    setFactors(layer, terms);
    return layer.output;
  }
};

/// A small network with blocks of every kind.
Network makeNetwork(unsigned seed) {
  Builder b(seed);
  auto width = [&] { return uint32_t(b.pick(3, 80)); };
  int x = b.addInput(b.pick(17, 40), b.pick(17, 40), b.pick(1, 5));
  x = b.addConv(x, width(), 3, 2);
  for (int block = b.pick(2, 5); block > 0; --block) {
    uint32_t channels = b.network.tensors[x].channels;
    int start = x;
    switch (b.pick(0, 3)) {
    case 0: // an inverted bottleneck with its residual
      x = b.addConv(x, 4 * channels + b.pick(0, 7));
      x = b.addDwConv(x, b.pick(0, 1) ? 3 : 5);
      x = b.addConv(x, channels);
      b.addAddend(start);
      break;
    case 1: // depthwise first, then strided
      x = b.addDwConv(x, 3);
      x = b.addConv(x, 3 * channels);
      b.setTable(b.network.layers.back());
      x = b.addDwConv(x, 5, 2);
      x = b.addConv(x, width());
      break;
    case 2:
      x = b.addConv(x, width(), 3, b.pick(1, 2));
      x = b.addLookup(x);
      break;
    case 3: { // multi-query or multi-head attention
      uint32_t heads = b.pick(1, 4), depth = b.pick(8, 64), own = b.pick(0, 1);
      int query = b.addConv(x, heads * depth);
      int small = b.addDwConv(x, 3, b.pick(1, 2));
      int key = b.addConv(small, own ? heads * depth : depth);
      b.setOffsets();
      int value = b.addConv(small, own ? heads * depth : depth);
      x = b.addAttention(query, key, value, heads, depth);
      x = b.addSum(b.addConv(x, channels), start);
      break;
    }
    }
  }
  return b.finish(b.addConv(b.addPool(x), b.pick(10, 130)));
}

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
  EXPECT_EQ(refused, "the network does not fit the activation memory");
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
