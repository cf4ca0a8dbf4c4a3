//===- Modules.cpp - modules from and to files ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/Modules.h"
#include "compiler/Diagnostics.h"
#include "compiler/Files.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace minnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

Expected<mlir::OwningOpRef<mlir::ModuleOp>>
minnow::readModule(mlir::MLIRContext &context, StringRef path) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  // Bytecode is read in place, and its weights want this alignment.
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      bytes->size(), path, llvm::Align(64));
  std::copy(bytes->begin(), bytes->end(), buffer->getBufferStart());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());

  DiagnosticCollector diagnostics(&context);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(sources, &context);
  if (!module)
    return diagnostics.take("'" + path + "' is no MLIR");
  return module;
}

Expected<std::string> minnow::toBytecode(mlir::ModuleOp module) {
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  if (mlir::failed(mlir::writeBytecodeToFile(
          module, stream, mlir::BytecodeWriterConfig("minnow"))))
    return llvm::createStringError("the module cannot be written as bytecode");
  return bytes;
}

Expected<uint64_t> minnow::writeModule(mlir::ModuleOp module, StringRef path) {
  std::string bytes;
  if (path.ends_with(".mlirbc")) {
    auto bytecode = toBytecode(module);
    if (!bytecode)
      return bytecode.takeError();
    bytes = std::move(*bytecode);
  } else {
    llvm::raw_string_ostream stream(bytes);
    // Locations hold the names of layers and blocks, which reports tell.
    module->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
    stream << '\n';
  }
  if (Error error = writeFiles({{path.str(), bytes}}))
    return error;
  return bytes.size();
}
