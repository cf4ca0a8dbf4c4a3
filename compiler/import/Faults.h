//===- Faults.h - what is wrong with the user's file ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Import goes on after a fault to find the others, so it collects them. A
// function that adds one returns failure(), and its callers add no second.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_IMPORT_FAULTS_H
#define MINNOW_COMPILER_IMPORT_FAULTS_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace minnow::importer {

/// `name` in single quotes, for a message: control characters escaped, and cut
/// where it is longer than any sensible name.
std::string quote(llvm::StringRef name);

/// `text` with all but printable ASCII escaped, so that it stays on its line
/// and no terminal obeys it.
std::string printable(llvm::StringRef text);

/// The names, quoted, with commas between them.
std::string quoteList(llvm::ArrayRef<std::string> names);

/// "[1, 3, 224, 224]".
std::string shapeText(llvm::ArrayRef<int64_t> shape);

/// The faults found in one file.
class Faults {
public:
  explicit Faults(std::string file) : file(std::move(file)) {}

  /// Adds "FILE: error: MESSAGE", the message made printable, and returns
  /// failure. What follows the first few dozen is only counted.
  llvm::LogicalResult add(const llvm::Twine &message);

  bool any() const { return !messages.empty(); }

  /// All messages as one error; success if there are none.
  llvm::Error take();

private:
  std::string file;
  std::vector<std::string> messages;
  size_t omitted = 0;
};

} // namespace minnow::importer

#endif // MINNOW_COMPILER_IMPORT_FAULTS_H
