//===- Presets.cpp - machines by name, or from a file ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/etpu/Presets.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace minnow;
using namespace minnow::etpu;
using llvm::StringRef;

namespace {
/// A parameter by its name in files.
struct Parameter {
  StringRef name;
  uint32_t Machine::*field;
};
const Parameter kParameters[] = {
    {"clock_mhz", &Machine::clockMHz},
    {"rows", &Machine::rows},
    {"columns", &Machine::columns},
    {"lanes", &Machine::lanes},
    {"activation_bytes", &Machine::activationBytes},
    {"weight_bytes", &Machine::weightBytes},
    {"accumulators", &Machine::accumulators},
    {"dram_bytes_per_cycle", &Machine::dramBytesPerCycle},
    {"dram_latency", &Machine::dramLatency},
    {"vector_startup", &Machine::vectorStartup},
    {"queue_depth", &Machine::queueDepth},
    {"overlap", &Machine::overlap}};
} // namespace

static llvm::Error setParameters(const llvm::json::Object &object,
                                 StringRef path, Machine &machine) {
  for (const auto &[key, value] : object) {
    StringRef name = key;
    const Parameter *parameter = llvm::find_if(
        kParameters, [&](const Parameter &each) { return each.name == name; });
    auto number = value.getAsInteger();
    if (parameter == std::end(kParameters))
      return llvm::createStringError("'" + path +
                                     "': the machine has no "
                                     "parameter '" +
                                     name + "'");
    if (!number || *number < 0 || *number > UINT32_MAX)
      return llvm::createStringError("'" + path + "': '" + name +
                                     "' is no whole number of 32 bits");
    machine.*parameter->field = *number;
  }
  return llvm::Error::success();
}

llvm::Expected<Machine> etpu::findMachine(StringRef name) {
  Machine machine;
  if (name.empty() || name == "ex1b")
    return machine;
  if (name == "ex1b-800") {
    machine.clockMHz = 800;
    return machine;
  }
  if (!name.ends_with(".json"))
    return llvm::createStringError(
        "unknown etpu machine '" + name +
        "'; use ex1b, ex1b-800, or a .json file with its parameters");
  auto file = llvm::MemoryBuffer::getFile(name);
  if (!file)
    return llvm::createStringError("cannot read the machine '" + name +
                                   "': " + file.getError().message());
  auto value = llvm::json::parse((*file)->getBuffer());
  if (!value)
    return llvm::createStringError(
        "'" + name + "' is no JSON: " + llvm::toString(value.takeError()));
  const llvm::json::Object *object = value->getAsObject();
  if (!object)
    return llvm::createStringError("'" + name + "' holds no JSON object");
  if (llvm::Error error = setParameters(*object, name, machine))
    return error;
  if (const char *wrong = checkMachine(machine))
    return llvm::createStringError("'" + name + "': " + wrong);
  return machine;
}
