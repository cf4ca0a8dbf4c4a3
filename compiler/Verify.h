//===- Verify.h - a compiled network against the reference ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `minnow verify`: compiles a network so that the result of every kernel is an
// output, runs it by minnow-run, and computes each kernel once more by the
// reference, of the same operands. So each kernel is judged by itself; the
// program as users get it must then give the same outputs.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_VERIFY_H
#define MINNOW_COMPILER_VERIFY_H

#include "compiler/Compile.h"
#include "compiler/Distance.h"
#include <optional>

namespace minnow {

struct VerifyOptions {
  CompileOptions compile; // the output is not used
  std::string input;      // a .npy of f32; empty: seeded noise
  // The network in f32, to compare int8 with; empty: what `compile.model` is
  // before it is quantized, if it is.
  std::string f32;
  std::vector<std::string> runner; // minnow-run and what runs it
  double tolerance = 1e-4;         // of f32; integers must be equal
  double minSqnr = 5;              // dB, of an int8 network's outputs
};

/// The result of one kernel call.
struct KernelVerdict {
  std::string layer, kernel;
  bool isInteger = false;
  Distance compiled;           // against the reference on the same operands
  std::optional<Distance> f32; // an int8 result against the f32 network's
  bool isWrong = false;        // by `compiled`
};

struct Verification {
  std::vector<KernelVerdict> kernels; // in the program's order
  std::vector<KernelVerdict> whole;   // outputs of the unwatched program
  std::vector<Distance> outputs;      // int8 against f32
  double minSqnr = 0;                 // that the outputs must have

  bool isWrong() const;
  /// Null if every kernel is right.
  const KernelVerdict *getFirstWrong() const;
};

/// Compiles, runs and compares. An error if one of the three cannot be done.
llvm::Expected<Verification> verify(const VerifyOptions &options);

/// The first wrong kernel, the worst five, and the outputs.
void printVerification(const Verification &verification,
                       llvm::raw_ostream &stream);

} // namespace minnow

#endif // MINNOW_COMPILER_VERIFY_H
