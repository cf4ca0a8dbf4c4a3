//===- Driver.cpp - packages on the simulated EX1b ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Driver.h"
#include "runtime/devices/etpu/Attribution.h"
#include "runtime/devices/etpu/minnow_etpu.h"

#include <algorithm>
#include <new>

namespace minnow::etpu {

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

static minnow_status checkPorts(const std::vector<Port> &ports,
                                const std::vector<minnow_tensor_info> &tensors,
                                const char *what, minnow_error *error) {
  bool agree = ports.size() == tensors.size();
  for (size_t i = 0; agree && i < ports.size(); ++i)
    agree = tensors[i].type == MINNOW_TYPE_S8 &&
            tensors[i].elements ==
                uint64_t(ports[i].rows) * ports[i].columns * ports[i].channels;
  if (agree)
    return MINNOW_STATUS_OK;
  return fail(error, MINNOW_STATUS_BAD_FILE,
              "the program's %s are not those of the package's description: "
              "compile it again",
              what);
}

minnow_status loadSections(const Package &package,
                           const Description &description,
                           LoadedProgram &loaded, minnow_error *error) {
  std::string_view code;
  if (minnow_status status = package.find("program", 16, code, error))
    return status;
  if (minnow_status status = package.find("weights", 64, loaded.weights, error))
    return status;
  if (minnow_status status = readProgram(
          reinterpret_cast<const uint8_t *>(code.data()), code.size(),
          loaded.weights.size(), loaded.program, error))
    return status;
  if (minnow_status status = checkPorts(loaded.program.inputs,
                                        description.inputs, "inputs", error))
    return status;
  return checkPorts(loaded.program.outputs, description.outputs, "outputs",
                    error);
}

/// Calls `visit` with the places of each element in the tensor and the segment.
template <typename Visitor>
static void visitPort(const Port &port, Visitor visit) {
  uint64_t positions = uint64_t(port.rows) * port.columns;
  uint64_t at = port.offset;
  for (uint32_t first = 0; first < port.channels; first += port.blockChannels) {
    uint32_t end = std::min(first + port.blockChannels, port.channels);
    for (uint64_t p = 0; p < positions; ++p)
      for (uint32_t c = first; c < end; ++c)
        visit(port.isChannelsFirst ? c * positions + p : p * port.channels + c,
              at++);
  }
}

void toPort(const Port &port, const uint8_t *tensor, uint8_t *segment) {
  visitPort(port,
            [&](uint64_t from, uint64_t to) { segment[to] = tensor[from]; });
}

void fromPort(const Port &port, const uint8_t *segment, uint8_t *tensor) {
  visitPort(port,
            [&](uint64_t to, uint64_t from) { tensor[to] = segment[from]; });
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

namespace {

class SimulatedContext : public DeviceContext {
public:
  SimulatedContext(const LoadedProgram &loaded, size_t calls)
      : loaded(loaded), calls(calls), memory(loaded.program.header),
        input(loaded.program.header.inputBytes),
        output(loaded.program.header.outputBytes) {
    memory.weightSection =
        reinterpret_cast<const uint8_t *>(loaded.weights.data());
    memory.input = input.data();
    memory.output = output.data();
  }

  minnow_status run(const void *const *inputs, void *const *outputs,
                    const CallTimes *times, minnow_error *error) override {
    const Program &program = loaded.program;
    for (size_t i = 0; i < program.inputs.size(); ++i)
      toPort(program.inputs[i], static_cast<const uint8_t *>(inputs[i]),
             input.data());
    RunReport report;
    if (minnow_status status = simulate(program.header.machine, program.cold,
                                        memory, true, report, error))
      return status;
    for (size_t i = 0; i < program.outputs.size(); ++i)
      fromPort(program.outputs[i], output.data(),
               static_cast<uint8_t *>(outputs[i]));
    if (times) {
      std::vector<CallCycles> cycles =
          attributeCycles(program.cold, report, calls);
      for (size_t i = 0; i < calls; ++i)
        times->callTook(times->self, uint32_t(i),
                        double(cycles[i].getTotal()) /
                            program.header.machine.clockMHz);
    }
    return MINNOW_STATUS_OK;
  }

private:
  const LoadedProgram &loaded;
  const size_t calls;
  Memory memory;
  std::vector<uint8_t> input, output;
};

class SimulatedProgram : public DeviceProgram {
public:
  LoadedProgram loaded;
  size_t calls = 0;

  minnow_status createContext(std::unique_ptr<DeviceContext> &context,
                              minnow_error *error) const override {
    context.reset(new (std::nothrow) SimulatedContext(loaded, calls));
    if (!context)
      return fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
    return MINNOW_STATUS_OK;
  }
  const char *getDeviceName() const override {
    return "EX1b, a synthetic accelerator, simulated";
  }
};

std::string listDevices() {
  return "etpu:0  EX1b, a synthetic accelerator (no EdgeTPU), simulated\n";
}

minnow_status loadProgram(const Package &package,
                          const Description &description, const char *which,
                          std::unique_ptr<DeviceProgram> &program,
                          minnow_error *error) {
  if (*which && std::string_view(which) != "0")
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
                "there is no device etpu:%s; the simulator is etpu:0", which);
  auto made =
      std::unique_ptr<SimulatedProgram>(new (std::nothrow) SimulatedProgram);
  if (!made)
    return fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
  if (minnow_status status =
          loadSections(package, description, made->loaded, error))
    return status;
  made->calls = description.entry->calls()->size();
  program = std::move(made);
  return MINNOW_STATUS_OK;
}

} // namespace
} // namespace minnow::etpu

const minnow_driver *minnow_etpu(void) {
  static const minnow_driver driver = {"etpu", minnow::etpu::listDevices,
                                       minnow::etpu::loadProgram, nullptr};
  return &driver;
}
