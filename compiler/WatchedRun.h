//===- WatchedRun.h - a run with every kernel's result kept -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes the result of every kernel an output of the program, compiles it and
// has minnow-run, or what emulates its machine, run it.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_WATCHEDRUN_H
#define MINNOW_COMPILER_WATCHEDRUN_H

#include "compiler/Compile.h"

namespace minnow {

/// Bytes of each value of a program, as they lie in memory.
using Buffers = llvm::DenseMap<mlir::Value, std::string>;

/// The one program of a module after form-groups.
mobile::ProgramOp getProgram(mlir::ModuleOp module);

/// The floats in a .npy file.
llvm::Expected<std::vector<float>> readFloats(llvm::StringRef path);

/// The arguments of `program` in their types: those of `given`, the others
/// seeded noise. An error if one has another size.
llvm::Expected<Buffers> makeInputs(mobile::ProgramOp program,
                                   llvm::ArrayRef<std::vector<float>> given);

/// Compiles `module`, which is after form-groups, as `options` say, and runs it
/// by the words `runner`. `buffers` holds its arguments and gets its outputs.
llvm::Error runProgram(mlir::ModuleOp module, CompileOptions options,
                       llvm::ArrayRef<std::string> runner, Buffers &buffers);

/// The same for the results of all calls, but sums that are not rounded where
/// the target computes in the fixed form. The program keeps the additional
/// outputs, behind its own.
llvm::Error runWatched(mlir::ModuleOp module, CompileOptions options,
                       llvm::ArrayRef<std::string> runner, Buffers &buffers);

} // namespace minnow

#endif // MINNOW_COMPILER_WATCHEDRUN_H
