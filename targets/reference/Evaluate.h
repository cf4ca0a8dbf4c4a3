//===- Evaluate.h - kernels and networks run in this process ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes what emitReference emits for this machine, so that tests and
// `minnow verify` have results to compare with, independent of every fast path.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_REFERENCE_EVALUATE_H
#define MINNOW_TARGETS_REFERENCE_EVALUATE_H

#include "dialects/mobile/Mobile.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <vector>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace minnow {

/// Compiles kernels for this machine and keeps their code: kernels that differ
/// in their names only are compiled once. For one thread.
class Evaluator {
public:
  static llvm::Expected<std::unique_ptr<Evaluator>> create();
  ~Evaluator();

  /// Executes `kernel` on `buffers`: its arguments, then its results, all as
  /// they lie in memory by the kernel's layouts. Errors: those of
  /// emitReference, and another number of buffers than the kernel has.
  llvm::Error run(mobile::KernelOp kernel, llvm::ArrayRef<void *> buffers);

  /// How many different kernels it has compiled.
  size_t getNumCompiled() const { return functions.size(); }

private:
  using Function = int32_t (*)(void *context, uint32_t task,
                               void *const *buffers);

  explicit Evaluator(std::unique_ptr<llvm::orc::LLJIT> jit);
  llvm::Expected<Function> compile(mobile::KernelOp kernel);

  std::unique_ptr<llvm::orc::LLJIT> jit;
  llvm::StringMap<Function> functions; // by the kernel's text
};

/// Executes `kernel` once; see Evaluator::run.
llvm::Error evaluate(mobile::KernelOp kernel, llvm::ArrayRef<void *> buffers);

/// The elements of a tensor, row-major.
using Elements = std::vector<float>;

/// Executes the one network (`func.func`) of `module`, primitive by primitive,
/// on `inputs`, one for each of its arguments; blocks are executed as what they
/// contain. Returns an output for each result. Errors: no or several networks,
/// inputs of another number or size, weights without numbers, an operation that
/// is neither primitive, weight nor block, and those of emitReference.
llvm::Expected<std::vector<Elements>>
evaluateNetwork(mlir::ModuleOp module, llvm::ArrayRef<Elements> inputs);

} // namespace minnow

#endif // MINNOW_TARGETS_REFERENCE_EVALUATE_H
