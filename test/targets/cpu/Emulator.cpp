//===- Emulator.cpp - kernels of another machine under qemu ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Library, operands and result pass through files.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Emulator.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdio>
#include <cstring>

using namespace minnow;

namespace {

/// A file that is gone with the object.
class TemporaryFile {
public:
  TemporaryFile() {
    int file;
    llvm::sys::fs::createTemporaryFile("minnow-emulated", "bin", file, name);
    remover.setFile(name);
    llvm::raw_fd_ostream(file, /*shouldClose=*/true);
  }
  llvm::StringRef path() const { return name; }

private:
  llvm::SmallString<64> name;
  llvm::FileRemover remover;
};

} // namespace

static llvm::ErrorOr<std::string> findQemu() {
  return llvm::sys::findProgramByName("qemu-aarch64");
}

bool test::hasEmulator() {
  return llvm::sys::fs::exists(MINNOW_KERNEL_RUNNER) && findQemu();
}

static void writeOperands(llvm::StringRef path, uint64_t tasks,
                          llvm::ArrayRef<test::EmulatedBuffer> buffers) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  auto number = [&](uint64_t value) {
    stream.write(reinterpret_cast<char *>(&value), sizeof value);
  };
  number(tasks);
  number(buffers.size());
  for (const test::EmulatedBuffer &buffer : buffers) {
    number(buffer.bytes);
    number(buffer.alignment);
    stream.write(buffer.data, buffer.bytes);
  }
}

/// Reads what the plugin printed at the second mark.
static bool readCounts(llvm::StringRef path, test::Instructions &counts) {
  auto text = llvm::MemoryBuffer::getFile(path);
  if (!text)
    return false;
  llvm::StringRef line = (*text)->getBuffer().split("[icount 1] ").second;
  unsigned long all, simd, memory, fmla;
  if (std::sscanf(line.str().c_str(), "all %lu simd %lu memory %lu fmla %lu",
                  &all, &simd, &memory, &fmla) != 4)
    return false;
  counts = {all, memory, fmla};
  return true;
}

std::string test::emulate(llvm::StringRef library, uint64_t tasks,
                          llvm::ArrayRef<EmulatedBuffer> buffers,
                          uint64_t &mostScratch, Instructions *counts) {
  TemporaryFile code, operands, result, printed;
  std::error_code failed;
  llvm::raw_fd_ostream(code.path(), failed) << library;
  writeOperands(operands.path(), tasks, buffers);
  std::string message;
  llvm::SmallVector<llvm::StringRef> arguments = {"qemu-aarch64", "-L",
                                                  MINNOW_AARCH64_ROOT};
  if (counts)
    arguments.append({"-plugin", MINNOW_COUNT_PLUGIN});
  arguments.append(
      {MINNOW_KERNEL_RUNNER, code.path(), operands.path(), result.path()});
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, std::nullopt,
                                                printed.path()};
  int status = llvm::sys::ExecuteAndWait(
      *findQemu(), arguments, std::nullopt,
      counts ? llvm::ArrayRef(redirects)
             : llvm::ArrayRef<std::optional<llvm::StringRef>>(),
      /*SecondsToWait=*/60, /*MemoryLimit=*/0, &message);
  if (status != 0)
    return "the emulated kernel ended with " + std::to_string(status) + " " +
           message;
  if (counts && !readCounts(printed.path(), *counts))
    return "the plugin counted nothing";
  auto bytes = llvm::MemoryBuffer::getFile(result.path());
  const EmulatedBuffer &last = buffers.back();
  if (!bytes || (*bytes)->getBufferSize() != sizeof mostScratch + last.bytes)
    return "the emulated kernel wrote no result";
  const char *start = (*bytes)->getBufferStart();
  std::memcpy(&mostScratch, start, sizeof mostScratch);
  std::memcpy(last.data, start + sizeof mostScratch, last.bytes);
  return "";
}
