//===- TemporaryFile.h - files of tests -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an emulator reads and writes.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_TARGETS_CPU_TEMPORARYFILE_H
#define MINNOW_TEST_TARGETS_CPU_TEMPORARYFILE_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace minnow::test {

/// A file that is gone with the object.
class TemporaryFile {
public:
  TemporaryFile() {
    int file;
    llvm::sys::fs::createTemporaryFile("minnow-test", "bin", file, name);
    remover.setFile(name);
    llvm::raw_fd_ostream(file, /*shouldClose=*/true);
  }
  void write(llvm::StringRef bytes) {
    std::error_code failed;
    llvm::raw_fd_ostream(name, failed) << bytes;
    llvm::sys::fs::setPermissions(name, llvm::sys::fs::all_all);
  }
  std::string read() const {
    auto bytes = llvm::MemoryBuffer::getFile(name);
    return bytes ? (*bytes)->getBuffer().str() : "";
  }
  llvm::StringRef path() const { return name; }

private:
  llvm::SmallString<64> name;
  llvm::FileRemover remover;
};

} // namespace minnow::test

#endif // MINNOW_TEST_TARGETS_CPU_TEMPORARYFILE_H
