//===- Description.cpp - what a program says of itself, verified
//------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The FlatBuffers verifier proves that every offset lies inside the buffer; the
// checks here prove that what is then read makes sense: counts, indices, sizes
// without overflow, enumerators, finite numbers.
//===----------------------------------------------------------------------===//
#include "runtime/Description.h"
#include "runtime/CpuFeatures.h"
#include "runtime/PageMemory.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

namespace minnow {
namespace {

static_assert(MINNOW_TYPE_F32 == static_cast<int>(abi::DataType::F32) &&
                  MINNOW_TYPE_F16 == static_cast<int>(abi::DataType::F16) &&
                  MINNOW_TYPE_S8 == static_cast<int>(abi::DataType::S8) &&
                  MINNOW_TYPE_U8 == static_cast<int>(abi::DataType::U8) &&
                  MINNOW_TYPE_S32 == static_cast<int>(abi::DataType::S32),
              "the C API and the description number types alike");

const char *textOf(const flatbuffers::String *text) {
  return text ? text->c_str() : "";
}

minnow_status corrupt(minnow_error *error, const char *what) {
  return fail(error, MINNOW_STATUS_BAD_FILE,
              "the program's description is corrupt: %s; compile it again",
              what);
}

/// Sizes of a tensor; false on a zero or absurd dimension.
bool measure(minnow_tensor_info &info) {
  info.elements = 1;
  for (uint32_t i = 0; i < info.rank; ++i)
    if (info.dims[i] == 0 ||
        __builtin_mul_overflow(info.elements, info.dims[i], &info.elements))
      return false;
  return !__builtin_mul_overflow(info.elements, bytesOf(info.type),
                                 &info.bytes) &&
         info.bytes <= PTRDIFF_MAX;
}

bool isLayout(const char *layout, uint32_t rank) {
  const bool named =
      !std::strcmp(layout, "nchw") || !std::strcmp(layout, "nhwc");
  return !*layout || (named && rank == 4);
}

minnow_status readTensor(const abi::Tensor &tensor, minnow_tensor_info &info,
                         minnow_error *error) {
  if (tensor.type() > abi::DataType::S32)
    return corrupt(error, "an unknown element type");
  if (tensor.dims()->size() > kMaxRank)
    return corrupt(error, "a tensor with too many dimensions");
  info.name = textOf(tensor.name());
  info.layout = textOf(tensor.layout());
  info.dims = tensor.dims()->data();
  info.rank = tensor.dims()->size();
  info.type = static_cast<minnow_type>(tensor.type());
  info.scale = tensor.scale();
  info.zero_point = tensor.zero_point();
  if (!measure(info))
    return corrupt(error, "a tensor's size is zero or overflows");
  if (!isLayout(info.layout, info.rank))
    return corrupt(error, "a tensor's layout is unknown or not of its rank");
  if (!std::isfinite(info.scale) || info.scale < 0)
    return corrupt(error, "a tensor's scale is not a number of at least 0");
  return MINNOW_STATUS_OK;
}

minnow_status
readTensors(const flatbuffers::Vector<flatbuffers::Offset<abi::Tensor>> &from,
            std::vector<minnow_tensor_info> &to, minnow_error *error) {
  if (from.size() == 0)
    return corrupt(error, "no input or no output");
  to.resize(from.size());
  for (uint32_t i = 0; i < from.size(); ++i)
    if (minnow_status status = readTensor(*from[i], to[i], error))
      return status;
  return MINNOW_STATUS_OK;
}

bool arePositive(const flatbuffers::Vector<float> &values) {
  return std::all_of(values.begin(), values.end(),
                     [](float v) { return std::isfinite(v) && v > 0; });
}

bool areFinite(const flatbuffers::Vector<float> &values) {
  return std::all_of(values.begin(), values.end(),
                     [](float v) { return std::isfinite(v); });
}

minnow_status checkPreprocessing(const abi::Preprocessing &how,
                                 const minnow_tensor_info &input,
                                 minnow_error *error) {
  if (how.mean()->size() != 3 || how.std()->size() != 3 ||
      !areFinite(*how.mean()) || !arePositive(*how.std()))
    return corrupt(error, "preprocessing needs 3 means and 3 positive stds");
  const std::string kind = textOf(how.interpolation());
  if (kind != "bilinear" && kind != "bicubic")
    return corrupt(error, "preprocessing's interpolation is neither bilinear "
                          "nor bicubic");
  if (!*input.layout)
    return corrupt(error, "preprocessing for an input without image layout");
  if (bytesOf(input.type) == 1 && !(input.scale > 0))
    return corrupt(error, "preprocessing for an integer input without scale");
  const bool nchw = !std::strcmp(input.layout, "nchw");
  const uint32_t *size = input.dims + (nchw ? 2 : 1);
  if (input.dims[0] != 1 || input.dims[nchw ? 1 : 3] != 3)
    return corrupt(error,
                   "preprocessing for an input that is not one RGB image");
  if (how.resize() < std::max(size[0], size[1]) || how.resize() > 16384)
    return corrupt(error, "preprocessing's resize is below the input's size or "
                          "above 16384");
  return MINNOW_STATUS_OK;
}

minnow_status checkEntry(const abi::Program &program,
                         const abi::EntryPoint &entry, minnow_error *error) {
  const uint32_t alignment = entry.alignment();
  if (alignment & (alignment - 1) || alignment > PageMemory::kAlignment)
    return corrupt(error, "the workspace's alignment is no power of two up to "
                          "4096");
  for (const abi::Call *call : *entry.calls())
    if (call->kernel() >= program.kernels()->size())
      return corrupt(error, "a call of a kernel that is not in the table");
  return MINNOW_STATUS_OK;
}

} // namespace

uint32_t bytesOf(minnow_type type) {
  switch (type) {
  case MINNOW_TYPE_F16:
    return 2;
  case MINNOW_TYPE_S8:
  case MINNOW_TYPE_U8:
    return 1;
  case MINNOW_TYPE_F32:
  case MINNOW_TYPE_S32:
    break;
  }
  return 4;
}

const char *nameOf(minnow_type type) {
  static const char *const names[] = {"f32", "f16", "s8", "u8", "s32"};
  return names[type];
}

minnow_status readDescription(const void *bytes, uint64_t size,
                              Description &description, minnow_error *error) {
  if (!bytes || reinterpret_cast<uintptr_t>(bytes) % 8)
    return corrupt(error, "it is missing or misaligned");
  if (size < 16 || size >= FLATBUFFERS_MAX_BUFFER_SIZE)
    return corrupt(error, "its size is impossible");
  flatbuffers::Verifier verifier(static_cast<const uint8_t *>(bytes), size);
  if (!abi::VerifyProgramBuffer(verifier))
    return corrupt(error, "it is not a whole FlatBuffer of a program");

  const abi::Program &program = *abi::GetProgram(bytes);
  if (program.abi_version() != MINNOW_ABI_VERSION)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the program has ABI version %u, this runtime %u: compile it "
                "again with the matching compiler",
                program.abi_version(), MINNOW_ABI_VERSION);
  if (program.entry_points()->size() != 1)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the program has %u entry points, and this runtime runs "
                "programs with one",
                program.entry_points()->size());
  const abi::EntryPoint &entry = *program.entry_points()->Get(0);
  if (minnow_status status = checkEntry(program, entry, error))
    return status;
  if (minnow_status status =
          readTensors(*entry.inputs(), description.inputs, error))
    return status;
  if (minnow_status status =
          readTensors(*entry.outputs(), description.outputs, error))
    return status;
  description.program = &program;
  description.entry = &entry;
  if (const abi::Preprocessing *how = entry.preprocessing())
    return checkPreprocessing(*how, description.inputs[0], error);
  return MINNOW_STATUS_OK;
}

minnow_status checkCpu(const Description &description, minnow_error *error) {
  const abi::Program &program = *description.program;
  if (program.target()->string_view() != "cpu")
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the program is for '%.64s' and comes as code for the CPU: "
                "compile it again",
                program.target()->c_str());
  std::string missing;
  for (const flatbuffers::String *feature : *program.requirements())
    if (!cpuHas(feature->c_str()))
      missing += (missing.empty() ? "" : ", ") + feature->str();
  if (!missing.empty())
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the program needs %.512s, which this %s machine lacks: "
                "compile it with --cpu for this machine",
                missing.c_str(), cpuArchitecture());
  return MINNOW_STATUS_OK;
}

bool workspaceBytes(const Description &description, uint32_t threads,
                    uint64_t &bytes) {
  uint64_t scratch = 0;
  return !__builtin_mul_overflow(description.entry->scratch_bytes(),
                                 uint64_t(threads), &scratch) &&
         !__builtin_add_overflow(description.entry->arena_bytes(), scratch,
                                 &bytes);
}

} // namespace minnow
