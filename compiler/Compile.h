//===- Compile.h - from a model to a target binary ---------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler as a library: what `minnow compile` does, without a command
// line.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_COMPILE_H
#define MINNOW_COMPILER_COMPILE_H

#include "compiler/Pipeline.h"
#include "compiler/Workers.h"
#include "compiler/import/Import.h"
#include "targets/Target.h"

namespace minnow {

struct CompileOptions {
  std::string model;  // x.onnx, x.mlir, x.mlirbc or the name of a network
  std::string output; // the suffix says the kind
  std::string name;   // of the program; empty: the model's
  TargetSpec target;
  ImportOptions import;
  PipelineOptions pipeline;
  WorkerOptions workers;
  bool stopEarly = false; // `pipeline.stopAfter` was asked for
};

/// What a compile tells at its end.
struct CompileReport {
  struct Kernel {
    std::string name;
    size_t calls;
    uint64_t macs;
    bool reference;   // taken by the slow way,
    std::string note; // and why
    KernelCounts counts;
    uint64_t outputs; // numbers of its result
  };
  std::vector<Kernel> kernels;
  std::vector<StageTime> times;
  size_t fromCache = 0;
  std::optional<QuantizationReport> quantization;
  /// Read from and written to the arena by all calls.
  uint64_t betweenBytes = 0;
  uint64_t arenaBytes = 0, scratchBytes = 0, weightBytes = 0, outputBytes = 0;
  std::string machine; // triple and CPU
};

/// Reads or imports the model, names its network `options.name` and gives the
/// module its target. Loads the dialects into `context`.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
loadNetwork(mlir::MLIRContext &context, const CompileOptions &options,
            const Target &target);

/// Compiles, writes the output, and reports. Nothing is written on an error.
llvm::Expected<CompileReport> compile(const CompileOptions &options);

} // namespace minnow

#endif // MINNOW_COMPILER_COMPILE_H
