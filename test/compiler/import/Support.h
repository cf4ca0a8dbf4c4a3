//===- Support.h - what the tests of import share ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder for a test's files, and import as text: the module, or the messages.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_COMPILER_IMPORT_SUPPORT_H
#define MINNOW_TEST_COMPILER_IMPORT_SUPPORT_H

#include "compiler/import/Import.h"
#include <gtest/gtest.h>
#include <string>

namespace minnow::test {

/// A new folder, removed with all that is in it at the end of the test.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  /// The path of `name` in the folder.
  std::string operator/(const std::string &name) const {
    return path + "/" + name;
  }
  /// Writes a file and returns its path.
  std::string write(const std::string &name, const std::string &bytes) const;

  std::string path;
};

/// What import makes of a model.
struct Imported {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// The printed module without the weights' bytes; on failure the messages,
  /// one a line.
  std::string text;

  Imported(const std::string &model, const ImportOptions &options);

  uint64_t macs();
  /// How many ops have the name, e.g. "mobile.transpose".
  size_t count(llvm::StringRef op);
  /// The numbers of a weight; empty if there is none of the name.
  llvm::ArrayRef<float> weight(llvm::StringRef name);
};

/// For EXPECT_TRUE: whether `text` contains `part`; prints both where not.
testing::AssertionResult contains(const std::string &text,
                                  const std::string &part);

} // namespace minnow::test

#endif // MINNOW_TEST_COMPILER_IMPORT_SUPPORT_H
