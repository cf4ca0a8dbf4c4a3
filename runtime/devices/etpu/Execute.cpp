//===- Execute.cpp - what an instruction of EX1b computes -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 32-bit sums wrap; all else is as in runtime/abi/etpu.h.
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Execute.h"

using namespace minnow;
using namespace minnow::etpu;

Memory::Memory(const ProgramHeader &header)
    : activations(header.machine.activationBytes),
      weights(header.machine.weightBytes),
      accumulators(size_t(header.machine.accumulators) * kMaxLanes),
      scratch(header.scratchBytes) {}

namespace {

int32_t wrap(uint32_t sum) {
  int32_t value;
  std::memcpy(&value, &sum, 4);
  return value;
}

/// The address of a pixel's first channel.
uint64_t getAddress(const Descriptor &tensor, uint32_t block, uint32_t y,
                    uint32_t x) {
  return tensor.base + uint64_t(block) * tensor.blockPitch +
         tensor.rowOffset(y) + uint64_t(x) * tensor.pixelPitch;
}

/// Calls `visit` with the address of each pixel of a block, in row-major order.
template <typename Visitor>
void visitPixels(const Descriptor &tensor, uint32_t block, Visitor &&visit) {
  for (uint32_t y = 0; y < tensor.rows; ++y)
    for (uint32_t x = 0; x < tensor.columns; ++x)
      visit(getAddress(tensor, block, y, x));
}

template <typename T> T read(const uint8_t *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

//===----------------------------------------------------------------------===//
// Transfers
//===----------------------------------------------------------------------===//

uint8_t *getDram(Memory &memory, Segment segment) {
  switch (segment) {
  case Segment::Weights:
    return const_cast<uint8_t *>(memory.weightSection);
  case Segment::Input:
    return const_cast<uint8_t *>(memory.input);
  case Segment::Output:
    return memory.output;
  case Segment::Scratch:
    break;
  }
  return memory.scratch.data();
}

void transfer(const Operation &op, Memory &memory) {
  const Instruction &code = op.code;
  uint8_t *dram = getDram(memory, Segment(code.flags & 3)) + code.address;
  uint32_t channels = op.a.channelsOf(code.block);
  bool isStore = code.opcode == Opcode::Store;
  visitPixels(op.a, code.block, [&](uint64_t address) {
    uint8_t *pixel = memory.activations.data() + address;
    std::memcpy(isStore ? dram : pixel, isStore ? pixel : dram, channels);
    dram += channels;
  });
}

void loadAccumulators(const Operation &op, Memory &memory) {
  const Instruction &code = op.code;
  const uint8_t *dram = memory.weightSection + code.address;
  for (uint32_t position = 0; position < code.block; ++position)
    std::memcpy(memory.accumulators.data() +
                    (size_t(code.entry) + position) * kMaxLanes,
                dram + size_t(position) * code.n * 4, code.n * 4);
}

//===----------------------------------------------------------------------===//
// The array
//===----------------------------------------------------------------------===//

/// Conv as rows of a matrix product: the operands are gathered as 16-bit
/// numbers with the contraction innermost, which compilers turn into
/// multiply-adds of pairs.
class Conv {
public:
  Conv(const Operation &op, Memory &memory)
      : op(op), code(op.code), memory(memory),
        contraction(getContraction(code, op.a)) {}

  void run() {
    gatherWeights();
    uint32_t width = getOutputSize(op.a.padLeft + op.a.columns + op.a.padRight,
                                   code.kernelWidth, code.stride);
    uint64_t positions = getPositions(code, op.a);
    const uint64_t group = 4;
    rows.resize(group * contraction);
    for (uint64_t first = 0; first < positions; first += group) {
      uint64_t count = std::min(group, positions - first);
      for (uint64_t i = 0; i < count; ++i)
        gatherRow((first + i) / width, (first + i) % width,
                  rows.data() + i * contraction);
      int32_t *sums =
          memory.accumulators.data() + (code.entry + first) * kMaxLanes;
      multiply(sums, count);
    }
  }

private:
  const Operation &op;
  const Instruction &code;
  Memory &memory;
  const uint64_t contraction;
  std::vector<int16_t> columns, rows;

  void gatherWeights() {
    columns.resize(code.n * contraction);
    if (!(code.flags & kFlagStationary)) {
      const uint8_t *weight = memory.weights.data() + code.address;
      for (uint64_t k = 0; k < contraction; ++k)
        for (uint32_t n = 0; n < code.n; ++n)
          columns[n * contraction + k] = int8_t(*weight++);
      return;
    }
    uint64_t row = 0;
    visitPixels(op.b, 0, [&](uint64_t address) {
      const uint8_t *pixel = memory.activations.data() + address;
      for (uint32_t c = 0; c < op.b.lastChannels; ++c) {
        int16_t value = int8_t(pixel[c]);
        if (code.flags & kFlagTranspose)
          columns[row * contraction + c] = value;
        else
          columns[c * contraction + row] = value;
      }
      ++row;
    });
  }

  /// The window at output (y, x): by block, tap row, tap column, channel.
  void gatherRow(uint32_t outY, uint32_t outX, int16_t *row) const {
    BlockRange blocks = getBlocks(code, op.a);
    for (uint32_t block = blocks.begin; block < blocks.end; ++block) {
      uint32_t channels = op.a.channelsOf(block);
      for (uint32_t i = 0; i < code.kernelHeight; ++i)
        for (uint32_t j = 0; j < code.kernelWidth; ++j) {
          int64_t y = int64_t(outY) * code.stride + i - op.a.padTop;
          int64_t x = int64_t(outX) * code.stride + j - op.a.padLeft;
          if (y < 0 || y >= op.a.rows || x < 0 || x >= op.a.columns) {
            std::fill(row, row + channels, op.a.padValue);
          } else {
            const uint8_t *pixel =
                memory.activations.data() + getAddress(op.a, block, y, x);
            if (op.a.isUnsigned)
              for (uint32_t c = 0; c < channels; ++c)
                row[c] = pixel[c];
            else
              for (uint32_t c = 0; c < channels; ++c)
                row[c] = int8_t(pixel[c]);
          }
          row += channels;
        }
    }
  }

  void multiply(int32_t *sums, uint64_t count) const {
    bool accumulates = code.flags & kFlagAccumulate;
    for (uint32_t n = 0; n < code.n; ++n) {
      const int16_t *column = columns.data() + n * contraction;
      for (uint64_t i = 0; i < count; ++i) {
        const int16_t *row = rows.data() + i * contraction;
        uint32_t sum = 0;
        for (uint64_t k = 0; k < contraction; ++k)
          sum += uint32_t(int32_t(row[k]) * column[k]);
        int32_t &result = sums[i * kMaxLanes + n];
        result = wrap(sum + (accumulates ? uint32_t(result) : 0));
      }
    }
  }
};

//===----------------------------------------------------------------------===//
// The depthwise unit
//===----------------------------------------------------------------------===//

void convolveDepthwise(const Operation &op, Memory &memory) {
  const Instruction &code = op.code;
  uint32_t channels = op.a.channelsOf(code.block);
  uint32_t width = getOutputSize(op.a.padLeft + op.a.columns + op.a.padRight,
                                 code.kernelWidth, code.stride);
  uint64_t positions = getPositions(code, op.a);
  int32_t *result = memory.accumulators.data() + size_t(code.entry) * kMaxLanes;
  for (uint64_t p = 0; p < positions; ++p, result += kMaxLanes) {
    int32_t sums[kMaxLanes] = {};
    const uint8_t *weight = memory.weights.data() + code.address;
    for (uint32_t i = 0; i < code.kernelHeight; ++i)
      for (uint32_t j = 0; j < code.kernelWidth; ++j, weight += channels) {
        int64_t y = int64_t(p / width) * code.stride + i - op.a.padTop;
        int64_t x = int64_t(p % width) * code.stride + j - op.a.padLeft;
        if (y < 0 || y >= op.a.rows || x < 0 || x >= op.a.columns) {
          for (uint32_t c = 0; c < channels; ++c)
            sums[c] += op.a.padValue * int8_t(weight[c]);
          continue;
        }
        const uint8_t *pixel =
            memory.activations.data() + getAddress(op.a, code.block, y, x);
        for (uint32_t c = 0; c < channels; ++c)
          sums[c] += int8_t(pixel[c]) * int8_t(weight[c]);
      }
    std::copy(sums, sums + channels, result);
  }
}

//===----------------------------------------------------------------------===//
// The vector unit
//===----------------------------------------------------------------------===//

/// The one or two terms of a result and where its factors come from.
class Requantization {
public:
  Requantization(const Operation &op, Memory &memory)
      : op(op), flags(op.code.flags), bytes(memory.activations.data()),
        channels(op.a.channelsOf(op.code.block)),
        sums(memory.accumulators.data() + size_t(op.code.entry) * kMaxLanes) {
    const uint8_t *parameters = memory.weights.data() + op.code.address;
    header = read<RequantHeader>(parameters);
    left = header.getLeft();
    parameters += sizeof header;
    if (!(flags & (kFlagBytes | kFlagRows))) {
      std::memcpy(biases, parameters, channels * 4);
      std::memcpy(factors, parameters + channels * 4, channels * 4);
      parameters += channels * 8;
    }
    table = parameters;
  }

  void run() {
    for (uint32_t y = 0; y < op.a.rows; ++y)
      for (uint32_t x = 0; x < op.a.columns; ++x, sums += kMaxLanes)
        computePixel(y, x);
  }

private:
  const Operation &op;
  const uint8_t flags;
  uint8_t *const bytes;
  const uint32_t channels;
  const int32_t *sums;
  RequantHeader header;
  unsigned left;
  int32_t biases[kMaxLanes], factors[kMaxLanes];
  const uint8_t *table;

  void computePixel(uint32_t y, uint32_t x) {
    int32_t scaled[kMaxLanes];
    scaleInput(y, x, scaled);
    uint32_t block = op.code.block;
    if (flags & kFlagAddend) {
      const uint8_t *addend = bytes + getAddress(op.b, block, y, x);
      for (uint32_t c = 0; c < channels; ++c)
        scaled[c] =
            wrap(uint32_t(scaled[c]) +
                 uint32_t(multiplyHigh((int8_t(addend[c]) - header.addendZero) *
                                           (1 << left),
                                       header.addendFactor, 15)));
    }
    uint8_t *result = bytes + getAddress(op.a, block, y, x);
    for (uint32_t c = 0; c < channels; ++c) {
      int8_t value = roundToByte(header, scaled[c]);
      result[c] = flags & kFlagTable ? table[value + 128] : uint8_t(value);
    }
  }

  void scaleInput(uint32_t y, uint32_t x, int32_t *scaled) const {
    if (flags & kFlagBytes) {
      const uint8_t *input = bytes + getAddress(op.c, op.code.block, y, x);
      for (uint32_t c = 0; c < channels; ++c)
        scaled[c] =
            multiplyHigh((int8_t(input[c]) - header.inputZero) * (1 << left),
                         header.inputFactor, 15);
    } else if (flags & kFlagRows) {
      auto row = read<RowEntry>(bytes + getAddress(op.c, 0, y, x));
      int32_t factor = getRowFactor(row.sum, header.inputFactor);
      for (uint32_t c = 0; c < channels; ++c)
        scaled[c] = multiplyHigh(wrap(uint32_t(sums[c]) << 6), factor, 31);
    } else {
      for (uint32_t c = 0; c < channels; ++c)
        scaled[c] = multiplyHigh(
            wrap((uint32_t(sums[c]) + uint32_t(biases[c])) << left), factors[c],
            31);
    }
  }
};

void lookUp(const Operation &op, Memory &memory) {
  uint32_t block = op.code.block, channels = op.a.channelsOf(block);
  const uint8_t *table = memory.weights.data() + op.code.address;
  for (uint32_t y = 0; y < op.a.rows; ++y)
    for (uint32_t x = 0; x < op.a.columns; ++x) {
      uint8_t *bytes = memory.activations.data();
      uint8_t *result = bytes + getAddress(op.a, block, y, x);
      const uint8_t *input = bytes + getAddress(op.b, block, y, x);
      for (uint32_t c = 0; c < channels; ++c)
        result[c] = table[int8_t(input[c]) + 128];
    }
}

void pool(const Operation &op, Memory &memory) {
  for (uint32_t block = 0; block < op.a.blocks; ++block) {
    uint32_t channels = op.a.channelsOf(block);
    int32_t *sums = memory.accumulators.data() +
                    (size_t(op.code.entry) + block) * kMaxLanes;
    std::fill(sums, sums + channels, 0);
    visitPixels(op.a, block, [&](uint64_t address) {
      const uint8_t *pixel = memory.activations.data() + address;
      for (uint32_t c = 0; c < channels; ++c)
        sums[c] = wrap(uint32_t(sums[c]) + uint32_t(int8_t(pixel[c])));
    });
  }
}

void scale(const Operation &op, Memory &memory) {
  uint32_t block = op.code.block, channels = op.a.channelsOf(block);
  const uint8_t *factors =
      memory.activations.data() + getAddress(op.b, block, 0, 0);
  int32_t *products =
      memory.accumulators.data() + size_t(op.code.entry) * kMaxLanes;
  visitPixels(op.a, block, [&](uint64_t address) {
    const uint8_t *pixel = memory.activations.data() + address;
    for (uint32_t c = 0; c < channels; ++c)
      products[c] = (int8_t(pixel[c]) - op.a.padValue) *
                    (int8_t(factors[c]) - op.b.padValue);
    products += kMaxLanes;
  });
}

/// The logits of a block of keys lie in `positions` entries one after another.
void findRowMaximum(const Operation &op, Memory &memory) {
  const Instruction &code = op.code;
  uint64_t positions = uint64_t(op.c.rows) * op.c.columns, row = 0;
  visitPixels(op.c, 0, [&](uint64_t address) {
    RowEntry entry = {INT32_MIN, 0};
    for (uint32_t block = 0; block < code.block; ++block) {
      uint32_t keys = block + 1u == code.block ? code.n : kMaxLanes;
      const int32_t *logits =
          memory.accumulators.data() +
          (code.entry + block * positions + row) * kMaxLanes;
      entry.maximum =
          std::max(entry.maximum, *std::max_element(logits, logits + keys));
    }
    std::memcpy(memory.activations.data() + address, &entry, sizeof entry);
    ++row;
  });
}

void exponentiate(const Operation &op, Memory &memory) {
  const Instruction &code = op.code;
  const uint8_t *parameters = memory.weights.data() + code.address;
  auto factor = read<int32_t>(parameters);
  const uint8_t *table = parameters + 4;
  uint64_t positions = uint64_t(op.a.rows) * op.a.columns;
  for (uint64_t row = 0; row < positions; ++row) {
    uint32_t y = row / op.a.columns, x = row % op.a.columns;
    uint8_t *rowBytes = memory.activations.data() + getAddress(op.c, 0, y, x);
    auto entry = read<RowEntry>(rowBytes);
    entry.sum = 0;
    for (uint32_t block = 0; block < op.a.blocks; ++block) {
      const int32_t *logits =
          memory.accumulators.data() +
          (code.entry + block * positions + row) * kMaxLanes;
      uint8_t *weights =
          memory.activations.data() + getAddress(op.a, block, y, x);
      for (uint32_t c = 0; c < op.a.channelsOf(block); ++c) {
        int32_t below = wrap(uint32_t(entry.maximum) - uint32_t(logits[c]));
        int32_t index = multiplyHigh(below, factor, 31);
        uint8_t weight = table[std::clamp(index, 0, 255)];
        weights[c] = weight;
        entry.sum = wrap(uint32_t(entry.sum) + weight);
      }
    }
    std::memcpy(rowBytes, &entry, sizeof entry);
  }
}

} // namespace

void etpu::execute(const Operation &op, Memory &memory) {
  const Instruction &code = op.code;
  switch (code.opcode) {
  case Opcode::Halt:
  case Opcode::SetD:
  case Opcode::Sync:
    return;
  case Opcode::LoadW:
    std::memcpy(memory.weights.data() + code.place,
                memory.weightSection + code.address, code.length);
    return;
  case Opcode::LoadA:
    return loadAccumulators(op, memory);
  case Opcode::Load:
  case Opcode::Store:
    return transfer(op, memory);
  case Opcode::Conv:
    return Conv(op, memory).run();
  case Opcode::DwConv:
    return convolveDepthwise(op, memory);
  case Opcode::Requant:
    return Requantization(op, memory).run();
  case Opcode::Lookup:
    return lookUp(op, memory);
  case Opcode::Pool:
    return pool(op, memory);
  case Opcode::Scale:
    return scale(op, memory);
  case Opcode::RowMax:
    return findRowMaximum(op, memory);
  case Opcode::Exp:
    return exponentiate(op, memory);
  }
}
