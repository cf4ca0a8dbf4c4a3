//===- CostApi.cpp - the cost model for C ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A minnow_cost_machine is a MachineDescription under another name.
//===----------------------------------------------------------------------===//
#include "targets/cost/Machines.h"
#include "targets/cost/minnow_cost.h"
#include <cstdio>

using namespace minnow;
using cost::MachineDescription;

static const cost::Machine &getMachine(const minnow_cost_machine *machine) {
  return reinterpret_cast<const MachineDescription *>(machine)->machine;
}

const minnow_cost_machine *minnow_cost_find_machine(const char *name) {
  for (const auto &description : cost::getMachines())
    if (description->names[0] == name)
      return reinterpret_cast<const minnow_cost_machine *>(description.get());
  return nullptr;
}

minnow_cost_machine *minnow_cost_read_machine(const char *json, char *error,
                                              size_t error_bytes) {
  std::string message;
  auto description = cost::parseMachine(json, message);
  if (!description && error_bytes)
    std::snprintf(error, error_bytes, "%s", message.c_str());
  return reinterpret_cast<minnow_cost_machine *>(description.release());
}

void minnow_cost_free_machine(minnow_cost_machine *machine) {
  delete reinterpret_cast<MachineDescription *>(machine);
}

double minnow_cost_ridge(const minnow_cost_machine *machine) {
  return cost::getRidge(getMachine(machine));
}

minnow_cost_estimate minnow_cost_predict(const minnow_cost_machine *machine,
                                         const minnow_cost_kernel *kernel,
                                         double network_bytes) {
  cost::KernelShape shape;
  shape.macs = kernel->macs;
  shape.byteMacs = kernel->byte_macs;
  shape.savedMacs = kernel->saved_macs;
  shape.elementwise = kernel->elementwise;
  shape.weightBytes = kernel->weight_bytes;
  shape.weightPasses = kernel->weight_passes;
  shape.mapBytes = kernel->map_bytes;
  shape.inputBytes = kernel->input_bytes;
  shape.outputBytes = kernel->output_bytes;
  shape.innerBytes = kernel->inner_bytes;
  shape.stripMacs = kernel->strip_macs;
  cost::Estimate estimate =
      cost::estimate(getMachine(machine), shape, network_bytes);
  return {estimate.seconds, estimate.macSeconds, estimate.memorySeconds,
          estimate.bound == cost::Bound::Macs ? MINNOW_COST_BOUND_MACS
                                              : MINNOW_COST_BOUND_MEMORY,
          estimate.level};
}
