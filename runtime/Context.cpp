//===- Context.cpp - runs a model
//-------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The context half of the C API: the workspace, the threads and the run.
//===----------------------------------------------------------------------===//
#include "runtime/Model.h"
#include "runtime/ThreadPool.h"

#include <algorithm>
#include <memory>
#include <new>

using namespace minnow;

struct minnow_context {
  const minnow_model *model = nullptr;
  PageMemory workspace;
  uint64_t workspaceBytes = 0;
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<DeviceContext> device; // in place of workspace and pool
  CallTimes times;
  const minnow_threads *threads = nullptr; // the pool's, or the app's
  minnow_profiler profiler = {nullptr, nullptr};
};

namespace {

/// The first pointer that is null or not aligned to its element; null if none
/// is. The text is for the caller's message.
template <typename Pointer>
const minnow_tensor_info *
findBadPointer(const std::vector<minnow_tensor_info> &tensors,
               Pointer pointers) {
  for (size_t i = 0; i < tensors.size(); ++i)
    if (!pointers || !pointers[i] ||
        reinterpret_cast<uintptr_t>(pointers[i]) % bytesOf(tensors[i].type))
      return &tensors[i];
  return nullptr;
}

minnow_status badPointer(minnow_error *error, const minnow_tensor_info &tensor,
                         const char *kind) {
  return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
              "the pointer of %s '%s' is null or not aligned to %u bytes", kind,
              tensor.name, bytesOf(tensor.type));
}

minnow_status allocateWorkspace(minnow_context &context, uint32_t threads,
                                minnow_error *error) {
  uint64_t bytes = 0;
  if (!workspaceBytes(context.model->description, threads, bytes) ||
      !context.workspace.allocate(bytes))
    return fail(error, MINNOW_STATUS_NO_RESOURCES,
                "no memory for a workspace of %llu + %u x %llu bytes",
                static_cast<unsigned long long>(
                    context.model->description.entry->arena_bytes()),
                threads,
                static_cast<unsigned long long>(
                    context.model->description.entry->scratch_bytes()));
  context.workspaceBytes = bytes;
  // Else the first inference would take the page faults.
  context.workspace.touch();
  return MINNOW_STATUS_OK;
}

} // namespace

minnow_status minnow_context_create(const minnow_model *model, uint32_t threads,
                                    minnow_context **context,
                                    minnow_error *error) {
  if (!model || !context)
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT, "a null pointer");
  *context = nullptr;
  if (threads == 0)
    threads = std::min(ThreadPool::availableCores(), ThreadPool::kMaxThreads);
  if (threads > ThreadPool::kMaxThreads)
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
                "%u threads asked for, %u is the most", threads,
                ThreadPool::kMaxThreads);
  std::unique_ptr<minnow_context> made(new (std::nothrow) minnow_context);
  if (!made)
    return fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
  made->model = model;
  if (model->device) {
    if (minnow_status status =
            model->device->createContext(made->device, error))
      return status;
    *context = made.release();
    return MINNOW_STATUS_OK;
  }
  if (minnow_status status = allocateWorkspace(*made, threads, error))
    return status;
  made->pool = ThreadPool::create(threads, error);
  if (!made->pool)
    return MINNOW_STATUS_NO_RESOURCES;
  made->threads = made->pool->abi();
  *context = made.release();
  return MINNOW_STATUS_OK;
}

void minnow_context_free(minnow_context *context) { delete context; }

uint32_t minnow_context_threads(const minnow_context *context) {
  return context->pool ? context->pool->count() : 1;
}

uint64_t minnow_context_workspace_bytes(const minnow_context *context) {
  return context->workspaceBytes;
}

minnow_status minnow_context_use_threads(minnow_context *context,
                                         const minnow_threads *threads,
                                         minnow_error *error) {
  if (!context->pool)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the model runs on %s, which takes no threads",
                minnow_model_device(context->model));
  if (!threads)
    threads = context->pool->abi();
  if (threads->count == 0 || threads->count > context->pool->count())
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
                "%u threads given to a context that was made for 1 to %u",
                threads->count, context->pool->count());
  context->threads = threads;
  return MINNOW_STATUS_OK;
}

void minnow_context_profile(minnow_context *context,
                            void (*callDone)(void *self, uint32_t call),
                            void *self) {
  context->profiler = {self, callDone};
}

minnow_status minnow_context_time(minnow_context *context,
                                  void (*callTook)(void *self, uint32_t call,
                                                   double microseconds),
                                  void *self) {
  if (!context->device)
    return MINNOW_STATUS_UNSUPPORTED;
  context->times = {callTook, self};
  return MINNOW_STATUS_OK;
}

minnow_status minnow_context_run(minnow_context *context,
                                 const void *const *inputs,
                                 void *const *outputs, minnow_error *error) {
  const Description &description = context->model->description;
  if (const auto *bad = findBadPointer(description.inputs, inputs))
    return badPointer(error, *bad, "input");
  if (const auto *bad = findBadPointer(description.outputs, outputs))
    return badPointer(error, *bad, "output");
  if (context->device)
    return context->device->run(
        inputs, outputs, context->times.callTook ? &context->times : nullptr,
        error);
  minnow_arguments arguments = {};
  arguments.inputs = inputs;
  arguments.outputs = outputs;
  arguments.workspace = context->workspace.data();
  arguments.weights = context->model->weights.data();
  arguments.threads = context->threads;
  if (context->profiler.call_done)
    arguments.profiler = &context->profiler;
  if (int32_t result = context->model->program->run(&arguments))
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
                "the program refused its arguments (code %d)", result);
  return MINNOW_STATUS_OK;
}
