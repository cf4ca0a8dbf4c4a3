//===- Lower.h - from planned strips to instructions ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_TARGETS_ETPU_LOWER_H
#define MINNOW_TARGETS_ETPU_LOWER_H

#include "targets/etpu/Plan.h"
#include "targets/etpu/Weights.h"

namespace minnow::etpu {

/// An instruction before it has a queue position, registers and tokens.
struct Task {
  Operation op;
  uint16_t call = 0;
};

/// The instructions of a plan in the reference order, in which they are correct
/// one after the other. `isResident`: weights lie in weight memory as in the
/// section and are not loaded. Empty `error` if it could.
std::vector<Task> lower(const Machine &machine, const Network &network,
                        const Plan &plan, const WeightSection &section,
                        const std::vector<Port> &ports, bool isResident,
                        std::string &error);

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_LOWER_H
