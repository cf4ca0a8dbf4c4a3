//===- Import.cpp - models into the mobile dialect ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the importer and turns the dialect's diagnostics, which carry a
// layer's name as location, into faults of the file.
//===----------------------------------------------------------------------===//
#include "compiler/import/Import.h"
#include "compiler/import/Faults.h"
#include "compiler/import/networks/Importer.h"
#include "compiler/import/onnx/Importer.h"
#include "dialects/mobile/Mobile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"

using namespace llvm;
using namespace minnow;
using namespace minnow::importer;

/// "layer 'name': message".
static std::string describe(const mlir::Diagnostic &diagnostic) {
  std::string text;
  if (auto name = dyn_cast<mlir::NameLoc>(diagnostic.getLocation()))
    text = "layer " + quote(name.getName()) + ": ";
  return text + diagnostic.str();
}

Expected<mlir::OwningOpRef<mlir::ModuleOp>>
minnow::importModel(mlir::MLIRContext &context, StringRef model,
                    const ImportOptions &options) {
  context.loadDialect<mlir::func::FuncDialect, mobile::MobileDialect>();
  Faults faults(model.str());
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          (void)faults.add(describe(diagnostic));
        return success();
      });
  auto module = model.ends_with(".onnx")
                    ? importOnnx(context, model, options, faults)
                    : importNetwork(context, model, options, faults);
  if (faults.any())
    return faults.take();
  if (mlir::failed(module))
    return createStringError(model + ": error: could not be imported");
  return std::move(*module);
}
