//===- Package.h - a program for a device in a .mnw -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maps the file and proves that it is whole before anyone reads a section. The
// format is that of runtime/abi/package.h. An `.elf` for Hexagon passes for a
// package that has its description alone: its driver runs the file itself.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_PACKAGE_H
#define MINNOW_RUNTIME_PACKAGE_H

#include "runtime/FileBytes.h"

#include <string>

namespace minnow {

/// Whether the file `path` can be read and begins as a package does.
bool isPackage(const char *path);

/// Owns the mapping of a verified package.
class Package {
public:
  /// Maps the file `path` and verifies it; called once. Every byte is then as
  /// the compiler wrote it. MINNOW_STATUS_BAD_FILE names what is wrong,
  /// MINNOW_STATUS_UNSUPPORTED another version of the format.
  minnow_status open(const char *path, minnow_error *error);

  /// The section `name`, at an address that is a multiple of its alignment,
  /// which must be one of `alignment`. MINNOW_STATUS_BAD_FILE when there is no
  /// such section.
  minnow_status find(std::string_view name, uint32_t alignment,
                     std::string_view &bytes, minnow_error *error) const;

  const std::string &getPath() const { return path; }

private:
  FileBytes file;
  std::string path;
  std::string_view elfDescription; // of an .elf
};

} // namespace minnow

#endif // MINNOW_RUNTIME_PACKAGE_H
