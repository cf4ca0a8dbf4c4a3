//===- Program.h - a verified program of the EX1b machine -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the code section of a package. What it lets through can be executed
// without further checks: registers are resolved, every address lies inside its
// memory, every shape fits its unit. Only hazards and deadlock are left for the
// run to find.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_ETPU_PROGRAM_H
#define MINNOW_RUNTIME_DEVICES_ETPU_PROGRAM_H

#include "runtime/Error.h"
#include "runtime/abi/etpu.h"

#include <vector>

namespace minnow::etpu {

/// An operation with where it stands.
struct Step {
  Operation op;
  uint32_t slot = 0; // the instruction's index in its stream
  uint16_t call = 0;
};

struct Stream {
  std::vector<Step> steps; // ends with Halt; SetD is resolved
  uint32_t slots = 0;
};

struct Program {
  ProgramHeader header;
  std::vector<Port> inputs, outputs;
  Stream cold, load, warm;
};

/// Reads and verifies a code section. MINNOW_STATUS_BAD_FILE names the first
/// instruction that is wrong by its index and says what is.
minnow_status readProgram(const uint8_t *bytes, uint64_t size,
                          uint64_t weightBytes, Program &program,
                          minnow_error *error);

/// The assembler's name of an opcode: "conv".
const char *getName(Opcode opcode);
/// "DMA in", "matrix".
const char *getName(Engine engine);

} // namespace minnow::etpu

#endif // MINNOW_RUNTIME_DEVICES_ETPU_PROGRAM_H
