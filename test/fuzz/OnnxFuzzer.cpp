//===- OnnxFuzzer.cpp - the reader of ONNX files under the fuzzer ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file ends in messages or in a module that verifies, and keeps verifying
// while it is folded and its blocks are recognised.
//===----------------------------------------------------------------------===//
#include "compiler/import/Import.h"
#include "test/fuzz/Modules.h"

using namespace minnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const fuzz::InputFile file("model.onnx");
  file.write(data, size);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = importModel(context, file.path(), {});
  if (module)
    fuzz::raise(**module);
  else
    fuzz::checkMessages(module.takeError());
  return 0;
}
