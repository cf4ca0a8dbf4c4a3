//===- Emulator.cpp - kernels of another machine under qemu ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Library, operands and result pass through files.
//===----------------------------------------------------------------------===//
#include "test/targets/cpu/Emulator.h"
#include "test/targets/cpu/TemporaryFile.h"
#include "llvm/Support/Program.h"
#include <cstring>

using namespace minnow;

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

std::string test::emulate(llvm::StringRef library, uint64_t tasks,
                          llvm::ArrayRef<EmulatedBuffer> buffers,
                          uint64_t &mostScratch) {
  test::TemporaryFile code, operands, result;
  code.write(library);
  writeOperands(operands.path(), tasks, buffers);
  std::string message;
  llvm::StringRef arguments[] = {"qemu-aarch64",      "-L",
                                 MINNOW_AARCH64_ROOT, MINNOW_KERNEL_RUNNER,
                                 code.path(),         operands.path(),
                                 result.path()};
  int status = llvm::sys::ExecuteAndWait(*findQemu(), arguments, std::nullopt,
                                         {}, /*SecondsToWait=*/60,
                                         /*MemoryLimit=*/0, &message);
  if (status != 0)
    return "the emulated kernel ended with " + std::to_string(status) + " " +
           message;
  auto bytes = llvm::MemoryBuffer::getFile(result.path());
  const EmulatedBuffer &last = buffers.back();
  if (!bytes || (*bytes)->getBufferSize() != sizeof mostScratch + last.bytes)
    return "the emulated kernel wrote no result";
  const char *start = (*bytes)->getBufferStart();
  std::memcpy(&mostScratch, start, sizeof mostScratch);
  std::memcpy(last.data, start + sizeof mostScratch, last.bytes);
  return "";
}
