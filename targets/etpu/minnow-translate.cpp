//===- minnow-translate.cpp - between modules and binary formats ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The assembler and the disassembler of the etpu target, for tests and for
// looking at a program.
//===----------------------------------------------------------------------===//
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "targets/etpu/Assembler.h"

int main(int argc, char **argv) {
  minnow::etpu::registerTranslations();
  return failed(mlir::mlirTranslateMain(argc, argv, "Minnow translations\n"));
}
