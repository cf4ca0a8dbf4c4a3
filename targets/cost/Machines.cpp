//===- Machines.cpp - machine descriptions as data ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The JSON reader and the choice by CPU name or features. The files of
// machines/ come in through MachineFiles.inc, which the build writes.
//===----------------------------------------------------------------------===//
#include "targets/cost/Machines.h"
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

using namespace minnow::cost;
using Json = nlohmann::json;

namespace {

/// A bad description; never leaves this file.
struct BadMachine {
  std::string message;
};

} // namespace

static double readPositive(const Json &object, const char *key) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_number() ||
      !(found->get<double>() > 0))
    throw BadMachine{std::string("\"") + key + "\" must be a positive number"};
  return found->get<double>();
}

static std::string readString(const Json &object, const char *key) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    throw BadMachine{std::string("\"") + key + "\" must be a string"};
  return found->get<std::string>();
}

static std::vector<std::string> readStrings(const Json &object,
                                            const char *key) {
  std::vector<std::string> strings;
  auto found = object.find(key);
  if (found == object.end() || !found->is_array())
    throw BadMachine{std::string("\"") + key + "\" must be a list of strings"};
  for (const Json &entry : *found) {
    if (!entry.is_string())
      throw BadMachine{std::string("\"") + key +
                       "\" must be a list of strings"};
    strings.push_back(entry.get<std::string>());
  }
  return strings;
}

/// Reads the levels, nearest first. The last one has no "bytes": it holds all.
static void readMemory(const Json &object, MachineDescription &description) {
  auto found = object.find("memory");
  if (found == object.end() || !found->is_array() || found->empty() ||
      found->size() > kMaxLevels)
    throw BadMachine{"\"memory\" must be a list of 1 to " +
                     std::to_string(kMaxLevels) + " levels"};
  Machine &machine = description.machine;
  double below = 0;
  for (const Json &entry : *found) {
    bool last = machine.levels + 1 == found->size();
    MemoryLevel &level = machine.memory[machine.levels++];
    description.names.push_back(readString(entry, "name"));
    level.bytes = last ? std::numeric_limits<double>::infinity()
                       : readPositive(entry, "bytes");
    level.bytesPerSecond = readPositive(entry, "bytes_per_second");
    if (level.bytes <= below)
      throw BadMachine{"memory levels must grow from the nearest outwards"};
    below = level.bytes;
  }
}

static void readMachine(const Json &object, MachineDescription &description) {
  if (!object.is_object())
    throw BadMachine{"a machine must be a JSON object"};
  Machine &machine = description.machine;
  description.names.push_back(readString(object, "name"));
  description.architecture = readString(object, "architecture");
  description.cpus = readStrings(object, "cpus");
  description.features = readStrings(object, "features");
  machine.macsPerSecond = readPositive(object, "macs_per_second");
  machine.byteMacsPerSecond = object.contains("byte_macs_per_second")
                                  ? readPositive(object, "byte_macs_per_second")
                                  : machine.macsPerSecond;
  machine.callSeconds = readPositive(object, "call_seconds");
  machine.stripLoss = readPositive(object, "strip_loss");
  machine.byteStripLoss = object.contains("byte_strip_loss")
                              ? readPositive(object, "byte_strip_loss")
                              : machine.stripLoss;
  if (object.contains("strip_bytes"))
    machine.stripBytes = readPositive(object, "strip_bytes");
  machine.vectorBytes = readPositive(object, "vector_bytes");
  machine.registers = static_cast<unsigned>(readPositive(object, "registers"));
  readMemory(object, description);
  description.names.push_back(object.contains("schedules")
                                  ? readString(object, "schedules")
                                  : description.names.front());

  machine.name = description.names[0].c_str();
  machine.schedules = description.names.back().c_str();
  for (unsigned i = 0; i < machine.levels; ++i)
    machine.memory[i].name = description.names[i + 1].c_str();
}

std::unique_ptr<MachineDescription>
minnow::cost::parseMachine(std::string_view json, std::string &error) {
  auto description = std::make_unique<MachineDescription>();
  try {
    readMachine(Json::parse(json), *description);
    return description;
  } catch (const BadMachine &bad) {
    error = bad.message;
  } catch (const Json::exception &bad) {
    error = bad.what();
  }
  return nullptr;
}

const std::vector<std::unique_ptr<MachineDescription>> &
minnow::cost::getMachines() {
  static const auto machines = [] {
    static const char *const files[] = {
#include "targets/cost/MachineFiles.inc"
    };
    std::vector<std::unique_ptr<MachineDescription>> parsed;
    for (const char *file : files) {
      std::string error;
      if (auto description = parseMachine(file, error))
        parsed.push_back(std::move(description));
    }
    return parsed;
  }();
  return machines;
}

const Machine *
minnow::cost::chooseMachine(std::string_view architecture, std::string_view cpu,
                            const std::vector<std::string> &features) {
  auto contains = [](const std::vector<std::string> &list,
                     std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  const MachineDescription *best = nullptr;
  for (const auto &candidate : getMachines()) {
    if (candidate->architecture != architecture)
      continue;
    if (contains(candidate->cpus, cpu))
      return &candidate->machine;
    bool usable = std::all_of(
        candidate->features.begin(), candidate->features.end(),
        [&](const std::string &name) { return contains(features, name); });
    if (usable && (!best || candidate->features.size() > best->features.size()))
      best = candidate.get();
  }
  return best ? &best->machine : nullptr;
}
