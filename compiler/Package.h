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

/// The kinds of output that package makes, by their suffixes.
bool isPackageSuffix(llvm::StringRef suffix);

/// Writes the assembled `object` of a program to `path`, whose suffix says what
/// it becomes: `.o` or `.a`, with a header of the same name beside it, or
/// `.so`. Returns the bytes of the main file.
llvm::Expected<uint64_t> package(const Assembly &assembly,
                                 llvm::StringRef object, llvm::StringRef path);

/// The C11 and C++17 header of a program: sizes, the run function, the ABI.
std::string buildHeader(const Assembly &assembly);

} // namespace minnow

#endif // MINNOW_COMPILER_PACKAGE_H
