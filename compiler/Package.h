//===- Package.h - a program as the files that a user asks for ---*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_PACKAGE_H
#define MINNOW_COMPILER_PACKAGE_H

#include "targets/Target.h"

namespace minnow {

/// `name` in a form that C takes as an identifier.
std::string toIdentifier(llvm::StringRef name);

/// Writes the assembled `code` of a program to `path`, whose suffix says what
/// it becomes: `.o` or `.a`, with a header of the same name beside it, `.so`,
/// `.elf`, or `.mnw` (runtime/abi/package.h). Returns the bytes of the main
/// file.
llvm::Expected<uint64_t> package(const Assembly &assembly,
                                 const ProgramCode &code, const Target &target,
                                 llvm::StringRef path);

/// The C11 and C++17 header of a program: sizes, the run function, the ABI.
std::string buildHeader(const Assembly &assembly, const Target &target);

} // namespace minnow

#endif // MINNOW_COMPILER_PACKAGE_H
