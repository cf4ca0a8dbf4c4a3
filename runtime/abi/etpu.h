//===- etpu.h - the EX1b machine: parameters, encoding, cycles --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiler's target `etpu` and the simulator share of a synthetic
// accelerator of the Coral class. It is no EdgeTPU: no interface of one is
// public. The machine's parameters are one struct, an instruction is 16 bytes,
// a tensor descriptor 32, and every cost is a function here, so that the
// scheduler plans with the cycles that the simulator counts.
// Execute.cpp of runtime/devices/etpu says what each instruction computes.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_ABI_ETPU_H
#define MINNOW_RUNTIME_ABI_ETPU_H

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace minnow::etpu {

//===----------------------------------------------------------------------===//
// The machine
//===----------------------------------------------------------------------===//

/// All parameters of the machine; a program carries those it was compiled for.
struct Machine {
  uint32_t clockMHz = 480;
  uint32_t rows = 64;    // contraction of one weight tile
  uint32_t columns = 64; // output channels of one weight tile
  uint32_t lanes = 64;   // of the vector and depthwise units
  uint32_t activationBytes = 1 << 20;
  uint32_t weightBytes = 4 << 20;
  uint32_t accumulators = 4096;    // entries of `lanes` 32-bit sums
  uint32_t dramBytesPerCycle = 32; // shared by all transfers
  uint32_t dramLatency = 200;      // cycles until a transfer's last byte counts
  uint32_t vectorStartup = 8;      // cycles an instruction of the vector unit
                                   // spends on its tables
  uint32_t queueDepth = 64;        // instructions that wait in each engine
  uint32_t overlap = 1; // 0: the array's loads and fills are exposed,
                        // as in SCALE-Sim's weight-stationary model
};

/// The widest array that the encoding and the simulator take.
inline constexpr uint32_t kMaxLanes = 64;

/// What is wrong with a machine; null if nothing is.
inline const char *checkMachine(const Machine &machine) {
  if (!machine.rows || machine.rows > 1024 || !machine.columns ||
      machine.columns > kMaxLanes || !machine.lanes ||
      machine.lanes > kMaxLanes)
    return "the array or the lanes are none or too many";
  if (machine.activationBytes > 1u << 30 || machine.weightBytes > 1u << 30 ||
      machine.accumulators > 1u << 16)
    return "a memory is larger than the encoding reaches";
  if (!machine.dramBytesPerCycle || !machine.queueDepth ||
      machine.dramLatency > 1u << 20 || machine.vectorStartup > 1u << 20 ||
      !machine.clockMHz)
    return "a rate is zero or a delay out of range";
  return nullptr;
}

/// In-order queues that run beside each other.
enum class Engine : uint8_t { DmaIn, DmaOut, Matrix, Depthwise, Vector };
inline constexpr unsigned kEngines = 5;

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

enum class Opcode : uint8_t {
  Halt,    // the end: all engines drain
  SetD,    // a descriptor register <- the next two slots
  Sync,    // an engine waits and signals without work
  LoadW,   // DRAM -> weight memory
  LoadA,   // DRAM -> accumulators
  Load,    // DRAM -> activation memory
  Store,   // activation memory -> DRAM
  Conv,    // products on the array -> accumulators
  DwConv,  // depthwise products -> accumulators
  Requant, // sums or bytes, scaled and rounded -> activation memory
  Lookup,  // bytes through a table
  Pool,    // sums over positions -> accumulators
  RowMax,  // the largest logit of each row -> row table
  Exp,     // logits -> softmax weights of 8 bits, their sums -> row table
  Scale,   // bytes by one factor a channel -> accumulators
};
inline constexpr unsigned kOpcodes = 15;

/// Bits of Instruction::flags.
enum Flag : uint8_t {
  kFlagBlock = 1,       // one block of the operand `a`: number `block`
  kFlagAddend = 2,      // Requant: plus operand `b`
  kFlagTable = 4,       // Requant: through the table behind the parameters
  kFlagRows = 8,        // Requant: divided by the sums of the row table `c`
  kFlagStationary = 16, // Conv: weights are operand `b` in activation memory
  kFlagTranspose = 32,  // Conv with kFlagStationary: `b` is [column][row]
  kFlagAccumulate = 64, // Conv: add to what the accumulators hold
  kFlagBytes = 128,     // Requant: of operand `c`, not of accumulators
};

/// A part of DRAM; the two low bits of the flags of Load and Store.
enum class Segment : uint8_t { Weights, Input, Output, Scratch };

/// One instruction as fields. In memory two little-endian words of 64 bits:
/// opcode 6, waits 5, signals 5, flags 8, a 5, b 5, c 5, kernel height 4,
/// kernel width 4, stride 3 (of both axes), engine 3, n 7, zero 4; then address
/// 32, entry 16, block 16. LoadW has its length in the 30 bits from `a` on and
/// its place in weight memory in `entry` and `block`.
struct Instruction {
  Opcode opcode = Opcode::Halt;
  uint8_t waits = 0;   // engines of which a token is taken before the start
  uint8_t signals = 0; // engines that get a token at the end
  uint8_t flags = 0;
  uint8_t a = 0, b = 0, c = 0; // descriptor registers
  uint8_t kernelHeight = 1, kernelWidth = 1, stride = 1;
  Engine engine = Engine::Matrix; // of Sync; else the opcode's
  uint8_t n = 0;                  // channels of a block of columns
  uint32_t address = 0;           // of weights, parameters, a table or DRAM
  uint16_t entry = 0;             // first accumulator
  uint16_t block = 0;
  uint32_t length = 0; // LoadW: bytes
  uint32_t place = 0;  // LoadW: address in weight memory
};

inline constexpr unsigned kSlotBytes = 16;
inline constexpr unsigned kRegisters = 32;

/// A tensor of activation memory, cut into blocks of at most 64 channels. The
/// element of block b, row y, column x, channel c lies at
///   base + b*blockPitch + ((firstRow + y) mod ringRows)*rowPitch
///        + x*pixelPitch + c
/// so rows may roll through a ring. The last block may have fewer channels.
/// Around it lie pads, which read as `padValue` and are not in memory; Scale
/// takes `padValue` for the zero point.
struct Descriptor {
  uint32_t base = 0;
  uint16_t rows = 1, columns = 1;
  uint8_t channels = 1, lastChannels = 1;
  uint16_t blocks = 1;
  uint32_t rowPitch = 0, blockPitch = 0;
  uint16_t ringRows = 0, firstRow = 0; // ringRows 0: no ring
  uint8_t padTop = 0, padBottom = 0, padLeft = 0, padRight = 0;
  uint16_t pixelPitch = 0;
  int8_t padValue = 0;
  uint8_t isUnsigned = 0; // bytes are u8; of Conv's operand `a` alone

  uint32_t channelsOf(uint32_t block) const {
    return block + 1 == blocks ? lastChannels : channels;
  }
  uint32_t rowOffset(uint32_t y) const {
    uint32_t row = firstRow + y;
    return (ringRows && row >= ringRows ? row - ringRows : row) * rowPitch;
  }
  uint32_t totalChannels() const {
    return (blocks - 1u) * channels + lastChannels;
  }
};
static_assert(sizeof(Descriptor) == 32, "two slots");

/// What Requant reads. Where it scales accumulators by channel (neither
/// kFlagBytes nor kFlagRows), the biases and the factors of the channels
/// follow, 32 bits each; with kFlagTable then 256 bytes.
struct RequantHeader {
  int8_t zero = 0, low = -128, high = 127; // of the result
  int8_t inputZero = 0, addendZero = 0;
  int8_t shift = 0; // to the right behind the factors; below 0 to the left
                    // before them (not with kFlagRows)
  int8_t reserved[2] = {};
  int32_t addendFactor = 0;
  int32_t inputFactor = 0; // with kFlagBytes, kFlagRows

  // Of any byte one that is defined.
  unsigned getLeft() const { return shift < 0 ? unsigned(-shift) & 3 : 0; }
  unsigned getRight() const { return shift < 0 ? 0 : unsigned(shift) & 15; }
};
static_assert(sizeof(RequantHeader) == 16, "written as it is");

constexpr uint32_t getParameterBytes(uint8_t flags, uint32_t channels) {
  return 16 + (flags & (kFlagBytes | kFlagRows) ? 0 : 8 * channels) +
         (flags & kFlagTable ? 256 : 0);
}

/// Parameters of Exp: a factor of 32 bits, then a table of 256 bytes.
inline constexpr uint32_t kExpBytes = 4 + 256;

/// One row of a row table: of RowMax the maximum, of Exp the sum besides.
struct RowEntry {
  int32_t maximum;
  int32_t sum;
};

//===----------------------------------------------------------------------===//
// Encoding
//===----------------------------------------------------------------------===//

inline void encode(const Instruction &i, uint64_t words[2]) {
  uint64_t low = uint64_t(i.opcode) | uint64_t(i.waits) << 6 |
                 uint64_t(i.signals) << 11 | uint64_t(i.flags) << 16;
  if (i.opcode == Opcode::LoadW) {
    words[0] = low | uint64_t(i.length) << 24;
    words[1] = i.address | uint64_t(i.place) << 32;
    return;
  }
  words[0] = low | uint64_t(i.a) << 24 | uint64_t(i.b) << 29 |
             uint64_t(i.c) << 34 | uint64_t(i.kernelHeight) << 39 |
             uint64_t(i.kernelWidth) << 43 | uint64_t(i.stride) << 47 |
             uint64_t(i.engine) << 50 | uint64_t(i.n) << 53;
  words[1] = i.address | uint64_t(i.entry) << 32 | uint64_t(i.block) << 48;
}

/// The fields of any two words; what they must be is the verifier's matter.
inline Instruction decode(const uint64_t words[2]) {
  auto field = [&](unsigned shift, unsigned bits) {
    return unsigned(words[0] >> shift & ((uint64_t(1) << bits) - 1));
  };
  Instruction i;
  i.opcode = Opcode(field(0, 6));
  i.waits = field(6, 5);
  i.signals = field(11, 5);
  i.flags = field(16, 8);
  i.address = uint32_t(words[1]);
  if (i.opcode == Opcode::LoadW) {
    i.length = field(24, 30);
    i.place = uint32_t(words[1] >> 32);
    return i;
  }
  i.a = field(24, 5);
  i.b = field(29, 5);
  i.c = field(34, 5);
  i.kernelHeight = field(39, 4);
  i.kernelWidth = field(43, 4);
  i.stride = field(47, 3);
  i.engine = Engine(field(50, 3));
  i.n = field(53, 7);
  i.entry = uint16_t(words[1] >> 32);
  i.block = uint16_t(words[1] >> 48);
  return i;
}

/// The queue of an instruction; SetD and Halt are the sequencer's and have
/// none.
inline Engine getEngine(const Instruction &i) {
  switch (i.opcode) {
  case Opcode::LoadW:
  case Opcode::LoadA:
  case Opcode::Load:
    return Engine::DmaIn;
  case Opcode::Store:
    return Engine::DmaOut;
  case Opcode::Conv:
    return Engine::Matrix;
  case Opcode::DwConv:
    return Engine::Depthwise;
  case Opcode::Sync:
    return i.engine;
  default:
    return Engine::Vector;
  }
}

//===----------------------------------------------------------------------===//
// Cycles
//===----------------------------------------------------------------------===//

/// The window's output size along one axis; 0 if the window does not fit.
constexpr uint32_t getOutputSize(uint32_t padded, uint32_t kernel,
                                 uint32_t stride) {
  return padded < kernel ? 0 : (padded - kernel) / stride + 1;
}

/// What an instruction costs its engine. `busy` cycles keep the next one of the
/// engine from starting; `latency` more pass until its results count. `prepare`
/// cycles of loading weights run beside the instruction before, as soon as that
/// one has begun its last tile (`shadow` cycles before its end).
struct Cost {
  uint64_t busy = 0, latency = 0, prepare = 0, shadow = 0;
};

/// Conv: each weight tile streams all positions, and is loaded (one row a
/// cycle) while the one before streams. `tiles` weight tiles of `positions`
/// positions.
inline Cost getConvCost(const Machine &machine, uint64_t tiles,
                        uint64_t positions) {
  uint64_t fill = machine.rows + machine.columns - 2;
  if (!machine.overlap)
    return {tiles * (positions + machine.rows + fill), 0, 0, 0};
  uint64_t tile = std::max<uint64_t>(positions, machine.rows);
  return {tiles * tile, fill, machine.rows, tile};
}

/// DwConv: lines roll through the unit, so each input pixel is read once, one
/// pixel of `lanes` channels a cycle, and gives at most one output a cycle.
inline Cost getDwConvCost(const Machine &machine, const Descriptor &input,
                          uint32_t channels, uint32_t taps, uint64_t outputs) {
  uint64_t pixels =
      std::max<uint64_t>(uint64_t(input.rows) * input.columns, outputs) *
      ((channels + machine.lanes - 1) / machine.lanes);
  return {pixels, machine.vectorStartup, taps, pixels};
}

/// An instruction of the vector unit over `vectors` vectors.
inline Cost getVectorCost(const Machine &machine, uint64_t vectors) {
  return {vectors + machine.vectorStartup, 0, 0, 0};
}

/// A transfer; `busy` cycles of the memory that all transfers share.
inline Cost getTransferCost(const Machine &machine, uint64_t bytes) {
  return {(bytes + machine.dramBytesPerCycle - 1) / machine.dramBytesPerCycle,
          machine.dramLatency, 0, 0};
}

/// Instructions come from DRAM in pieces of this size, the next piece while the
/// sequencer works through one.
inline constexpr uint32_t kFetchBytes = 2048;

//===----------------------------------------------------------------------===//
// What an instruction touches
//===----------------------------------------------------------------------===//

/// An instruction with the descriptors that its registers hold.
struct Operation {
  Instruction code;
  Descriptor a, b, c;
};

enum class Space : uint8_t {
  Activation,
  Weight,
  Accumulator, // in entries
  Dram,        // one for each Segment from here on
};
inline constexpr unsigned kSpaces = 7;

/// Bytes (or entries) [begin, end) of a memory that an instruction reads or
/// writes. Exact but for gaps between the pixels or rows of a descriptor.
struct Region {
  Space space;
  bool isWrite;
  uint64_t begin, end;
};

/// The blocks of an operand that an instruction means: all, or one.
struct BlockRange {
  uint32_t begin, end;
};
inline BlockRange getBlocks(const Instruction &code, const Descriptor &tensor) {
  if (code.flags & kFlagBlock)
    return {code.block, code.block + 1u};
  return {0, tensor.blocks};
}

/// Positions of the result of a window over `input`.
inline uint64_t getPositions(const Instruction &code, const Descriptor &input) {
  return uint64_t(getOutputSize(input.padTop + input.rows + input.padBottom,
                                code.kernelHeight, code.stride)) *
         getOutputSize(input.padLeft + input.columns + input.padRight,
                       code.kernelWidth, code.stride);
}

/// The length of Conv's contraction.
inline uint64_t getContraction(const Instruction &code,
                               const Descriptor &input) {
  BlockRange blocks = getBlocks(code, input);
  uint64_t channels = input.channelsOf(blocks.end - 1) +
                      uint64_t(blocks.end - blocks.begin - 1) * input.channels;
  return channels * code.kernelHeight * code.kernelWidth;
}

/// The weight tiles of Conv's contraction: taps and channels of each block of
/// the input are packed along the array's rows.
inline uint64_t getConvTiles(const Machine &machine, const Descriptor &input,
                             BlockRange blocks, uint32_t taps) {
  auto tiles = [&](uint64_t channels) {
    return (taps * channels + machine.rows - 1) / machine.rows;
  };
  return (blocks.end - blocks.begin - 1) * tiles(input.channels) +
         tiles(input.channelsOf(blocks.end - 1));
}

/// Calls `visit` with each piece of memory that the blocks of a tensor take.
template <typename Visitor>
void visitTensor(const Descriptor &tensor, BlockRange blocks, bool isWrite,
                 Visitor &&visit) {
  for (uint32_t block = blocks.begin; block < blocks.end; ++block) {
    uint64_t base = tensor.base + uint64_t(block) * tensor.blockPitch;
    uint64_t width = uint64_t(tensor.columns - 1) * tensor.pixelPitch +
                     tensor.channelsOf(block);
    auto rows = [&](uint64_t first, uint64_t count) {
      visit(Region{Space::Activation, isWrite, base + first * tensor.rowPitch,
                   base + (first + count - 1) * tensor.rowPitch + width});
    };
    uint64_t last = uint64_t(tensor.firstRow) + tensor.rows;
    if (!tensor.ringRows || last <= tensor.ringRows) {
      rows(tensor.firstRow, tensor.rows);
      continue;
    }
    rows(tensor.firstRow, tensor.ringRows - tensor.firstRow);
    rows(0, last - tensor.ringRows);
  }
}

/// Bytes of the blocks of a tensor, as a transfer moves them: blocks, rows,
/// columns, channels, without gaps.
inline uint64_t getTensorBytes(const Descriptor &tensor, BlockRange blocks) {
  uint64_t channels = tensor.channelsOf(blocks.end - 1) +
                      uint64_t(blocks.end - blocks.begin - 1) * tensor.channels;
  return channels * tensor.rows * tensor.columns;
}

/// Calls `visit` with every Region of a well-formed operation. Hazards between
/// instructions are overlaps of regions, for the scheduler as for the
/// simulator.
template <typename Visitor>
void visitRegions(const Operation &op, Visitor &&visit) {
  const Instruction &code = op.code;
  auto range = [&](Space space, bool isWrite, uint64_t begin, uint64_t size) {
    visit(Region{space, isWrite, begin, begin + size});
  };
  auto dram = [&](Segment segment) {
    return Space(unsigned(Space::Dram) + unsigned(segment));
  };
  // Transfers use the two low bits of the flags for the segment.
  BlockRange one{code.block, code.block + 1u};
  uint64_t outputs = uint64_t(op.a.rows) * op.a.columns;
  switch (code.opcode) {
  case Opcode::Halt:
  case Opcode::SetD:
  case Opcode::Sync:
    return;
  case Opcode::LoadW:
    range(dram(Segment::Weights), false, code.address, code.length);
    range(Space::Weight, true, code.place, code.length);
    return;
  case Opcode::LoadA:
    range(dram(Segment::Weights), false, code.address,
          uint64_t(code.block) * code.n * 4);
    range(Space::Accumulator, true, code.entry, code.block);
    return;
  case Opcode::Load:
  case Opcode::Store: {
    bool isStore = code.opcode == Opcode::Store;
    range(dram(Segment(code.flags & 3)), isStore, code.address,
          getTensorBytes(op.a, one));
    visitTensor(op.a, one, !isStore, visit);
    return;
  }
  case Opcode::Conv: {
    visitTensor(op.a, getBlocks(code, op.a), false, visit);
    if (code.flags & kFlagStationary)
      visitTensor(op.b, {0, op.b.blocks}, false, visit);
    else
      range(Space::Weight, false, code.address,
            getContraction(code, op.a) * code.n);
    uint64_t positions = getPositions(code, op.a);
    if (code.flags & kFlagAccumulate)
      range(Space::Accumulator, false, code.entry, positions);
    range(Space::Accumulator, true, code.entry, positions);
    return;
  }
  case Opcode::DwConv:
    visitTensor(op.a, one, false, visit);
    range(Space::Weight, false, code.address,
          uint64_t(code.kernelHeight) * code.kernelWidth *
              op.a.channelsOf(code.block));
    range(Space::Accumulator, true, code.entry, getPositions(code, op.a));
    return;
  case Opcode::Requant:
    range(Space::Weight, false, code.address,
          getParameterBytes(code.flags, op.a.channelsOf(code.block)));
    if (code.flags & kFlagBytes)
      visitTensor(op.c, one, false, visit);
    else
      range(Space::Accumulator, false, code.entry, outputs);
    if (code.flags & kFlagAddend)
      visitTensor(op.b, one, false, visit);
    if (code.flags & kFlagRows)
      visitTensor(op.c, {0, 1}, false, visit);
    visitTensor(op.a, one, true, visit);
    return;
  case Opcode::Lookup:
    range(Space::Weight, false, code.address, 256);
    visitTensor(op.b, one, false, visit);
    visitTensor(op.a, one, true, visit);
    return;
  case Opcode::Scale:
    visitTensor(op.a, one, false, visit);
    visitTensor(op.b, one, false, visit);
    range(Space::Accumulator, true, code.entry, outputs);
    return;
  case Opcode::Pool:
    visitTensor(op.a, {0, op.a.blocks}, false, visit);
    range(Space::Accumulator, true, code.entry, op.a.blocks);
    return;
  case Opcode::RowMax:
    range(Space::Accumulator, false, code.entry,
          uint64_t(op.c.rows) * op.c.columns * code.block);
    visitTensor(op.c, {0, 1}, true, visit);
    return;
  case Opcode::Exp:
    range(Space::Accumulator, false, code.entry, outputs * op.a.blocks);
    range(Space::Weight, false, code.address, kExpBytes);
    visitTensor(op.c, {0, 1}, false, visit);
    visitTensor(op.c, {0, 1}, true, visit);
    visitTensor(op.a, {0, op.a.blocks}, true, visit);
    return;
  }
}

/// What a well-formed operation costs its engine.
inline Cost getCost(const Machine &machine, const Operation &op) {
  const Instruction &code = op.code;
  BlockRange one{code.block, code.block + 1u};
  uint64_t outputs = uint64_t(op.a.rows) * op.a.columns;
  auto vectors = [&](uint64_t positions, uint64_t channels) {
    return positions * ((channels + machine.lanes - 1) / machine.lanes);
  };
  switch (code.opcode) {
  case Opcode::Halt:
  case Opcode::SetD:
  case Opcode::Sync:
    return {};
  case Opcode::LoadW:
    return getTransferCost(machine, code.length);
  case Opcode::LoadA:
    return getTransferCost(machine, uint64_t(code.block) * code.n * 4);
  case Opcode::Load:
  case Opcode::Store:
    return getTransferCost(machine, getTensorBytes(op.a, one));
  case Opcode::Conv:
    return getConvCost(machine,
                       getConvTiles(machine, op.a, getBlocks(code, op.a),
                                    code.kernelHeight * code.kernelWidth),
                       getPositions(code, op.a));
  case Opcode::DwConv:
    return getDwConvCost(machine, op.a, op.a.channelsOf(code.block),
                         code.kernelHeight * code.kernelWidth,
                         getPositions(code, op.a));
  case Opcode::Requant:
  case Opcode::Lookup:
  case Opcode::Scale:
    return getVectorCost(machine,
                         vectors(outputs, op.a.channelsOf(code.block)));
  case Opcode::Pool:
    return getVectorCost(machine,
                         op.a.blocks * vectors(outputs, op.a.channels));
  case Opcode::RowMax:
    return getVectorCost(machine, uint64_t(op.c.rows) * op.c.columns *
                                      code.block * vectors(1, kMaxLanes));
  case Opcode::Exp:
    return getVectorCost(machine,
                         op.a.blocks * vectors(outputs, op.a.channels));
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

// The fixed form of mobile.requantize and mobile.attention; 32-bit results
// wrap.

/// (value * factor + 2^(bits-1)) >> bits in 64 bits.
inline int32_t multiplyHigh(int32_t value, int32_t factor, unsigned bits) {
  return int32_t((int64_t(value) * factor + (int64_t(1) << (bits - 1))) >>
                 bits);
}

/// The factor of a row of softmax weights of the sum `sum`, at least 128.
inline int32_t getRowFactor(int32_t sum, int32_t factor) {
  uint32_t reciprocal = 0xffffffffu / uint32_t(std::max(sum, 128));
  return multiplyHigh(int32_t(reciprocal), factor, 31);
}

/// The last steps: from the scaled sum to a byte.
inline int8_t roundToByte(const RequantHeader &header, int32_t scaled) {
  unsigned shift = header.getRight();
  int64_t half = (int64_t(1) << shift) >> 1;
  int64_t value = ((scaled + half) >> shift) + header.zero;
  return int8_t(
      std::max<int64_t>(header.low, std::min<int64_t>(value, header.high)));
}

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

/// An input or output: where its bytes lie in the Input or Output segment, by
/// blocks of `blockChannels` channels: [block][row][column][channel].
struct Port {
  uint32_t offset = 0, rows = 1, columns = 1, channels = 1, blockChannels = 1;
  int32_t zero = 0;
  float scale = 1;              // real = scale * (byte - zero)
  uint32_t isChannelsFirst = 0; // the caller's tensor is [channel][row][column]
};

/// What the code section of a program begins with. After it come the ports, the
/// slots of the three streams, then one 16-bit number a slot: the call of the
/// program's description that it belongs to. Weights are a section of their
/// own.
struct ProgramHeader {
  char magic[4] = {'E', 'X', '1', 'b'};
  uint32_t version = 1;
  Machine machine;
  uint32_t inputBytes = 0, outputBytes = 0; // of all inputs, all outputs
  uint32_t scratchBytes = 0; // DRAM for what does not fit on chip
  // Slots of: a whole inference; the loading of resident weights, and an
  // inference that finds them there (both 0 where they do not fit).
  uint32_t slots = 0, loadSlots = 0, warmSlots = 0;
  uint32_t inputs = 0, outputs = 0; // ports
};
static_assert(sizeof(ProgramHeader) == 88, "written as it is");
static_assert(sizeof(Port) == 32, "written as it is");

} // namespace minnow::etpu

#endif // MINNOW_RUNTIME_ABI_ETPU_H
