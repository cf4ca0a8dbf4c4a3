//===- Workers.h - kernels compiled in processes of their own ----*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each kernel is compiled by a fresh process `minnow --worker`, which reads the
// kernel as bytecode and writes its code. A fresh process makes Halide's output
// reproducible, and turns a crash or a hang into an error that names the
// kernel. What a worker wrote is kept on disk under the hash of all it depends
// on.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_WORKERS_H
#define MINNOW_COMPILER_WORKERS_H

#include "targets/Target.h"
#include <functional>

namespace minnow {

struct WorkerOptions {
  std::string cacheDirectory; // empty: no cache
  unsigned jobs = 0;          // processes at once; 0: one a core
  std::function<void(size_t done, size_t total)> progress;
};

struct CompiledKernels {
  std::vector<std::pair<std::string, KernelCode>> kernels; // by kernel symbol
  size_t fromCache = 0;
};

/// Compiles all kernels of `module`, in order of their first appearance.
llvm::Expected<CompiledKernels> compileKernels(mlir::ModuleOp module,
                                               const WorkerOptions &options);

/// The worker's main: bytecode from `input`, code to `output`; the function is
/// named `symbol`. Returns the exit code.
int runWorker(llvm::StringRef input, llvm::StringRef output,
              llvm::StringRef symbol);

/// What tells this build of the compiler from others.
llvm::Expected<std::string> getBuildId();

/// The default of WorkerOptions::cacheDirectory: MINNOW_CACHE_DIR, or the
/// user's cache folder.
std::string getDefaultCacheDirectory();

} // namespace minnow

#endif // MINNOW_COMPILER_WORKERS_H
