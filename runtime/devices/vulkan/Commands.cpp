//===- Commands.cpp - what a package says for a GPU, verified -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checksums say that the file is as it was written; the checks here, that
// what was written does not leave its memory.
//===----------------------------------------------------------------------===//
#include "runtime/devices/vulkan/Program.h"

#include <cstring>

namespace minnow::vulkan {
namespace {

using Range = abi::vulkan::Range;
using Space = abi::vulkan::Space;

constexpr uint32_t kSpirvMagic = 0x07230203;
constexpr uint32_t kMostBindings = 64;

minnow_status corrupt(const char *what, minnow_error *error) {
  return fail(error, MINNOW_STATUS_BAD_FILE,
              "the package's dispatches are corrupt: %s; compile it again",
              what);
}

bool isInside(uint64_t offset, uint64_t bytes, uint64_t size) {
  return bytes && offset <= size && bytes <= size - offset;
}

bool isWhole(const abi::vulkan::Shader &shader, std::string_view words) {
  if (shader.offset() % 4 || shader.bytes() % 4 || shader.bytes() < 20 ||
      !isInside(shader.offset(), shader.bytes(), words.size()))
    return false;
  uint32_t magic;
  std::memcpy(&magic, words.data() + shader.offset(), sizeof(magic));
  return magic == kSpirvMagic && shader.groups_x() && shader.groups_y() &&
         shader.groups_z() && shader.bindings() &&
         shader.bindings() <= kMostBindings;
}

/// Whether the range lies in what its space has.
bool isRange(const Range &range, const Description &description,
             uint64_t weights) {
  switch (range.space()) {
  case Space::Arena:
    return isInside(range.offset(), range.bytes(),
                    description.entry->arena_bytes());
  case Space::Weights:
    return isInside(range.offset(), range.bytes(), weights);
  case Space::Input:
    return range.index() < description.inputs.size() && !range.offset() &&
           range.bytes() == description.inputs[range.index()].bytes;
  case Space::Output:
    return range.index() < description.outputs.size() && !range.offset() &&
           range.bytes() == description.outputs[range.index()].bytes;
  }
  return false;
}

} // namespace

minnow_status readCommands(const Package &package,
                           const Description &description, Commands &commands,
                           minnow_error *error) {
  std::string_view bytes;
  if (minnow_status status = package.find("dispatches", 8, bytes, error))
    return status;
  if (minnow_status status =
          package.find("shaders", 4, commands.shaders, error))
    return status;
  if (minnow_status status =
          package.find("weights", 64, commands.weights, error))
    return status;
  if (commands.weights.size() != description.program->weights_bytes())
    return corrupt("the weights have not the size that is described", error);
  flatbuffers::Verifier verifier(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  if (bytes.size() < 16 || !abi::vulkan::VerifyCommandsBuffer(verifier))
    return corrupt("they are no whole FlatBuffer", error);
  commands.list = abi::vulkan::GetCommands(bytes.data());
  // The shaders fill their section one after the other, so that none can be cut
  // short: drivers abort on half a module.
  uint64_t end = 0;
  for (const abi::vulkan::Shader *shader : *commands.list->shaders()) {
    if (shader->offset() != end || !isWhole(*shader, commands.shaders))
      return corrupt("a shader is not whole", error);
    end += shader->bytes();
  }
  if (end != commands.shaders.size())
    return corrupt("the last shader is not whole", error);
  const auto &dispatches = *commands.list->dispatches();
  if (dispatches.size() != description.entry->calls()->size())
    return corrupt("they are not as many as the calls", error);
  for (const abi::vulkan::Dispatch *dispatch : dispatches) {
    if (dispatch->shader() >= commands.list->shaders()->size())
      return corrupt("one names a shader that is not there", error);
    if (dispatch->ranges()->size() !=
        commands.list->shaders()->Get(dispatch->shader())->bindings())
      return corrupt("one has not the buffers of its shader", error);
    for (const Range *range : *dispatch->ranges())
      if (!isRange(*range, description, commands.weights.size()))
        return corrupt("a buffer leaves its memory", error);
  }
  return MINNOW_STATUS_OK;
}

} // namespace minnow::vulkan
