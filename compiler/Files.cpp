//===- Files.cpp - files that appear whole or not at all ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/Files.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <vector>

using namespace minnow;
using llvm::Error;
using llvm::StringRef;

llvm::Expected<std::string> minnow::readFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(buffer.getError(),
                                   "cannot read '" + path +
                                       "': " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

std::array<uint8_t, 32> minnow::hashOf(StringRef bytes) {
  return llvm::BLAKE3::hash<32>(llvm::arrayRefFromStringRef(bytes));
}

std::string minnow::hexHashOf(StringRef bytes) {
  return llvm::toHex(hashOf(bytes), /*LowerCase=*/true);
}

/// Writes `bytes` to the temporary file `file`.
static Error fill(llvm::sys::fs::TempFile &file, StringRef bytes) {
  llvm::raw_fd_ostream stream(file.FD, /*shouldClose=*/false);
  stream << bytes;
  stream.flush();
  std::error_code code = stream.error();
  stream.clear_error();
  return code ? llvm::createStringError(code, code.message())
              : Error::success();
}

Error minnow::writeFiles(
    llvm::ArrayRef<std::pair<std::string, StringRef>> files) {
  std::vector<llvm::sys::fs::TempFile> temporaries;
  auto discard = llvm::scope_exit([&] {
    for (auto &file : temporaries)
      llvm::consumeError(file.discard());
  });
  auto fail = [](StringRef path, Error error) {
    return llvm::createStringError("cannot write '" + path +
                                   "': " + llvm::toString(std::move(error)));
  };
  for (auto &[path, bytes] : files) {
    auto file = llvm::sys::fs::TempFile::create(path + ".%%%%%%.tmp");
    if (!file)
      return fail(path, file.takeError());
    temporaries.push_back(std::move(*file));
    if (Error error = fill(temporaries.back(), bytes))
      return fail(path, std::move(error));
  }
  for (size_t i = 0; i < files.size(); ++i)
    if (Error error = temporaries[i].keep(files[i].first))
      return fail(files[i].first, std::move(error));
  return Error::success();
}
