//===- Driver.h - a package's program on EX1b -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_RUNTIME_DEVICES_ETPU_DRIVER_H
#define MINNOW_RUNTIME_DEVICES_ETPU_DRIVER_H

#include "runtime/Device.h"
#include "runtime/devices/etpu/Simulator.h"

namespace minnow::etpu {

/// A program with what it runs on. The section of weights is the package's.
struct LoadedProgram {
  Program program;
  std::string_view weights;
};

/// Reads and verifies the sections of a package, whose ports must be the inputs
/// and outputs of its description.
minnow_status loadSections(const Package &package,
                           const Description &description,
                           LoadedProgram &loaded, minnow_error *error);

/// Between the caller's tensor and the blocks of a port, byte by byte.
void toPort(const Port &port, const uint8_t *tensor, uint8_t *segment);
void fromPort(const Port &port, const uint8_t *segment, uint8_t *tensor);

} // namespace minnow::etpu

#endif // MINNOW_RUNTIME_DEVICES_ETPU_DRIVER_H
