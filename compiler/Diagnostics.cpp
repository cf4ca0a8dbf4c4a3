//===- Diagnostics.cpp - what the user is told ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's diagnostics and llvm::Errors in one form.
//===----------------------------------------------------------------------===//
#include "compiler/Diagnostics.h"
#include "compiler/import/Faults.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace minnow;

/// `FILE:LINE:COLUMN: ` or `NAME: ` of what `location` tells; empty for none.
static std::string describe(mlir::Location location) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  location->walk([&](mlir::Location part) {
    if (auto file = mlir::dyn_cast<mlir::FileLineColLoc>(part))
      stream << file.getFilename().getValue() << ':' << file.getLine() << ':'
             << file.getColumn() << ": ";
    else if (auto name = mlir::dyn_cast<mlir::NameLoc>(part))
      stream << importer::printable(name.getName()) << ": ";
    else
      return mlir::WalkResult::advance();
    return mlir::WalkResult::interrupt();
  });
  return text;
}

DiagnosticCollector::DiagnosticCollector(mlir::MLIRContext *context)
    : handler(context, [this](mlir::Diagnostic &diagnostic) {
        std::string text =
            describe(diagnostic.getLocation()) + diagnostic.str();
        for (mlir::Diagnostic &note : diagnostic.getNotes())
          text += "\n  note: " + describe(note.getLocation()) + note.str();
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          errors.push_back(std::move(text));
        else
          llvm::errs() << text << '\n';
      }) {}

llvm::Error DiagnosticCollector::take(const llvm::Twine &fallback) {
  if (errors.empty())
    errors.push_back(fallback.str());
  llvm::Error all = llvm::Error::success();
  for (const std::string &text : errors)
    all = llvm::joinErrors(std::move(all), llvm::createStringError(text));
  errors.clear();
  return all;
}

void minnow::printError(llvm::Error error) {
  llvm::handleAllErrors(std::move(error), [](const llvm::ErrorInfoBase &info) {
    std::string text = info.message();
    // Faults of files name them already: `FILE: error: ...`.
    bool isNamed = llvm::StringRef(text).contains(": error: ");
    llvm::errs() << (isNamed ? "" : "error: ") << text << '\n';
  });
}
