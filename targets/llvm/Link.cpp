//===- Link.cpp - objects to one object, library or archive ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lld runs in this process. It reads and writes files, so the objects pass
// through a folder that is removed again.
//===----------------------------------------------------------------------===//
#include "lld/Common/Driver.h"
#include "targets/llvm/Object.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/Binary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

using namespace minnow;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

namespace {

/// A folder for files that lld reads and writes; gone with the object.
class ScratchFolder {
public:
  Error create() {
    if (std::error_code code =
            llvm::sys::fs::createUniqueDirectory("minnow-link", path))
      return llvm::createStringError(code, "cannot make a temporary folder");
    return Error::success();
  }
  ~ScratchFolder() {
    if (!path.empty())
      llvm::sys::fs::remove_directories(path);
  }
  std::string file(const llvm::Twine &name) const {
    SmallString<128> result(path);
    llvm::sys::path::append(result, name);
    return result.str().str();
  }

private:
  SmallString<128> path;
};

} // namespace

static Error writeFile(StringRef path, StringRef bytes) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  if (!code) {
    stream << bytes;
    stream.close();
    code = stream.error();
    stream.clear_error();
  }
  if (code)
    return llvm::createStringError(code, "cannot write " + path);
  return Error::success();
}

/// Runs lld over `objects` with `options` and returns what it wrote.
static Expected<std::string> runLld(ArrayRef<StringRef> objects,
                                    ArrayRef<std::string> options) {
  ScratchFolder folder;
  if (Error error = folder.create())
    return error;
  std::vector<std::string> arguments = {"ld.lld"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  for (auto [i, object] : llvm::enumerate(objects)) {
    arguments.push_back(folder.file(llvm::Twine(i) + ".o"));
    if (Error error = writeFile(arguments.back(), object))
      return error;
  }
  std::string output = folder.file("out");
  arguments.insert(arguments.end(), {"-o", output});

  std::vector<const char *> raw;
  for (const std::string &argument : arguments)
    raw.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result =
      lld::lldMain(raw, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return llvm::createStringError("linking failed: " + messages);
  auto buffer = llvm::MemoryBuffer::getFile(output);
  if (!buffer)
    return llvm::createStringError(buffer.getError(), "cannot read " + output);
  return (*buffer)->getBuffer().str();
}

/// Makes all symbols local that `object` defines but `keepGlobal` lacks.
static Expected<std::string> localize(StringRef object,
                                      ArrayRef<StringRef> keepGlobal) {
  llvm::objcopy::ConfigManager config;
  for (StringRef name : keepGlobal)
    if (Error error = config.Common.SymbolsToKeepGlobal.addMatcher(
            llvm::objcopy::NameOrPattern::create(
                name, llvm::objcopy::MatchStyle::Literal,
                [](Error error) { return error; })))
      return error;
  auto binary =
      llvm::object::createBinary(llvm::MemoryBufferRef(object, "object"));
  if (!binary)
    return binary.takeError();
  SmallString<0> result;
  llvm::raw_svector_ostream stream(result);
  if (Error error =
          llvm::objcopy::executeObjcopyOnBinary(config, **binary, stream))
    return error;
  return result.str().str();
}

Expected<std::string> minnow::linkRelocatable(ArrayRef<StringRef> objects,
                                              ArrayRef<StringRef> keepGlobal) {
  auto linked = runLld(objects, {"-r"});
  if (!linked || keepGlobal.empty())
    return linked;
  return localize(*linked, keepGlobal);
}

Expected<std::string> minnow::linkShared(ArrayRef<StringRef> objects,
                                         StringRef soname) {
  return runLld(objects, {"-shared", "--gc-sections", "-z", "noexecstack",
                          "--hash-style=gnu", "-soname", soname.str()});
}

Expected<std::string> minnow::linkExecutable(ArrayRef<StringRef> objects) {
  return runLld(objects, {"-static", "--gc-sections", "-e", "_start"});
}

Expected<std::string> minnow::makeArchive(StringRef object, StringRef member) {
  std::vector<llvm::NewArchiveMember> members;
  members.emplace_back(llvm::MemoryBufferRef(object, member));
  auto archive = llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NormalSymtab,
      llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  return (*archive)->getBuffer().str();
}
