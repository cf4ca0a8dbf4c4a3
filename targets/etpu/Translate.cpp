//===- Translate.cpp - assembler and disassembler for mlir-translate ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "mlir/Tools/mlir-translate/Translation.h"
#include "targets/etpu/Assembler.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace minnow;

static LogicalResult toBinary(ModuleOp module, llvm::raw_ostream &output) {
  auto programs = llvm::to_vector(module.getOps<etpu::ir::ProgramOp>());
  if (programs.size() != 1)
    return module.emitError("expected one etpu.program, found ")
           << programs.size();
  auto bytes = etpu::assemble(programs[0]);
  if (failed(bytes))
    return failure();
  output << *bytes;
  return success();
}

static OwningOpRef<Operation *> fromBinary(llvm::SourceMgr &sources,
                                           MLIRContext *context) {
  context->loadDialect<etpu::ir::EtpuDialect>();
  llvm::StringRef bytes =
      sources.getMemoryBuffer(sources.getMainFileID())->getBuffer();
  OwningOpRef<ModuleOp> module(ModuleOp::create(UnknownLoc::get(context)));
  auto program = etpu::disassemble(*module, "program", bytes);
  if (program)
    return OwningOpRef<Operation *>(module.release());
  emitError(UnknownLoc::get(context)) << llvm::toString(program.takeError());
  return nullptr;
}

void etpu::registerTranslations() {
  static TranslateFromMLIRRegistration assembler(
      "etpu-to-binary", "the code section of an etpu.program",
      [](mlir::Operation *op, llvm::raw_ostream &output) {
        return toBinary(cast<ModuleOp>(op), output);
      },
      [](DialectRegistry &registry) { registry.insert<ir::EtpuDialect>(); });
  static TranslateToMLIRRegistration disassembler(
      "binary-to-etpu", "the etpu.program of a code section",
      [](llvm::SourceMgr &sources, MLIRContext *context) {
        return fromBinary(sources, context);
      },
      [](DialectRegistry &registry) { registry.insert<ir::EtpuDialect>(); });
}
