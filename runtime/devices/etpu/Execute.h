//===- Execute.h - what an instruction of EX1b computes ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machine's memories, and the bit-exact effect of one verified operation on
// them. Time is Simulator.h's matter.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICES_ETPU_EXECUTE_H
#define MINNOW_RUNTIME_DEVICES_ETPU_EXECUTE_H

#include "runtime/abi/etpu.h"

#include <memory>
#include <vector>

namespace minnow::etpu {

/// All that a program can address. On-chip memory keeps its content from one
/// inference to the next, as resident weights need it.
class Memory {
public:
  explicit Memory(const ProgramHeader &header);

  std::vector<uint8_t> activations, weights;
  std::vector<int32_t> accumulators; // kMaxLanes an entry
  const uint8_t *weightSection = nullptr;
  const uint8_t *input = nullptr;
  uint8_t *output = nullptr;
  std::vector<uint8_t> scratch;
};

/// Does what `op` does.
void execute(const Operation &op, Memory &memory);

} // namespace minnow::etpu

#endif // MINNOW_RUNTIME_DEVICES_ETPU_EXECUTE_H
