//===- ProgramFuzzer.cpp - a program's description under the fuzzer -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The description comes with code that is trusted, but is believed only after
// its verification; what passes is asked everything that the C API answers.
//===----------------------------------------------------------------------===//
#include "runtime/Description.h"
#include "test/fuzz/Support.h"

#include <cstring>
#include <memory>

using namespace minnow;

static constexpr uint64_t maxWeights = 4096;
static volatile uint64_t sink;

/// Reads every byte of a name, so that the sanitizers see it.
static void read(const char *text) { sink = sink + std::strlen(text); }

static void read(const minnow_tensor_info &tensor) {
  read(tensor.name);
  read(tensor.layout);
  uint64_t elements = 1;
  for (uint32_t i = 0; i < tensor.rank; ++i)
    elements *= tensor.dims[i];
  if (elements != tensor.elements ||
      tensor.bytes != elements * bytesOf(tensor.type))
    fuzz::fail("a tensor's size is not that of its shape", tensor.name);
}

static void readParts(const minnow_model *model) {
  minnow_tensor_info tensor;
  for (uint32_t i = 0; !minnow_model_input(model, i, &tensor); ++i)
    read(tensor);
  for (uint32_t i = 0; !minnow_model_output(model, i, &tensor); ++i)
    read(tensor);
  minnow_kernel_info kernel;
  for (uint32_t i = 0; !minnow_model_kernel(model, i, &kernel); ++i)
    read(kernel.name);
  minnow_call_info call;
  for (uint32_t i = 0; !minnow_model_call(model, i, &call); ++i) {
    read(call.layer);
    if (minnow_model_kernel(model, call.kernel, &kernel))
      fuzz::fail("a call of no kernel", call.layer);
  }
  minnow_preprocessing_info how;
  if (!minnow_model_preprocessing(model, &how))
    read(how.interpolation);
}

/// Loads the description as that of a program with as many weights as it says.
static void load(const void *description, uint64_t size, uint64_t weights) {
  alignas(64) static const char zeros[maxWeights] = {};
  minnow_program program = {
      MINNOW_ABI_VERSION,
      0,
      description,
      size,
      zeros,
      weights,
      [](const minnow_arguments *) { return int32_t(MINNOW_OK); }};
  minnow_model *model = nullptr;
  minnow_error error = {};
  if (minnow_model_wrap(&program, &model, &error))
    fuzz::fail("a verified description is refused", error.message);
  const minnow_model_info info = minnow_model_describe(model);
  read(info.name);
  read(info.target);
  read(info.compiler);
  readParts(model);
  minnow_model_free(model);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // A description is aligned to 8 bytes; the fuzzer's buffer need not be.
  const auto words = std::make_unique<uint64_t[]>(size / 8 + 1);
  std::memcpy(words.get(), data, size);
  Description description;
  minnow_error error = {};
  if (readDescription(words.get(), size, description, &error) ||
      checkCpu(description, &error)) {
    fuzz::checkMessage(error.message);
    return 0;
  }
  uint64_t bytes = 0;
  if (workspaceBytes(description, 4, bytes) &&
      bytes < description.entry->arena_bytes())
    fuzz::fail("a workspace smaller than its arena", "");
  if (description.program->weights_bytes() <= maxWeights)
    load(words.get(), size, description.program->weights_bytes());
  return 0;
}
