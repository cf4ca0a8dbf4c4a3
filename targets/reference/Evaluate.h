//===- Evaluate.h - kernels and networks run in this process ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes what emitReference emits for this machine, so that tests, `minnow
// verify` and the quantizer's calibration have results that are independent of
// every fast path.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_REFERENCE_EVALUATE_H
#define MINNOW_TARGETS_REFERENCE_EVALUATE_H

#include "dialects/mobile/Mobile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
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

  /// The function of emitReference; it may run on several threads.
  using Function = int32_t (*)(void *context, uint32_t task,
                               void *const *buffers);
  llvm::Expected<Function> compile(mobile::KernelOp kernel);

  /// How many different kernels it has compiled.
  size_t getNumCompiled() const { return functions.size(); }

private:
  explicit Evaluator(std::unique_ptr<llvm::orc::LLJIT> jit);

  std::unique_ptr<llvm::orc::LLJIT> jit;
  llvm::StringMap<Function> functions; // by the kernel's text
};

/// Executes `kernel` once; see Evaluator::run.
llvm::Error evaluate(mobile::KernelOp kernel, llvm::ArrayRef<void *> buffers);

/// Sees a value and its elements, row-major, as its type is stored.
using Observer =
    llvm::function_ref<llvm::Error(mlir::Value value, const void *elements)>;

/// A network that runs primitive by primitive, before any pass that makes
/// kernels, so that every value of it can be seen: to calibrate a quantizer, to
/// compare two forms of a network value by value. For one thread.
class NetworkEvaluator {
public:
  /// Prepares the one network (`func.func`) of `module`, which must stay as it
  /// is; blocks are executed as what they contain. Errors: no or several
  /// networks, weights without numbers, an operation that is neither primitive,
  /// weight nor block, and those of emitReference.
  static llvm::Expected<std::unique_ptr<NetworkEvaluator>>
  create(mlir::ModuleOp module);
  ~NetworkEvaluator();

  mlir::func::FuncOp getNetwork() const { return network; }

  /// Executes it on `inputs`, one for each argument, as the arguments' types
  /// are stored. `observe` sees each argument, then the result of each
  /// primitive in order, also of those inside of blocks; an error of it ends
  /// the run.
  llvm::Error run(llvm::ArrayRef<const void *> inputs, Observer observe);

  /// The elements of `value` in the last run.
  const void *get(mlir::Value value) const { return buffers.lookup(value); }

private:
  /// One primitive, with its operands and its result as buffers.
  struct Step {
    mlir::Value result;
    Evaluator::Function function;
    llvm::SmallVector<void *> buffers;
  };

  NetworkEvaluator(mlir::func::FuncOp network, mlir::ModuleOp module,
                   std::unique_ptr<Evaluator> evaluator);
  llvm::Error prepare(mlir::Block &block);
  llvm::Error prepare(mlir::Operation *op);
  llvm::Error prepareWeight(mobile::GetWeightOp op);
  llvm::Error preparePrimitive(mlir::Operation *op);
  llvm::Error prepareBlock(mlir::Operation *op);
  void *allocate(mlir::Value value);

  mlir::func::FuncOp network;
  mlir::SymbolTable symbols;
  std::unique_ptr<Evaluator> evaluator;
  std::vector<std::unique_ptr<char[]>> owned;
  llvm::DenseMap<mlir::Value, void *> buffers; // weights where they lie
  std::vector<Step> steps;
};

/// The elements of a tensor of f32, row-major.
using Elements = std::vector<float>;

/// Executes the network of `module`, see NetworkEvaluator, once on `inputs`.
/// Returns an output for each result. Errors also: inputs of another number or
/// size.
llvm::Expected<std::vector<Elements>>
evaluateNetwork(mlir::ModuleOp module, llvm::ArrayRef<Elements> inputs);

} // namespace minnow

#endif // MINNOW_TARGETS_REFERENCE_EVALUATE_H
