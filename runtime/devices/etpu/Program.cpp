//===- Program.cpp - reading and verifying a program of EX1b --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Program.h"

using namespace minnow;
using namespace minnow::etpu;

const char *etpu::getName(Opcode opcode) {
  static const char *const kNames[kOpcodes] = {"halt",
                                               "set_descriptor",
                                               "sync",
                                               "load_weights",
                                               "load_accumulators",
                                               "load",
                                               "store",
                                               "conv",
                                               "dwconv",
                                               "requant",
                                               "lookup",
                                               "pool",
                                               "row_max",
                                               "exp",
                                               "scale"};
  return kNames[unsigned(opcode)];
}

const char *etpu::getName(Engine engine) {
  static const char *const kNames[kEngines] = {"DMA in", "DMA out", "matrix",
                                               "depthwise", "vector"};
  return kNames[unsigned(engine)];
}

/// The contraction counter has 16 bits.
static constexpr uint64_t kMaxContraction = 65535;

namespace {

/// Verifies one stream and resolves its registers.
class Reader {
public:
  Reader(const ProgramHeader &header, uint64_t weightBytes)
      : machine(header.machine) {
    sizes[unsigned(Space::Activation)] = machine.activationBytes;
    sizes[unsigned(Space::Weight)] = machine.weightBytes;
    sizes[unsigned(Space::Accumulator)] = machine.accumulators;
    uint64_t *dram = sizes + unsigned(Space::Dram);
    dram[unsigned(Segment::Weights)] = weightBytes;
    dram[unsigned(Segment::Input)] = header.inputBytes;
    dram[unsigned(Segment::Output)] = header.outputBytes;
    dram[unsigned(Segment::Scratch)] = header.scratchBytes;
  }

  /// Null if all is well, else what is wrong with the instruction `slot`.
  const char *read(const uint8_t *bytes, const uint8_t *calls, uint32_t slots,
                   Stream &stream);
  uint32_t slot = 0;

private:
  const char *check(const Operation &op) const;
  const char *checkShapes(const Operation &op) const;
  const char *checkDescriptor(const Descriptor &tensor) const;
  const char *checkBlock(const Operation &op) const;

  const Machine &machine;
  uint64_t sizes[kSpaces];
};

} // namespace

const char *Reader::checkDescriptor(const Descriptor &tensor) const {
  if (!tensor.rows || !tensor.columns || !tensor.blocks)
    return "a descriptor has no elements";
  if (!tensor.channels || tensor.channels > machine.lanes ||
      !tensor.lastChannels || tensor.lastChannels > tensor.channels)
    return "a descriptor's blocks are empty or wider than the lanes";
  if (tensor.ringRows &&
      (tensor.firstRow >= tensor.ringRows || tensor.rows > tensor.ringRows))
    return "a descriptor's rows do not fit its ring";
  if (!tensor.ringRows && tensor.firstRow)
    return "a descriptor without a ring has a first row";
  return nullptr;
}

/// Checks the block number of what works on one block.
const char *Reader::checkBlock(const Operation &op) const {
  return op.code.block < op.a.blocks ? nullptr : "the block does not exist";
}

/// Whether two operands have the same positions and channels in their block.
static bool isAlike(const Instruction &code, const Descriptor &a,
                    const Descriptor &b) {
  return a.rows == b.rows && a.columns == b.columns && code.block < b.blocks &&
         a.channelsOf(code.block) == b.channelsOf(code.block);
}

/// Whether `rows` can be the row table of `positions` rows.
static bool isRowTable(const Descriptor &rows, uint64_t positions) {
  return rows.blocks == 1 && rows.channels == sizeof(RowEntry) &&
         uint64_t(rows.rows) * rows.columns == positions;
}

const char *Reader::checkShapes(const Operation &op) const {
  const Instruction &code = op.code;
  uint64_t outputs = uint64_t(op.a.rows) * op.a.columns;
  switch (code.opcode) {
  case Opcode::Halt:
  case Opcode::SetD:
  case Opcode::Pool:
    return nullptr;
  case Opcode::Sync:
    return unsigned(code.engine) < kEngines ? nullptr
                                            : "the engine does not exist";
  case Opcode::LoadW:
    return code.length ? nullptr : "nothing is to be loaded";
  case Opcode::LoadA:
    return code.block && code.n && code.n <= kMaxLanes
               ? nullptr
               : "nothing is to be loaded, or more than the lanes";
  case Opcode::Load:
    if (Segment(code.flags & 3) == Segment::Output)
      return "the output cannot be loaded";
    return checkBlock(op);
  case Opcode::Store:
    if (Segment(code.flags & 3) == Segment::Weights ||
        Segment(code.flags & 3) == Segment::Input)
      return "only the output and scratch memory can be stored to";
    return checkBlock(op);
  case Opcode::Conv:
    if ((code.flags & kFlagBlock) && checkBlock(op))
      return checkBlock(op);
    if (!code.n || code.n > machine.columns)
      return "the output channels are none or more than the array's columns";
    if (!code.kernelHeight || !code.kernelWidth || !code.stride)
      return "the window or its stride is zero";
    if (!getPositions(code, op.a))
      return "the window does not fit the input";
    if (getContraction(code, op.a) > kMaxContraction)
      return "the contraction is longer than 65535";
    if (code.flags & kFlagStationary) {
      uint64_t rows = uint64_t(op.b.rows) * op.b.columns;
      uint64_t channels = op.b.totalChannels();
      if (code.flags & kFlagTranspose)
        std::swap(rows, channels);
      if (rows != getContraction(code, op.a) || channels != code.n ||
          op.b.blocks != 1)
        return "the stationary operand does not fit the contraction";
    } else if (op.a.isUnsigned) {
      return "only products of two activations take unsigned bytes";
    }
    return nullptr;
  case Opcode::DwConv:
    if (!code.kernelHeight || !code.kernelWidth || !code.stride)
      return "the window or its stride is zero";
    if (!getPositions(code, op.a))
      return "the window does not fit the input";
    return checkBlock(op);
  case Opcode::Requant:
    if (checkBlock(op))
      return checkBlock(op);
    if ((code.flags & kFlagAddend) && !isAlike(code, op.a, op.b))
      return "the addend's shape is not the result's";
    if ((code.flags & kFlagBytes) && (code.flags & kFlagRows))
      return "bytes have no row table";
    if ((code.flags & kFlagBytes) && !isAlike(code, op.a, op.c))
      return "the operand's shape is not the result's";
    if ((code.flags & kFlagRows) && !isRowTable(op.c, outputs))
      return "the row table has not one entry of 8 bytes a position";
    return nullptr;
  case Opcode::Lookup:
    if (checkBlock(op))
      return checkBlock(op);
    if (!isAlike(code, op.a, op.b))
      return "the operand's shape is not the result's";
    return nullptr;
  case Opcode::Scale:
    if (checkBlock(op))
      return checkBlock(op);
    if (uint32_t(op.b.rows) * op.b.columns != 1 || code.block >= op.b.blocks ||
        op.a.channelsOf(code.block) != op.b.channelsOf(code.block))
      return "the factors are not one a channel";
    return nullptr;
  case Opcode::RowMax:
    if (!isRowTable(op.c, uint64_t(op.c.rows) * op.c.columns))
      return "the row table has not one entry of 8 bytes a position";
    if (!code.block || !code.n || code.n > machine.columns)
      return "there are no logits, or more a block than columns";
    return nullptr;
  case Opcode::Exp:
    if (!isRowTable(op.c, outputs))
      return "the row table has not one entry of 8 bytes a position";
    return nullptr;
  }
  return nullptr;
}

const char *Reader::check(const Operation &op) const {
  for (const Descriptor *tensor : {&op.a, &op.b, &op.c})
    if (const char *wrong = checkDescriptor(*tensor))
      return wrong;
  if (const char *wrong = checkShapes(op))
    return wrong;
  static const char *const kOutside[kSpaces] = {
      "an address lies outside of the activation memory",
      "an address lies outside of the weight memory",
      "an entry lies outside of the accumulators",
      "an address lies outside of the weight section",
      "an address lies outside of the input",
      "an address lies outside of the output",
      "an address lies outside of the scratch memory"};
  const char *wrong = nullptr;
  visitRegions(op, [&](const Region &region) {
    unsigned space = unsigned(region.space);
    if (region.end > sizes[space] || region.begin > region.end)
      wrong = kOutside[space];
  });
  return wrong;
}

const char *Reader::read(const uint8_t *bytes, const uint8_t *calls,
                         uint32_t slots, Stream &stream) {
  Descriptor registers[kRegisters];
  for (Descriptor &tensor : registers)
    tensor.pixelPitch = 1;
  stream.slots = slots;
  for (slot = 0; slot < slots; ++slot) {
    uint64_t words[2];
    std::memcpy(words, bytes + uint64_t(slot) * kSlotBytes, sizeof words);
    Step step;
    step.op.code = decode(words);
    const Instruction &code = step.op.code;
    if (unsigned(code.opcode) >= kOpcodes)
      return "the opcode does not exist";
    uint64_t again[2];
    encode(code, again);
    if (std::memcmp(words, again, sizeof words) != 0)
      return "bits that must be zero are set";
    if (code.opcode == Opcode::SetD) {
      if (slots - slot < 3)
        return "the descriptor is cut off";
      std::memcpy(&registers[code.a], bytes + (slot + 1ull) * kSlotBytes,
                  sizeof(Descriptor));
      if (const char *wrong = checkDescriptor(registers[code.a]))
        return wrong;
      slot += 2;
      continue;
    }
    step.op.a = registers[code.a];
    step.op.b = registers[code.b];
    step.op.c = registers[code.c];
    step.slot = slot;
    std::memcpy(&step.call, calls + uint64_t(slot) * 2, 2);
    if (const char *wrong = check(step.op))
      return wrong;
    stream.steps.push_back(step);
    if (code.opcode == Opcode::Halt)
      return slot + 1 == slots ? nullptr : "code follows the end";
  }
  return slots ? "the end is missing" : nullptr;
}

static bool isPortSound(const Port &port, uint64_t bytes) {
  uint64_t limit = 1u << 16;
  return port.rows && port.columns && port.channels && port.blockChannels &&
         port.rows <= limit && port.columns <= limit &&
         port.channels <= limit && port.blockChannels <= port.channels &&
         port.offset + uint64_t(port.rows) * port.columns * port.channels <=
             bytes;
}

minnow_status etpu::readProgram(const uint8_t *bytes, uint64_t size,
                                uint64_t weightBytes, Program &program,
                                minnow_error *error) {
  ProgramHeader &header = program.header;
  if (size < sizeof header || std::memcmp(bytes, header.magic, 4) != 0)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "the code is no program of the EX1b machine");
  std::memcpy(&header, bytes, sizeof header);
  if (header.version != ProgramHeader().version)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "the program is of version %u of the EX1b machine, this "
                "simulator of %u; compile it again",
                header.version, ProgramHeader().version);
  if (const char *wrong = checkMachine(header.machine))
    return fail(error, MINNOW_STATUS_BAD_FILE, "the program's machine: %s",
                wrong);
  uint64_t slots = uint64_t(header.slots) + header.loadSlots + header.warmSlots;
  uint64_t ports = uint64_t(header.inputs) + header.outputs;
  uint64_t promised =
      sizeof header + ports * sizeof(Port) + slots * (kSlotBytes + 2);
  if (size != promised)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "the code is %llu bytes, its header promises %llu",
                (unsigned long long)size, (unsigned long long)promised);
  if (header.inputBytes > 1u << 30 || header.outputBytes > 1u << 30 ||
      header.scratchBytes > 1u << 30)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "the program's buffers are larger than 1 GiB");
  const uint8_t *code = bytes + sizeof header;
  for (uint64_t i = 0; i < ports; ++i, code += sizeof(Port)) {
    bool isInput = i < header.inputs;
    Port port;
    std::memcpy(&port, code, sizeof port);
    if (!isPortSound(port, isInput ? header.inputBytes : header.outputBytes))
      return fail(error, MINNOW_STATUS_BAD_FILE,
                  "%s %llu of the program lies outside of its memory",
                  isInput ? "input" : "output",
                  (unsigned long long)(isInput ? i : i - header.inputs));
    (isInput ? program.inputs : program.outputs).push_back(port);
  }
  const uint8_t *calls = code + slots * kSlotBytes;
  struct {
    const char *name;
    uint32_t slots;
    Stream &stream;
  } streams[] = {{"", header.slots, program.cold},
                 {" of the loading", header.loadSlots, program.load},
                 {" of the warm run", header.warmSlots, program.warm}};
  if (!header.slots)
    return fail(error, MINNOW_STATUS_BAD_FILE, "the program has no code");
  for (auto &part : streams) {
    Reader reader(header, weightBytes);
    if (const char *wrong = reader.read(code, calls, part.slots, part.stream))
      return fail(error, MINNOW_STATUS_BAD_FILE, "instruction %u%s: %s",
                  reader.slot, part.name, wrong);
    code += uint64_t(part.slots) * kSlotBytes;
    calls += uint64_t(part.slots) * 2;
  }
  return MINNOW_STATUS_OK;
}
