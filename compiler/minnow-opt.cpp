//===- minnow-opt.cpp - mlir-opt for Minnow's dialects and passes ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For lit tests and for looking at one pass: `minnow-opt --fold x.mlir`.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Mobile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "targets/reference/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, mlir::memref::MemRefDialect,
                  mlir::quant::QuantDialect, minnow::mobile::MobileDialect>();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  minnow::registerMinnowPasses();
  minnow::registerReferencePasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Minnow optimizer driver\n", registry));
}
