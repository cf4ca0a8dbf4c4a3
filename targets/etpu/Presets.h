//===- Presets.h - machines by name, or from a file -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_TARGETS_ETPU_PRESETS_H
#define MINNOW_TARGETS_ETPU_PRESETS_H

#include "runtime/abi/etpu.h"
#include "llvm/Support/Error.h"

namespace minnow::etpu {

/// The machine that `--cpu` names: "ex1b" (480 MHz, of the Coral class),
/// "ex1b-800" (800 MHz), or the path of a `.json` file with any of the
/// parameters of Machine, the others being those of ex1b.
llvm::Expected<Machine> findMachine(llvm::StringRef name);

} // namespace minnow::etpu

#endif // MINNOW_TARGETS_ETPU_PRESETS_H
