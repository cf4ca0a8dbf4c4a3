//===- Diagnostics.h - what the user is told ---------------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One form for all faults: a line `FILE:LINE: error: what; what would do` or
// `error: ...`, and the exit code that says whose fault it is.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_DIAGNOSTICS_H
#define MINNOW_COMPILER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace minnow {

/// The exit codes of all programs.
enum ExitCode { kDone = 0, kUserError = 1, kComparisonFailed = 2 };

/// Collects what MLIR reports while it lives, as an llvm::Error for the caller.
/// Notes stay with their errors; remarks and warnings go to standard error.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext *context);
  /// The errors so far, a message each, or `fallback` where none was reported.
  llvm::Error take(const llvm::Twine &fallback);

private:
  std::vector<std::string> errors;
  mlir::ScopedDiagnosticHandler handler;
};

/// Prints `error` to standard error, one `error:` line for each of its
/// messages.
void printError(llvm::Error error);

} // namespace minnow

#endif // MINNOW_COMPILER_DIAGNOSTICS_H
