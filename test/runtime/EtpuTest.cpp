//===- EtpuTest.cpp - the simulator of EX1b -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What instructions compute against plain loops, what they cost against
// formulas and SCALE-Sim, and what is refused.
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Simulator.h"
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

using namespace minnow::etpu;

namespace {

/// Builds a code section slot by slot.
class Builder {
public:
  ProgramHeader header;

  void set(uint8_t reg, const Descriptor &tensor) {
    Instruction code;
    code.opcode = Opcode::SetD;
    code.a = reg;
    add(code);
    const auto *bytes = reinterpret_cast<const char *>(&tensor);
    slots.append(bytes, sizeof tensor);
  }
  void add(Instruction code) {
    if (code.opcode != Opcode::Conv && code.opcode != Opcode::DwConv)
      code.kernelHeight = code.kernelWidth = code.stride = 0;
    if (code.opcode != Opcode::Sync)
      code.engine = Engine::DmaIn;
    uint64_t words[2];
    encode(code, words);
    slots.append(reinterpret_cast<const char *>(words), sizeof words);
  }
  std::string finish() {
    add({});
    header.slots = slots.size() / kSlotBytes;
    return std::string(reinterpret_cast<const char *>(&header), sizeof header) +
           slots + std::string(header.slots * 2, '\0');
  }

private:
  std::string slots;
};

Descriptor makeTensor(uint32_t base, uint16_t rows, uint16_t columns,
                      uint8_t channels, uint16_t blocks = 1) {
  Descriptor tensor;
  tensor.base = base;
  tensor.rows = rows;
  tensor.columns = columns;
  tensor.channels = tensor.lastChannels = channels;
  tensor.blocks = blocks;
  tensor.pixelPitch = channels;
  tensor.rowPitch = columns * channels;
  tensor.blockPitch = rows * tensor.rowPitch;
  return tensor;
}

constexpr uint8_t bit(Engine engine) { return uint8_t(1u << unsigned(engine)); }

/// Reads and runs; the message of the first error, or "".
std::string run(const std::string &code, Memory *memory, RunReport &report,
                uint64_t weightBytes = 0) {
  Program program;
  minnow_error error = {};
  if (readProgram(reinterpret_cast<const uint8_t *>(code.data()), code.size(),
                  weightBytes, program, &error))
    return error.message;
  Memory own(program.header);
  if (simulate(program.header.machine, program.cold, memory ? *memory : own,
               memory != nullptr, report, &error))
    return error.message;
  return "";
}

Instruction makeConv(uint8_t input, uint8_t n, uint32_t weights,
                     uint16_t entry) {
  Instruction code;
  code.opcode = Opcode::Conv;
  code.a = input;
  code.n = n;
  code.address = weights;
  code.entry = entry;
  return code;
}

TEST(Etpu, EncodingKeepsEveryField) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    uint64_t words[2] = {random(), random()}, again[2], twice[2];
    encode(decode(words), again);
    encode(decode(again), twice);
    EXPECT_EQ(again[0], twice[0]);
    EXPECT_EQ(again[1], twice[1]);
  }
}

/// A strided, padded 3x3 convolution over two blocks, against plain loops.
TEST(Etpu, ConvolutionIsExact) {
  const int kSize = 7, kIn = 40, kOut = 48;
  Builder builder;
  Descriptor input = makeTensor(0, kSize, kSize, kIn / 2, 2);
  input.padTop = input.padLeft = 1;
  input.padValue = -3;
  builder.set(1, input);
  Instruction conv = makeConv(1, kOut, 64, 5);
  conv.kernelHeight = conv.kernelWidth = 3;
  conv.stride = 2;
  builder.add(conv);
  std::string code = builder.finish();
  Memory memory(builder.header);
  std::mt19937 random(2);
  for (uint8_t &byte : memory.activations)
    byte = random();
  for (uint8_t &byte : memory.weights)
    byte = random();
  RunReport report;
  ASSERT_EQ(run(code, &memory, report), "");
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 3; ++x)
      for (int n = 0; n < kOut; ++n) {
        int32_t sum = 0, k = 0;
        for (int block = 0; block < 2; ++block)
          for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j)
              for (int c = 0; c < kIn / 2; ++c, ++k) {
                int iy = 2 * y + i - 1, ix = 2 * x + j - 1;
                bool inside = iy >= 0 && iy < kSize && ix >= 0 && ix < kSize;
                int8_t value =
                    inside ? memory.activations[block * input.blockPitch +
                                                (iy * kSize + ix) * kIn / 2 + c]
                           : -3;
                sum += value * int8_t(memory.weights[64 + k * kOut + n]);
              }
        ASSERT_EQ(memory.accumulators[(5 + y * 3 + x) * kMaxLanes + n], sum);
      }
  EXPECT_EQ(report.macs, 9u * 9 * kIn * kOut);
}

/// Rows that roll through a ring are read like those that do not.
TEST(Etpu, RingHoldsTheSameRows) {
  Descriptor plain = makeTensor(0, 4, 3, 8), ring = makeTensor(4096, 4, 3, 8);
  ring.ringRows = 5;
  ring.firstRow = 3;
  int32_t sums[2][4 * 3];
  for (int i = 0; i < 2; ++i) {
    Builder builder;
    builder.set(0, i ? ring : plain);
    builder.add(makeConv(0, 1, 0, 0));
    std::string code = builder.finish();
    Memory memory(builder.header);
    std::fill_n(memory.weights.begin(), 8, 1);
    for (int y = 0; y < 4; ++y)
      for (int b = 0; b < 24; ++b)
        memory.activations[i ? 4096 + (3 + y) % 5 * 24 + b : y * 24 + b] =
            y * 24 + b;
    RunReport report;
    ASSERT_EQ(run(code, &memory, report), "");
    for (int p = 0; p < 12; ++p)
      sums[i][p] = memory.accumulators[p * kMaxLanes];
  }
  EXPECT_TRUE(std::equal(sums[0], sums[0] + 12, sums[1]));
}

/// Each tile streams all positions; the fill shows once, at the end.
TEST(Etpu, MatrixCyclesAreThoseOfTheFormula) {
  Builder builder;
  builder.set(0, makeTensor(0, 24, 24, 64, 6));
  builder.add(makeConv(0, 64, 0, 0));
  builder.add(makeConv(0, 64, 0, 1024));
  RunReport report;
  ASSERT_EQ(run(builder.finish(), nullptr, report), "");
  const Event &first = report.events[0], &second = report.events[1];
  EXPECT_EQ(first.end - first.start, 6u * 576);
  EXPECT_EQ(second.start, first.end); // its weights were loaded meanwhile
  EXPECT_EQ(second.done, second.end + 126);
}

/// The array without overlap is SCALE-Sim's weight-stationary one, to the
/// cycle.
TEST(Etpu, DenseLayersTakeScaleSimsCycles) {
  std::ifstream file(SCALESIM_CYCLES);
  std::string line;
  int layers = 0;
  while (std::getline(file, line)) {
    if (line[0] == '#')
      continue;
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');)
      cells.push_back(cell);
    ASSERT_EQ(cells.size(), 5u) << line;
    unsigned positions = std::stoul(cells[1]),
             contraction = std::stoul(cells[2]), columns = std::stoul(cells[3]);
    Builder builder;
    builder.header.machine.overlap = 0;
    builder.header.machine.accumulators = 16384;
    builder.header.machine.activationBytes = 1 << 24;
    unsigned blocks = (contraction + 63) / 64;
    Descriptor input = makeTensor(0, 1, positions, 64, blocks);
    input.lastChannels = contraction - (blocks - 1) * 64;
    builder.set(0, input);
    for (unsigned n = 0; n < columns; n += 64)
      builder.add(makeConv(0, std::min(64u, columns - n), 0, 0));
    RunReport report;
    ASSERT_EQ(run(builder.finish(), nullptr, report), "") << line;
    const EngineReport &matrix = report.engines[unsigned(Engine::Matrix)];
    EXPECT_EQ(matrix.busy - 1, std::stoul(cells[4])) << line;
    ++layers;
  }
  EXPECT_GE(layers, 20);
}

/// A consumer without its token would read what is not there yet.
TEST(Etpu, RefusesAMissingToken) {
  for (bool hasToken : {true, false}) {
    Builder builder;
    builder.set(0, makeTensor(0, 8, 8, 64));
    builder.set(1, makeTensor(8192, 8, 8, 64));
    Instruction conv = makeConv(0, 64, 0, 0);
    conv.signals = hasToken ? bit(Engine::Vector) : 0;
    builder.add(conv);
    Instruction requant;
    requant.opcode = Opcode::Requant;
    requant.a = 1;
    requant.waits = hasToken ? bit(Engine::Matrix) : 0;
    builder.add(requant);
    RunReport report;
    EXPECT_EQ(run(builder.finish(), nullptr, report),
              hasToken ? ""
                       : "instruction 6 touches what instruction 7 still works "
                         "on; a token is missing");
  }
}

TEST(Etpu, RefusesDeadlock) {
  Builder builder;
  builder.set(0, makeTensor(0, 8, 8, 64));
  Instruction conv = makeConv(0, 64, 0, 0);
  conv.waits = bit(Engine::Vector);
  builder.add(conv);
  RunReport report;
  EXPECT_EQ(run(builder.finish(), nullptr, report),
            "instruction 3 waits for a token that never comes");
}

TEST(Etpu, RefusesMalformedInstructions) {
  auto message = [](auto &&change) {
    Builder builder;
    Descriptor input = makeTensor(0, 8, 8, 64);
    Instruction conv = makeConv(0, 64, 0, 0);
    change(builder, input, conv);
    builder.set(0, input);
    builder.add(conv);
    RunReport report;
    return run(builder.finish(), nullptr, report);
  };
  EXPECT_EQ(message([](Builder &, Descriptor &input, Instruction &) {
              input.base = (1 << 20) - 4095;
            }),
            "instruction 3: an address lies outside of the activation memory");
  EXPECT_EQ(message([](Builder &, Descriptor &, Instruction &conv) {
              conv.address = (4 << 20) - 4095;
            }),
            "instruction 3: an address lies outside of the weight memory");
  EXPECT_EQ(message([](Builder &, Descriptor &, Instruction &conv) {
              conv.entry = 4096 - 63;
            }),
            "instruction 3: an entry lies outside of the accumulators");
  EXPECT_EQ(message([](Builder &, Descriptor &, Instruction &conv) {
              conv.kernelHeight = 9;
            }),
            "instruction 3: the window does not fit the input");
  EXPECT_EQ(message([](Builder &, Descriptor &, Instruction &conv) {
              conv.opcode = Opcode(20);
            }),
            "instruction 3: the opcode does not exist");
  EXPECT_EQ(message([](Builder &, Descriptor &input, Instruction &) {
              input.lastChannels = 65;
            }),
            "instruction 0: a descriptor's blocks are empty or wider than the "
            "lanes");
}

/// More bandwidth is never slower.
TEST(Etpu, BandwidthIsMonotone) {
  uint64_t last = ~0ull;
  for (uint32_t rate : {4, 8, 16, 32, 64, 128}) {
    Builder builder;
    builder.header.machine.dramBytesPerCycle = rate;
    builder.set(0, makeTensor(0, 12, 12, 64, 8));
    for (unsigned n = 0; n < 8; ++n) {
      Instruction load;
      load.opcode = Opcode::LoadW;
      load.place = load.address = n * 32768;
      load.length = 32768;
      load.signals = bit(Engine::Matrix);
      builder.add(load);
      Instruction conv = makeConv(0, 64, n * 32768, n * 144);
      conv.waits = bit(Engine::DmaIn);
      builder.add(conv);
    }
    RunReport report;
    ASSERT_EQ(run(builder.finish(), nullptr, report, 8 * 32768), "");
    EXPECT_LE(report.cycles, last) << rate;
    EXPECT_EQ(report.dramBytes[0], 8u * 32768);
    last = report.cycles;
  }
}

/// Mutated programs are refused or run; under ASan and UBSan without a fault.
TEST(Etpu, MutatedProgramsNeverCrash) {
  Builder builder;
  builder.header.inputBytes = builder.header.outputBytes = 4096;
  builder.header.machine.activationBytes = 1 << 15;
  builder.header.machine.weightBytes = 1 << 13;
  builder.header.machine.accumulators = 64;
  Descriptor image = makeTensor(0, 8, 8, 64), sums = makeTensor(9000, 8, 8, 8);
  image.padTop = image.padLeft = 1;
  builder.set(0, image);
  builder.set(1, makeTensor(16384, 8, 8, 64));
  builder.set(2, sums);
  std::vector<Instruction> codes;
  for (Opcode opcode :
       {Opcode::Sync, Opcode::LoadA, Opcode::Load, Opcode::Store, Opcode::LoadW,
        Opcode::Conv, Opcode::DwConv, Opcode::Requant, Opcode::Lookup,
        Opcode::Pool, Opcode::RowMax, Opcode::Exp}) {
    Instruction code;
    code.opcode = opcode;
    code.a = code.opcode == Opcode::Load ? 0 : 1;
    code.b = code.opcode == Opcode::Requant ? 1 : 0;
    code.c = 2;
    code.n = 32;
    code.block = code.opcode == Opcode::RowMax || code.opcode == Opcode::LoadA;
    code.flags = code.opcode == Opcode::Load    ? 1
                 : code.opcode == Opcode::Store ? 2
                                                : 0;
    code.length = code.opcode == Opcode::LoadW ? 512 : 0;
    // One after the other: each waits for the one before.
    if (!codes.empty() && getEngine(codes.back()) != getEngine(code)) {
      code.waits = bit(getEngine(codes.back()));
      codes.back().signals |= bit(getEngine(code));
    }
    // Taps are loaded before the instruction begins.
    if (opcode == Opcode::LoadW)
      code.signals = bit(Engine::Depthwise);
    if (opcode == Opcode::DwConv)
      code.waits |= bit(Engine::DmaIn);
    codes.push_back(code);
  }
  for (const Instruction &code : codes)
    builder.add(code);
  const std::string original = builder.finish();
  std::vector<uint8_t> weights(4096), input(4096), output(4096);
  std::mt19937 random(3);
  int ran = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string code = original;
    for (unsigned flips = random() % 4; flips-- > 0;) {
      size_t at = random() % code.size();
      // Mostly instructions: the header's checks are quickly through.
      if (at < sizeof(ProgramHeader) && random() % 8)
        at = sizeof(ProgramHeader) +
             random() % (code.size() - sizeof(ProgramHeader));
      code[at] ^= 1u << random() % 8;
    }
    if (random() % 16 == 0)
      code.resize(random() % code.size());
    Program program;
    minnow_error error = {};
    if (readProgram(reinterpret_cast<const uint8_t *>(code.data()), code.size(),
                    weights.size(), program, &error) ||
        program.header.machine.activationBytes > 1 << 18 ||
        program.header.machine.weightBytes > 1 << 18 ||
        program.header.scratchBytes > 1 << 20 ||
        program.header.inputBytes > input.size() ||
        program.header.outputBytes > output.size())
      continue;
    Memory memory(program.header);
    memory.weightSection = weights.data();
    memory.input = input.data();
    memory.output = output.data();
    RunReport report;
    if (!simulate(program.header.machine, program.cold, memory, true, report,
                  &error))
      ++ran;
  }
  EXPECT_GT(ran, 200);
}

} // namespace
