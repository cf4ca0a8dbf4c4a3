//===- Description.h - what a program says of itself, verified
//--------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one way from bytes to a description that the rest of the runtime trusts.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DESCRIPTION_H
#define MINNOW_RUNTIME_DESCRIPTION_H

#include "runtime/Error.h"
#include "runtime/abi/minnow_abi.h"
#include "runtime/abi/program_generated.h"

#include <vector>

namespace minnow {

/// A verified description. Points into the bytes that it was read from.
struct Description {
  const abi::Program *program = nullptr;
  const abi::EntryPoint *entry = nullptr;
  std::vector<minnow_tensor_info> inputs;
  std::vector<minnow_tensor_info> outputs;
};

/// Largest rank of an input or output.
constexpr uint32_t kMaxRank = 8;

/// Bytes of one element.
uint32_t bytesOf(minnow_type type);

/// "f32", "f16", "s8", "u8" or "s32".
const char *nameOf(minnow_type type);

/// Verifies the `size` bytes at `bytes`, 8-byte aligned and possibly hostile,
/// and fills `description`. MINNOW_STATUS_BAD_FILE says which field is wrong;
/// MINNOW_STATUS_UNSUPPORTED which version or form is lacking here. For which
/// device it is, and what that must have, is another question.
minnow_status readDescription(const void *bytes, uint64_t size,
                              Description &description, minnow_error *error);

/// MINNOW_STATUS_UNSUPPORTED unless the program is for this CPU.
minnow_status checkCpu(const Description &description, minnow_error *error);

/// Bytes of the workspace for `threads` threads, false when they overflow.
bool workspaceBytes(const Description &description, uint32_t threads,
                    uint64_t &bytes);

} // namespace minnow

#endif // MINNOW_RUNTIME_DESCRIPTION_H
