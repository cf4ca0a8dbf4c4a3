//===- Modules.cpp - what becomes of what import reads --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass manager would call a module that does not verify a failure like any
// other, so the verifier runs by itself, between the passes.
//===----------------------------------------------------------------------===//
#include "test/fuzz/Modules.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"

using namespace minnow;

/// Runs one pass; false if it reported errors.
static bool run(mlir::ModuleOp module, std::unique_ptr<mlir::Pass> pass) {
  mlir::MLIRContext *context = module.getContext();
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(context,
                                        [&](mlir::Diagnostic &diagnostic) {
                                          messages += diagnostic.str() + "; ";
                                          return mlir::success();
                                        });
  std::string name = pass->getName().str();
  mlir::PassManager passes(context);
  passes.enableVerifier(false);
  passes.addPass(std::move(pass));
  if (mlir::failed(passes.run(module))) {
    if (messages.empty())
      fuzz::fail("a pass failed without a message", name);
    return false;
  }
  if (mlir::failed(mlir::verify(module)))
    fuzz::fail("a pass broke the module", name + ": " + messages);
  return true;
}

void fuzz::raise(mlir::ModuleOp module) {
  if (run(module, createFold()) && run(module, createFuseQuantize()) &&
      run(module, createRaiseAttention()))
    run(module, createRaise());
}
