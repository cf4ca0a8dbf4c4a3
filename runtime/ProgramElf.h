//===- ProgramElf.h - a program for Hexagon in an .elf ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file is a program by itself; only its description is read here.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_PROGRAMELF_H
#define MINNOW_RUNTIME_PROGRAMELF_H

#include "runtime/FileBytes.h"

namespace minnow {

/// Whether `bytes`, at least the first 20 of a file, begin as an ELF file for
/// Hexagon does.
bool isHexagonElf(std::string_view bytes);

/// Finds the description in the executable `file`, whose name is `path`.
/// MINNOW_STATUS_BAD_FILE says what is wrong with it.
minnow_status findElfDescription(const FileBytes &file, const char *path,
                                 std::string_view &description,
                                 minnow_error *error);

} // namespace minnow

#endif // MINNOW_RUNTIME_PROGRAMELF_H
