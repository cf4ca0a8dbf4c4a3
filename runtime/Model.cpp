//===- Model.cpp - loads a program and answers questions about it
//-----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model half of the C API. Everything is checked here, once; the queries
// and the runs rely on it.
//===----------------------------------------------------------------------===//
#include "runtime/Model.h"
#include "runtime/abi/package.h"

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
  if (minnow_status status = checkCpu(model->description, error))
    return status;
  if (minnow_status status = copyWeights(*model, error))
    return status;
  *out = model.release();
  return MINNOW_STATUS_OK;
}

minnow_status outOfMemory(minnow_error *error) {
  return fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
}

minnow_status wrongDevice(minnow_error *error, const char *path,
                          const char *target, std::string_view wanted) {
  return fail(error, MINNOW_STATUS_UNSUPPORTED,
              "'%s' is compiled for '%.64s' and cannot run on '%.*s': compile "
              "it with --target for that device",
              path, target, int(std::min(wanted.size(), size_t(64))),
              wanted.data());
}

/// Loads the package `path` on the device `wanted`: empty, NAME or NAME:N.
minnow_status loadPackage(std::unique_ptr<minnow_model> model, const char *path,
                          std::string_view wanted, minnow_model **out,
                          minnow_error *error) {
  if (minnow_status status = model->package.open(path, error))
    return status;
  std::string_view bytes;
  if (minnow_status status =
          model->package.find(abi::kDescriptionSection, 8, bytes, error))
    return status;
  if (minnow_status status = readDescription(bytes.data(), bytes.size(),
                                             model->description, error))
    return status;
  const char *target = model->description.program->target()->c_str();
  const size_t colon = std::min(wanted.find(':'), wanted.size());
  if (!wanted.empty() && wanted.substr(0, colon) != target)
    return wrongDevice(error, path, target, wanted);
  const minnow_driver *driver = findDriver(target);
  if (!driver)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "'%s' is for '%.64s', and this program runs only %s", path,
                target, driverNames().c_str());
  const std::string which(wanted.substr(std::min(colon + 1, wanted.size())));
  if (minnow_status status = driver->load(model->package, model->description,
                                          which.c_str(), model->device, error))
    return status;
  *out = model.release();
  return MINNOW_STATUS_OK;
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
  return minnow_model_load_on(path, nullptr, model, error);
}

minnow_status minnow_model_load_on(const char *path, const char *device,
                                   minnow_model **model, minnow_error *error) {
  if (!path || !model)
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT, "a null pointer");
  *model = nullptr;
  std::unique_ptr<minnow_model> loaded(new (std::nothrow) minnow_model);
  if (!loaded)
    return outOfMemory(error);
  const std::string_view wanted = device ? device : "";
  if (isPackage(path))
    return loadPackage(std::move(loaded), path, wanted, model, error);
  if (minnow_status status = loaded->library.open(path, loaded->program, error))
    return status;
  if (!wanted.empty() && wanted != "cpu")
    return wrongDevice(error, path, "cpu", wanted);
  return finish(std::move(loaded), model, error);
}

const char *minnow_model_device(const minnow_model *model) {
  return model->device ? model->device->getDeviceName() : "cpu";
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
           kernel.reference(), kernel.byte_macs()};
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
