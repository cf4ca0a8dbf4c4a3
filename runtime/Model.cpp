//===- Model.cpp - loads a program and answers questions about it
//-----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model half of the C API. Everything is checked here, once; the queries
// and the runs rely on it.
//===----------------------------------------------------------------------===//
#include "runtime/Model.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

using namespace minnow;

namespace {

minnow_status checkProgram(const minnow_program &program, minnow_error *error) {
  if (program.abi_version != MINNOW_ABI_VERSION)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the program has ABI version %u, this runtime %u: compile it "
                "again with the matching compiler",
                program.abi_version, MINNOW_ABI_VERSION);
  if (!program.run || (program.weights_bytes && !program.weights))
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "the program has no code or no weights: compile it again");
  return MINNOW_STATUS_OK;
}

/// Copies the weights to memory of their own, so that they lie on huge pages,
/// which a mapped file does not give.
minnow_status copyWeights(minnow_model &model, minnow_error *error) {
  const uint64_t bytes = model.program->weights_bytes;
  if (bytes != model.description.program->weights_bytes())
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "the program has %llu bytes of weights but its description "
                "says %llu: compile it again",
                static_cast<unsigned long long>(bytes),
                static_cast<unsigned long long>(
                    model.description.program->weights_bytes()));
  if (!model.weights.allocate(bytes))
    return fail(error, MINNOW_STATUS_NO_RESOURCES,
                "no memory for %llu bytes of weights",
                static_cast<unsigned long long>(bytes));
  if (bytes)
    std::memcpy(model.weights.data(), model.program->weights, bytes);
  model.weights.makeReadOnly();
  return MINNOW_STATUS_OK;
}

minnow_status finish(std::unique_ptr<minnow_model> model, minnow_model **out,
                     minnow_error *error) {
  if (minnow_status status = checkProgram(*model->program, error))
    return status;
  if (minnow_status status = readDescription(model->program->description,
                                             model->program->description_bytes,
                                             model->description, error))
    return status;
  if (minnow_status status = copyWeights(*model, error))
    return status;
  *out = model.release();
  return MINNOW_STATUS_OK;
}

minnow_status outOfMemory(minnow_error *error) {
  return fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
}

const char *textOf(const flatbuffers::String *text) {
  return text ? text->c_str() : "";
}

minnow_status pick(const std::vector<minnow_tensor_info> &tensors,
                   uint32_t index, minnow_tensor_info *info) {
  if (index >= tensors.size())
    return MINNOW_STATUS_BAD_ARGUMENT;
  *info = tensors[index];
  return MINNOW_STATUS_OK;
}

} // namespace

minnow_status minnow_model_load(const char *path, minnow_model **model,
                                minnow_error *error) {
  if (!path || !model)
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT, "a null pointer");
  *model = nullptr;
  std::unique_ptr<minnow_model> loaded(new (std::nothrow) minnow_model);
  if (!loaded)
    return outOfMemory(error);
  if (minnow_status status = loaded->library.open(path, loaded->program, error))
    return status;
  return finish(std::move(loaded), model, error);
}

minnow_status minnow_model_wrap(const minnow_program *program,
                                minnow_model **model, minnow_error *error) {
  if (!program || !model)
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT, "a null pointer");
  *model = nullptr;
  std::unique_ptr<minnow_model> loaded(new (std::nothrow) minnow_model);
  if (!loaded)
    return outOfMemory(error);
  loaded->program = program;
  return finish(std::move(loaded), model, error);
}

void minnow_model_free(minnow_model *model) { delete model; }

minnow_model_info minnow_model_describe(const minnow_model *model) {
  const abi::Program &program = *model->description.program;
  const abi::EntryPoint &entry = *model->description.entry;
  minnow_model_info info = {};
  info.name = textOf(program.name());
  info.target = textOf(program.target());
  info.compiler = textOf(program.compiler());
  info.inputs = entry.inputs()->size();
  info.outputs = entry.outputs()->size();
  info.kernels = program.kernels()->size();
  info.calls = entry.calls()->size();
  info.arena_bytes = entry.arena_bytes();
  info.scratch_bytes = entry.scratch_bytes();
  info.weights_bytes = program.weights_bytes();
  return info;
}

minnow_status minnow_model_input(const minnow_model *model, uint32_t index,
                                 minnow_tensor_info *info) {
  return pick(model->description.inputs, index, info);
}

minnow_status minnow_model_output(const minnow_model *model, uint32_t index,
                                  minnow_tensor_info *info) {
  return pick(model->description.outputs, index, info);
}

minnow_status minnow_model_kernel(const minnow_model *model, uint32_t index,
                                  minnow_kernel_info *info) {
  const auto &kernels = *model->description.program->kernels();
  if (index >= kernels.size())
    return MINNOW_STATUS_BAD_ARGUMENT;
  const abi::Kernel &kernel = *kernels[index];
  *info = {textOf(kernel.name()), kernel.macs(), kernel.bytes(),
           kernel.reference()};
  return MINNOW_STATUS_OK;
}

minnow_status minnow_model_call(const minnow_model *model, uint32_t index,
                                minnow_call_info *info) {
  const auto &calls = *model->description.entry->calls();
  if (index >= calls.size())
    return MINNOW_STATUS_BAD_ARGUMENT;
  const abi::Call &call = *calls[index];
  *info = {call.kernel(), call.tasks(), textOf(call.layer())};
  return MINNOW_STATUS_OK;
}

minnow_status minnow_model_preprocessing(const minnow_model *model,
                                         minnow_preprocessing_info *info) {
  const abi::Preprocessing *how = model->description.entry->preprocessing();
  if (!how)
    return MINNOW_STATUS_BAD_ARGUMENT;
  info->resize = how->resize();
  info->interpolation = textOf(how->interpolation());
  std::copy(how->mean()->begin(), how->mean()->end(), info->mean);
  std::copy(how->std()->begin(), how->std()->end(), info->std);
  return MINNOW_STATUS_OK;
}
