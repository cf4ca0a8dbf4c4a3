//===- Support.h - what the runtime's tests share
//---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files in, files out, and bytes of the hand-made program.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TEST_RUNTIME_SUPPORT_H
#define MINNOW_TEST_RUNTIME_SUPPORT_H

#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

namespace minnow::test {

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The path of a committed fixture, or of what the build has made.
inline std::string fixture(const std::string &name) {
  return FIXTURES "/" + name;
}
inline std::string built(const std::string &name) { return BUILT "/" + name; }

/// A file with the given content that is removed at the end of the test.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &content = "") {
    char name[] = "/tmp/minnow-test-XXXXXX";
    close(mkstemp(name));
    path = name;
    std::ofstream(path, std::ios::binary) << content;
  }
  ~TemporaryFile() { unlink(path.c_str()); }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;

  std::string path;
};

/// `content` at an address that a description may have.
class AlignedBytes {
public:
  explicit AlignedBytes(const std::string &content)
      : words(content.size() / 8 + 1), count(content.size()) {
    content.copy(reinterpret_cast<char *>(words.data()), count);
  }
  unsigned char *data() {
    return reinterpret_cast<unsigned char *>(words.data());
  }
  size_t size() const { return count; }

private:
  std::vector<uint64_t> words;
  size_t count;
};

} // namespace minnow::test

#endif // MINNOW_TEST_RUNTIME_SUPPORT_H
