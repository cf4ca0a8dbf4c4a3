//===- Machines.h - machine descriptions as data ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads machines for the cost model from JSON and chooses one of those that
// come with the compiler (targets/cost/machines/*.json, part of the binary).
// Apart from Cost.h, which needs neither JSON nor memory.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_COST_MACHINES_H
#define MINNOW_TARGETS_COST_MACHINES_H

#include "targets/cost/Cost.h"
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace minnow::cost {

/// A machine and what it is chosen by. `machine` points into `names`, so a
/// description stays where it was made.
struct MachineDescription {
  MachineDescription() = default;
  MachineDescription(const MachineDescription &) = delete;

  std::string architecture;          // LLVM's: "x86_64", "aarch64"
  std::vector<std::string> cpus;     // LLVM's names: "znver4"
  std::vector<std::string> features; // a CPU without a name here needs these
  Machine machine = {};
  std::vector<std::string> names; // of the machine, its levels, its schedules
};

/// Parses one description. Null for bad input; `error` then says what is wrong.
std::unique_ptr<MachineDescription> parseMachine(std::string_view json,
                                                 std::string &error);

/// The machines of this build, in the order of their file names.
const std::vector<std::unique_ptr<MachineDescription>> &getMachines();

/// The machine for a CPU by LLVM's names: the one that lists `cpu`, else the
/// one that asks for the most of `features` ("avx2", without a sign) and for
/// none besides. Null for an architecture that has no machines.
const Machine *chooseMachine(std::string_view architecture,
                             std::string_view cpu,
                             const std::vector<std::string> &features);

} // namespace minnow::cost

#endif // MINNOW_TARGETS_COST_MACHINES_H
