//===- FileBytes.cpp - a file's content in memory
//---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mapping costs no copy and no second allocation that a size could inflate.
//===----------------------------------------------------------------------===//
#include "runtime/FileBytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace minnow {
namespace {

/// Closes the descriptor on every way out; the mapping does not need it.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0)
      close(fd);
  }
};

} // namespace

FileBytes::~FileBytes() {
  if (bytes)
    munmap(const_cast<uint8_t *>(bytes), count);
}

minnow_status FileBytes::map(const char *path, minnow_error *error) {
  // A named pipe without a writer would block here otherwise.
  const Descriptor file{::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat info;
  if (file.fd < 0 || fstat(file.fd, &info) != 0)
    return fail(error, MINNOW_STATUS_BAD_FILE, "cannot open '%s': %s", path,
                std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fail(error, MINNOW_STATUS_BAD_FILE, "'%s' is not a regular file",
                path);
  if (info.st_size == 0)
    return MINNOW_STATUS_OK;
  void *mapping =
      mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (mapping == MAP_FAILED)
    return fail(error, MINNOW_STATUS_BAD_FILE, "cannot read '%s': %s", path,
                std::strerror(errno));
  bytes = static_cast<const uint8_t *>(mapping);
  count = info.st_size;
  return MINNOW_STATUS_OK;
}

} // namespace minnow
