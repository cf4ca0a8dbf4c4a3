//===- Support.h - what the fuzz targets share ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Readers take paths, so an input becomes a file; and what they say to the user
// is checked as far as that goes without knowing the input.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_FUZZ_SUPPORT_H
#define MINNOW_TEST_FUZZ_SUPPORT_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>

namespace minnow::fuzz {

/// Ends the run as a crash would, with a reason.
[[noreturn]] inline void fail(const char *reason, std::string_view detail) {
  std::fprintf(stderr, "FUZZ: %s: %.*s\n", reason, int(detail.size()),
               detail.data());
  std::abort();
}

/// A file that takes one input after another. It lies in a folder of its own,
/// in memory where the system has such, and goes with the process.
class InputFile {
public:
  explicit InputFile(const char *name) {
    bool inMemory = access("/dev/shm", W_OK) == 0;
    std::string pattern =
        std::string(inMemory ? "/dev/shm" : "/tmp") + "/minnow-fuzz-XXXXXX";
    if (!mkdtemp(pattern.data()))
      fail("no folder for inputs", pattern);
    folder = pattern;
    file = pattern + "/" + name;
  }
  ~InputFile() { std::filesystem::remove_all(folder); }

  const std::string &path() const { return file; }

  void write(const uint8_t *data, size_t size) const {
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char *>(data), std::streamsize(size));
  }

private:
  std::string folder, file;
};

/// A message is for people: there is one, on one line, without characters that
/// a terminal would obey.
inline void checkMessage(std::string_view message) {
  if (message.empty())
    fail("an error without a message", "");
  for (unsigned char c : message)
    if (c < ' ' || c == 0x7f)
      fail("a message with control characters", message);
}

} // namespace minnow::fuzz

#endif // MINNOW_TEST_FUZZ_SUPPORT_H
