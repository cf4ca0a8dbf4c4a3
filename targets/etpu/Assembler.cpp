//===- Assembler.cpp - between etpu ops and the binary --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops and instructions have the same field names, so one table serves both
// directions.
//===----------------------------------------------------------------------===//
#include "targets/etpu/Assembler.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace minnow;
namespace ir = minnow::etpu::ir;
using etpu::Descriptor;
using etpu::Instruction;
using etpu::kSlotBytes;
using etpu::Opcode;
using etpu::Port;
using llvm::StringRef;

namespace {

/// An op's name, by opcode.
const StringRef kNames[etpu::kOpcodes] = {"etpu.halt",
                                          "etpu.set_descriptor",
                                          "etpu.sync",
                                          "etpu.load_weights",
                                          "etpu.load_accumulators",
                                          "etpu.load",
                                          "etpu.store",
                                          "etpu.conv",
                                          "etpu.dwconv",
                                          "etpu.requant",
                                          "etpu.lookup",
                                          "etpu.pool",
                                          "etpu.row_max",
                                          "etpu.exp",
                                          "etpu.scale"};

/// A field of an instruction as a number: its name, what it may be at most, and
/// how to reach it.
struct Field {
  StringRef name;
  uint32_t limit;
  uint32_t (*get)(const Instruction &);
  void (*set)(Instruction &, uint32_t);
};
#define MINNOW_FIELD(NAME, LIMIT)                                              \
  Field {                                                                      \
    #NAME, LIMIT, [](const Instruction &i) { return uint32_t(i.NAME); },       \
        [](Instruction &i, uint32_t value) {                                   \
          i.NAME = decltype(i.NAME)(value);                                    \
        }                                                                      \
  }
const Field kFields[] = {
    MINNOW_FIELD(waits, 31),
    MINNOW_FIELD(signals, 31),
    MINNOW_FIELD(flags, 255),
    Field{"segment", 3, [](const Instruction &i) { return uint32_t(i.flags); },
          [](Instruction &i, uint32_t value) { i.flags = uint8_t(value); }},
    MINNOW_FIELD(a, 31),
    MINNOW_FIELD(b, 31),
    MINNOW_FIELD(c, 31),
    MINNOW_FIELD(kernelHeight, 15),
    MINNOW_FIELD(kernelWidth, 15),
    MINNOW_FIELD(stride, 7),
    MINNOW_FIELD(engine, 7),
    MINNOW_FIELD(n, 127),
    MINNOW_FIELD(address, ~0u),
    MINNOW_FIELD(entry, 65535),
    MINNOW_FIELD(block, 65535),
    MINNOW_FIELD(length, 0x3fffffff),
    MINNOW_FIELD(place, ~0u)};
#undef MINNOW_FIELD

/// The numbers of a machine, in the order of etpu::Machine.
SmallVector<unsigned> getNumbers(ir::MachineAttr machine) {
  return {machine.getClockMhz(),        machine.getRows(),
          machine.getColumns(),         machine.getLanes(),
          machine.getActivationBytes(), machine.getWeightBytes(),
          machine.getAccumulators(),    machine.getDramBytesPerCycle(),
          machine.getDramLatency(),     machine.getVectorStartup(),
          machine.getQueueDepth(),      machine.getOverlap()};
}

Descriptor toDescriptor(ir::TensorAttr tensor) {
  Descriptor d;
  d.base = tensor.getBase();
  d.rows = tensor.getRows();
  d.columns = tensor.getColumns();
  d.channels = tensor.getChannels();
  d.lastChannels = tensor.getLastChannels();
  d.blocks = tensor.getBlocks();
  d.rowPitch = tensor.getRowPitch();
  d.blockPitch = tensor.getBlockPitch();
  d.pixelPitch = tensor.getPixelPitch();
  d.ringRows = tensor.getRingRows();
  d.firstRow = tensor.getFirstRow();
  ArrayRef<unsigned> pads = tensor.getPads();
  if (pads.size() == 4) {
    d.padTop = pads[0];
    d.padBottom = pads[1];
    d.padLeft = pads[2];
    d.padRight = pads[3];
  }
  d.padValue = tensor.getPadValue();
  d.isUnsigned = tensor.getIsUnsigned();
  return d;
}

ir::TensorAttr toAttribute(MLIRContext *context, const Descriptor &d) {
  unsigned pads[] = {d.padTop, d.padBottom, d.padLeft, d.padRight};
  return ir::TensorAttr::get(context, d.base, d.rows, d.columns, d.channels,
                             d.lastChannels, d.blocks, d.rowPitch, d.blockPitch,
                             d.pixelPitch, d.ringRows, d.firstRow, pads,
                             d.padValue, d.isUnsigned);
}

Port toPort(ir::PortAttr port) {
  return {port.getOffset(),
          port.getRows(),
          port.getColumns(),
          port.getChannels(),
          port.getBlockChannels(),
          port.getZero(),
          float(port.getScale().getValueAsDouble()),
          port.getIsChannelsFirst()};
}

Attribute toAttribute(Builder &builder, const Port &port) {
  return ir::PortAttr::get(builder.getContext(), port.offset, port.rows,
                           port.columns, port.channels, port.blockChannels,
                           port.zero, builder.getF32FloatAttr(port.scale),
                           port.isChannelsFirst);
}

/// Appends the slots and calls of streams.
class Writer {
public:
  LogicalResult add(Region &stream, uint32_t &slots);
  std::string code, calls;

private:
  LogicalResult add(Operation *op);
  void addSlot(const void *bytes, uint16_t call) {
    code.append(static_cast<const char *>(bytes), kSlotBytes);
    calls.append(reinterpret_cast<const char *>(&call), 2);
  }
};

} // namespace

LogicalResult Writer::add(Operation *op) {
  const auto *name = llvm::find(kNames, op->getName().getStringRef());
  if (name == std::end(kNames))
    return op->emitOpError("is no instruction");
  Instruction instruction;
  instruction.opcode = Opcode(name - kNames);
  instruction.engine = etpu::Engine::DmaIn;
  if (instruction.opcode != Opcode::Conv)
    instruction.kernelHeight = instruction.kernelWidth = instruction.stride = 0;
  for (const Field &field : kFields) {
    Attribute attribute = op->getAttr(field.name);
    if (!attribute)
      continue;
    uint32_t value;
    if (auto engines = dyn_cast<ir::EngineSetAttr>(attribute))
      value = uint32_t(engines.getValue());
    else if (auto flags = dyn_cast<ir::FlagSetAttr>(attribute))
      value = uint32_t(flags.getValue());
    else if (auto segment = dyn_cast<ir::SegmentAttr>(attribute))
      value = uint32_t(segment.getValue());
    else if (auto engine = dyn_cast<ir::EngineAttr>(attribute))
      value = uint32_t(engine.getValue());
    else
      value = uint32_t(cast<IntegerAttr>(attribute).getInt());
    if (value > field.limit)
      return op->emitOpError("the field ")
             << field.name << " is " << value << ", the encoding takes "
             << field.limit << " at most";
    field.set(instruction, value);
  }
  uint16_t call = 0;
  if (auto attribute = op->getAttrOfType<IntegerAttr>("call"))
    call = attribute.getInt();
  uint64_t words[2];
  encode(instruction, words);
  addSlot(words, call);
  if (auto set = dyn_cast<ir::SetDescriptorOp>(op)) {
    Descriptor descriptor = toDescriptor(set.getTensor());
    if (toAttribute(op->getContext(), descriptor) != set.getTensor())
      return op->emitOpError("a number of the descriptor does not fit its "
                             "bits, or there are not four pads");
    const char *bytes = reinterpret_cast<const char *>(&descriptor);
    addSlot(bytes, call);
    addSlot(bytes + kSlotBytes, call);
  }
  return success();
}

LogicalResult Writer::add(Region &stream, uint32_t &slots) {
  size_t before = code.size();
  for (Operation &op : stream.getOps())
    if (failed(add(&op)))
      return failure();
  slots = (code.size() - before) / kSlotBytes;
  return success();
}

FailureOr<std::string> etpu::assemble(ir::ProgramOp program) {
  etpu::ProgramHeader header;
  SmallVector<unsigned> numbers = getNumbers(program.getMachine());
  static_assert(sizeof(etpu::Machine) == 12 * sizeof(uint32_t),
                "see getNumbers");
  std::memcpy(static_cast<void *>(&header.machine), numbers.data(),
              sizeof header.machine);
  header.inputBytes = program.getInputBytes();
  header.outputBytes = program.getOutputBytes();
  header.scratchBytes = program.getScratchBytes();
  Writer writer;
  if (failed(writer.add(program.getCold(), header.slots)) ||
      failed(writer.add(program.getLoad(), header.loadSlots)) ||
      failed(writer.add(program.getWarm(), header.warmSlots)))
    return failure();
  std::string ports;
  auto addPorts = [&](ArrayAttr attributes) {
    for (ir::PortAttr attribute : attributes.getAsRange<ir::PortAttr>()) {
      Port port = toPort(attribute);
      ports.append(reinterpret_cast<const char *>(&port), sizeof port);
    }
    return uint32_t(attributes.size());
  };
  header.inputs = addPorts(program.getInputs());
  header.outputs = addPorts(program.getOutputs());
  return std::string(reinterpret_cast<const char *>(&header), sizeof header) +
         ports + writer.code + writer.calls;
}

namespace {

/// Builds the ops of streams.
class StreamReader {
public:
  StreamReader(ir::ProgramOp program, StringRef code, StringRef calls)
      : program(program), builder(program.getContext()), code(code),
        calls(calls) {}
  llvm::Error read(Region &stream, uint32_t slots);

private:
  Attribute toAttribute(StringRef name, uint32_t value);

  ir::ProgramOp program;
  OpBuilder builder;
  StringRef code, calls;
  size_t slot = 0;
};

} // namespace

Attribute StreamReader::toAttribute(StringRef name, uint32_t value) {
  if (name == "waits" || name == "signals")
    return value ? ir::EngineSetAttr::get(builder.getContext(),
                                          ir::EngineSet(value))
                 : Attribute();
  if (name == "flags")
    return value
               ? ir::FlagSetAttr::get(builder.getContext(), ir::FlagSet(value))
               : Attribute();
  if (name == "segment")
    return ir::SegmentAttr::get(builder.getContext(), ir::Segment(value));
  if (name == "engine")
    return ir::EngineAttr::get(builder.getContext(), ir::Engine(value));
  return builder.getI32IntegerAttr(int32_t(value));
}

llvm::Error StreamReader::read(Region &stream, uint32_t slots) {
  builder.createBlock(&stream);
  for (size_t end = slot + slots; slot < end; ++slot) {
    uint64_t words[2];
    std::memcpy(words, code.data() + slot * kSlotBytes, sizeof words);
    Instruction instruction = etpu::decode(words);
    if (unsigned(instruction.opcode) >= etpu::kOpcodes)
      return llvm::createStringError(
          "instruction %zu: the opcode does not exist", slot);
    OperationState state(program.getLoc(),
                         kNames[unsigned(instruction.opcode)]);
    for (StringAttr name : state.name.getAttributeNames())
      for (const Field &field : kFields)
        if (field.name == name.getValue())
          if (Attribute value = toAttribute(name, field.get(instruction)))
            state.addAttribute(name, value);
    uint16_t call;
    std::memcpy(&call, calls.data() + slot * 2, 2);
    if (call)
      state.addAttribute("call", builder.getI32IntegerAttr(call));
    if (instruction.opcode == Opcode::SetD) {
      if (end - slot < 3)
        return llvm::createStringError("instruction %zu: the descriptor is cut "
                                       "off",
                                       slot);
      Descriptor descriptor;
      std::memcpy(&descriptor, code.data() + (slot + 1) * kSlotBytes,
                  sizeof descriptor);
      state.addAttribute("tensor",
                         ::toAttribute(builder.getContext(), descriptor));
      slot += 2;
    }
    builder.create(state);
  }
  return llvm::Error::success();
}

llvm::Expected<ir::ProgramOp> etpu::disassemble(ModuleOp module, StringRef name,
                                                StringRef bytes) {
  etpu::ProgramHeader header;
  if (bytes.size() < sizeof header ||
      std::memcmp(bytes.data(), header.magic, sizeof header.magic) != 0)
    return llvm::createStringError("this is no program of the EX1b machine");
  std::memcpy(&header, bytes.data(), sizeof header);
  uint64_t slots = uint64_t(header.slots) + header.loadSlots + header.warmSlots;
  uint64_t portBytes =
      (uint64_t(header.inputs) + header.outputs) * sizeof(Port);
  if (bytes.size() != sizeof header + portBytes + slots * (kSlotBytes + 2))
    return llvm::createStringError("the program's size is not what its header "
                                   "promises");
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  const etpu::Machine &m = header.machine;
  auto machine = ir::MachineAttr::get(
      builder.getContext(), m.clockMHz, m.rows, m.columns, m.lanes,
      m.activationBytes, m.weightBytes, m.accumulators, m.dramBytesPerCycle,
      m.dramLatency, m.vectorStartup, m.queueDepth, m.overlap);
  SmallVector<Attribute> ports;
  StringRef code = bytes.drop_front(sizeof header);
  for (; portBytes; portBytes -= sizeof(Port)) {
    Port port;
    std::memcpy(&port, code.data(), sizeof port);
    ports.push_back(::toAttribute(builder, port));
    code = code.drop_front(sizeof port);
  }
  auto split = ArrayRef<Attribute>(ports);
  auto program = ir::ProgramOp::create(
      builder, module.getLoc(), name, machine, header.inputBytes,
      header.outputBytes, header.scratchBytes,
      builder.getArrayAttr(split.take_front(header.inputs)),
      builder.getArrayAttr(split.drop_front(header.inputs)));
  StreamReader reader(program, code, code.drop_front(slots * kSlotBytes));
  std::pair<mlir::Region *, uint32_t> streams[] = {
      {&program.getCold(), header.slots},
      {&program.getLoad(), header.loadSlots},
      {&program.getWarm(), header.warmSlots}};
  for (auto [region, count] : streams)
    if (llvm::Error error = reader.read(*region, count))
      return error;
  return program;
}
