//===- Files.h - files that appear whole or not at all -----------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_FILES_H
#define MINNOW_COMPILER_FILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <string>
#include <utility>

namespace minnow {

llvm::Expected<std::string> readFile(llvm::StringRef path);

/// What tells bytes from others: as they are compared, and for names of files.
std::array<uint8_t, 32> hashOf(llvm::StringRef bytes);
std::string hexHashOf(llvm::StringRef bytes);

/// Writes all files (path, bytes) beside their places and renames them only
/// when each is complete; on an error none of them is left.
llvm::Error
writeFiles(llvm::ArrayRef<std::pair<std::string, llvm::StringRef>> files);

} // namespace minnow

#endif // MINNOW_COMPILER_FILES_H
