//===- Session.cpp - a model made ready to run, for the programs
//------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Uses only the C API of the model, as an app would.
//===----------------------------------------------------------------------===//
#include "runtime/Session.h"
#include "runtime/CpuFeatures.h"
#include "runtime/Device.h"
#include "runtime/ThreadPool.h"

#include <chrono>
#include <cstdio>

namespace minnow {
namespace {

bool allocateAll(const std::vector<minnow_tensor_info> &infos,
                 std::vector<PageMemory> &memory) {
  for (const minnow_tensor_info &info : infos) {
    memory.emplace_back();
    if (!memory.back().allocate(info.bytes))
      return false;
    memory.back().touch();
  }
  return true;
}

} // namespace

minnow_status Session::open(const char *path, uint32_t threads,
                            minnow_error *error, const char *device) {
  minnow_model *model = nullptr;
  if (minnow_status status = minnow_model_load_on(path, device, &model, error))
    return status;
  loaded.reset(model);
  minnow_context *context = nullptr;
  if (minnow_status status =
          minnow_context_create(model, threads, &context, error))
    return status;
  made.reset(context);
  return allocate(error);
}

minnow_status Session::allocate(minnow_error *error) {
  const minnow_model_info info = minnow_model_describe(model());
  inputInfos.resize(info.inputs);
  outputInfos.resize(info.outputs);
  for (uint32_t i = 0; i < info.inputs; ++i)
    minnow_model_input(model(), i, &inputInfos[i]);
  for (uint32_t i = 0; i < info.outputs; ++i)
    minnow_model_output(model(), i, &outputInfos[i]);
  if (!allocateAll(inputInfos, inputMemory) ||
      !allocateAll(outputInfos, outputMemory))
    return fail(error, MINNOW_STATUS_NO_RESOURCES,
                "no memory for the inputs and outputs");
  for (const PageMemory &memory : inputMemory)
    inputPointers.push_back(memory.data());
  for (const PageMemory &memory : outputMemory)
    outputPointers.push_back(memory.data());
  return MINNOW_STATUS_OK;
}

minnow_status Session::run(double &elapsed, minnow_error *error) {
  const auto start = std::chrono::steady_clock::now();
  const minnow_status status = minnow_context_run(
      context(), inputPointers.data(), outputPointers.data(), error);
  const auto end = std::chrono::steady_clock::now();
  elapsed = std::chrono::duration<double, std::milli>(end - start).count();
  return status;
}

std::vector<uint64_t> shapeOf(const minnow_tensor_info &tensor) {
  return {tensor.dims, tensor.dims + tensor.rank};
}

std::string sizeText(uint64_t bytes) {
  char text[32];
  if (bytes < 1024)
    std::snprintf(text, sizeof(text), "%u bytes", static_cast<unsigned>(bytes));
  else if (bytes < (1 << 20))
    std::snprintf(text, sizeof(text), "%.2f KiB", double(bytes) / 1024);
  else
    std::snprintf(text, sizeof(text), "%.2f MiB", double(bytes) / (1 << 20));
  return text;
}

std::string deviceList() {
  std::string line = "cpu  " + std::string(cpuArchitecture()) + ", " +
                     std::to_string(ThreadPool::availableCores()) + " cores:";
  for (const CpuFeature &feature : cpuFeatures())
    if (feature.present)
      line += std::string(" ") + feature.name;
  return line + "\n" + listDrivers();
}

minnow_status checkDevice(const std::string &name, minnow_error *error) {
  if (name.empty() || name == "cpu" ||
      findDriver(std::string_view(name).substr(0, name.find(':'))))
    return MINNOW_STATUS_OK;
  return fail(error, MINNOW_STATUS_UNSUPPORTED,
              "unknown device '%.64s': there is %s", name.c_str(),
              driverNames().c_str());
}

} // namespace minnow
