//===- Session.h - a model made ready to run, for the programs
//--------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What minnow-run and minnow-bench share: a model, a context, and a buffer for
// each input and output.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_SESSION_H
#define MINNOW_RUNTIME_SESSION_H

#include "runtime/Error.h"
#include "runtime/PageMemory.h"

#include <memory>
#include <string>
#include <vector>

namespace minnow {

/// A loaded model with its context and buffers.
class Session {
public:
  /// Loads `path` for `threads` threads (0: one a core) on `device`, or what it
  /// is for. Inputs are zero.
  minnow_status open(const char *path, uint32_t threads, minnow_error *error,
                     const char *device = "");

  /// One inference from the input buffers to the output buffers. Returns its
  /// time in milliseconds in `elapsed`.
  minnow_status run(double &elapsed, minnow_error *error);

  const minnow_model *model() const { return loaded.get(); }
  minnow_context *context() const { return made.get(); }

  const std::vector<minnow_tensor_info> &inputs() const { return inputInfos; }
  const std::vector<minnow_tensor_info> &outputs() const { return outputInfos; }
  void *input(size_t index) { return inputMemory[index].data(); }
  const void *output(size_t index) const { return outputMemory[index].data(); }

private:
  struct FreeModel {
    void operator()(minnow_model *model) const { minnow_model_free(model); }
  };
  struct FreeContext {
    void operator()(minnow_context *context) const {
      minnow_context_free(context);
    }
  };
  minnow_status allocate(minnow_error *error);

  std::unique_ptr<minnow_model, FreeModel> loaded;
  std::unique_ptr<minnow_context, FreeContext> made;
  std::vector<minnow_tensor_info> inputInfos, outputInfos;
  std::vector<PageMemory> inputMemory, outputMemory;
  std::vector<const void *> inputPointers;
  std::vector<void *> outputPointers;
};

/// The tensor's dimensions as .npy has them.
std::vector<uint64_t> shapeOf(const minnow_tensor_info &tensor);

/// "2.31 MiB", "512 bytes".
std::string sizeText(uint64_t bytes);

/// The devices of this build, a line each: name, machine, what it has.
std::string deviceList();

/// MINNOW_STATUS_UNSUPPORTED, listing what there is, unless `name` is empty or
/// NAME or NAME:N for a kind of device that this program has.
minnow_status checkDevice(const std::string &name, minnow_error *error);

} // namespace minnow

#endif // MINNOW_RUNTIME_SESSION_H
