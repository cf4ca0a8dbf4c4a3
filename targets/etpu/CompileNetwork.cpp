//===- CompileNetwork.cpp - from a network to the sections of a program ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/etpu/Plan.h"
#include "targets/etpu/Schedule.h"

using namespace minnow;
using namespace minnow::etpu;

/// Puts a layer in front that brings each input on chip, strip by strip.
static void addInputs(Network &network) {
  for (int input : network.inputs) {
    Layer layer;
    layer.kind = LayerKind::Input;
    layer.name = "input";
    layer.output = input;
    network.layers.insert(network.layers.begin(), layer);
  }
}

/// The loading of all weights at once, for inferences that find them on chip.
static Slots scheduleLoading(const Machine &machine, uint32_t bytes) {
  std::vector<Task> tasks;
  const uint32_t kPiece = 65536;
  for (uint32_t begin = 0; begin < bytes; begin += kPiece) {
    Task task;
    Instruction &code = task.op.code;
    code.opcode = Opcode::LoadW;
    code.address = code.place = begin;
    code.length = std::min(kPiece, bytes - begin);
    tasks.push_back(task);
  }
  return schedule(machine, std::move(tasks));
}

static std::vector<Port> makePorts(const Network &network,
                                   ProgramHeader &header) {
  std::vector<Port> ports;
  auto add = [&](int tensor, uint32_t &bytes) {
    const Tensor &map = network.tensors[tensor];
    size_t i = ports.size();
    Port port;
    port.offset = bytes;
    port.rows = map.rows;
    port.columns = map.columns;
    port.channels = map.channels;
    port.blockChannels = map.blockChannels;
    port.scale = network.scales[i];
    port.zero = network.zeros[i];
    port.isChannelsFirst = network.isChannelsFirst[i];
    bytes += map.rows * map.columns * map.channels;
    ports.push_back(port);
  };
  for (int tensor : network.inputs)
    add(tensor, header.inputBytes);
  for (int tensor : network.outputs)
    add(tensor, header.outputBytes);
  header.inputs = network.inputs.size();
  header.outputs = network.outputs.size();
  return ports;
}

namespace {

/// A network cut into strips of one size.
struct Attempt {
  Plan plan;
  Slots slots;

  /// Cycles, and those in which the program comes from DRAM.
  uint64_t getCost(const Machine &machine) const {
    return slots.cycles + getTransferCost(machine, slots.code.size()).busy;
  }
};

} // namespace

/// The sizes that are tried: short strips let a layer begin earlier on the one
/// before it, long ones load weights into the array less often; with less
/// memory layers run interleaved, which keeps all engines at work.
static std::vector<StripSize> getSizes(const Machine &machine) {
  std::vector<StripSize> sizes;
  for (uint64_t eighths : {5, 8})
    for (uint32_t positions : {512, 256, 128, 96, 64})
      sizes.push_back({positions, machine.activationBytes * eighths / 8});
  return sizes;
}

/// Of all sizes of strips the one that is fastest. Empty `error` if one could
/// be compiled.
static Attempt chooseStrips(const Machine &machine, const Network &network,
                            const WeightSection &section,
                            const std::vector<Port> &ports,
                            std::string &error) {
  Attempt best;
  for (const StripSize &size : getSizes(machine)) {
    std::string refused;
    Attempt attempt;
    attempt.plan = planNetwork(machine, network, size, refused);
    std::vector<Task> tasks;
    if (refused.empty())
      tasks =
          lower(machine, network, attempt.plan, section, ports, false, refused);
    if (!refused.empty()) {
      error = refused;
      continue;
    }
    attempt.slots = schedule(machine, std::move(tasks));
    if (best.slots.code.empty() ||
        attempt.getCost(machine) < best.getCost(machine))
      best = std::move(attempt);
  }
  if (!best.slots.code.empty())
    error.clear();
  return best;
}

CompiledProgram etpu::compileNetwork(const Machine &machine, Network network,
                                     std::string &error) {
  CompiledProgram program;
  addInputs(network);
  chooseBlocks(machine, network, error);
  if (!error.empty())
    return program;
  WeightSection section = packWeights(network);
  ProgramHeader header;
  header.machine = machine;
  std::vector<Port> ports = makePorts(network, header);

  Attempt best = chooseStrips(machine, network, section, ports, error);
  if (!error.empty())
    return program;
  const Plan &plan = best.plan;
  Slots streams[3] = {std::move(best.slots), {}, {}};
  program.isResident = section.chipBytes <= machine.weightBytes;
  if (program.isResident) {
    streams[1] = scheduleLoading(machine, section.chipBytes);
    streams[2] = schedule(
        machine, lower(machine, network, plan, section, ports, true, error));
  }
  header.slots = streams[0].getCount();
  header.loadSlots = streams[1].getCount();
  header.warmSlots = streams[2].getCount();

  program.code.assign(reinterpret_cast<const char *>(&header), sizeof header);
  program.code.append(reinterpret_cast<const char *>(ports.data()),
                      ports.size() * sizeof(Port));
  for (const Slots &stream : streams)
    program.code += stream.code;
  for (const Slots &stream : streams)
    program.code += stream.calls;
  program.weights = std::move(section.bytes);
  program.weightBytes = section.pureBytes;
  program.activationBytes = plan.bytes;
  for (unsigned i = 0; i < plan.segment.size(); ++i)
    program.segments += i == 0 || plan.segment[i] != plan.segment[i - 1];
  return program;
}
