//===- hexagon.h - what an .elf for Hexagon and who runs it share -*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_RUNTIME_ABI_HEXAGON_H
#define MINNOW_RUNTIME_ABI_HEXAGON_H

namespace minnow::abi {

/// The ELF section of an `.elf` that holds the program's description.
inline constexpr char kDescriptionElfSection[] = ".minnow.description";

} // namespace minnow::abi

#endif // MINNOW_RUNTIME_ABI_HEXAGON_H
