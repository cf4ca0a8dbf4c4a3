//===- Description.h - what a program says of itself -------------*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_DESCRIPTION_H
#define MINNOW_COMPILER_DESCRIPTION_H

#include "targets/Target.h"

namespace minnow {

/// Builds the FlatBuffer of runtime/abi/program.fbs for a planned program whose
/// kernels became `assembly.kernels`.
std::string buildDescription(const Assembly &assembly, const Target &target);

/// The argument's `mobile.name`, or NAMEn where it has none.
std::string getTensorName(mobile::ProgramOp program, unsigned index);

} // namespace minnow

#endif // MINNOW_COMPILER_DESCRIPTION_H
