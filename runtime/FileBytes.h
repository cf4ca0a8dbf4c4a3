//===- FileBytes.h - a file's content in memory
//-----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maps a file for reading, with an error that names it. Only regular files: a
// directory, a device or a pipe has no size to check against.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_FILEBYTES_H
#define MINNOW_RUNTIME_FILEBYTES_H

#include "runtime/Error.h"

#include <string_view>

namespace minnow {

/// Owns a read-only mapping of a file.
class FileBytes {
public:
  FileBytes() = default;
  FileBytes(const FileBytes &) = delete;
  FileBytes &operator=(const FileBytes &) = delete;
  ~FileBytes();

  /// Maps the file `path`; called once. MINNOW_STATUS_BAD_FILE when it cannot
  /// be opened or is not a regular file.
  minnow_status map(const char *path, minnow_error *error);

  const uint8_t *data() const { return bytes; }
  uint64_t size() const { return count; }
  std::string_view text() const {
    return {reinterpret_cast<const char *>(bytes), count};
  }

private:
  const uint8_t *bytes = nullptr;
  uint64_t count = 0;
};

} // namespace minnow

#endif // MINNOW_RUNTIME_FILEBYTES_H
