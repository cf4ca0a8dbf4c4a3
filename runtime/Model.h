//===- Model.h - a loaded program
//-------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What stands behind minnow_model.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_MODEL_H
#define MINNOW_RUNTIME_MODEL_H

#include "runtime/Description.h"
#include "runtime/Device.h"
#include "runtime/PageMemory.h"
#include "runtime/SharedObject.h"

/// Read-only after loading. Members are in the order of their dependence: the
/// program and its description lie in the library or in the package.
struct minnow_model {
  minnow::SharedObject library;
  minnow::Package package;
  const minnow_program *program = nullptr; // null for a package
  minnow::Description description;
  minnow::PageMemory weights;
  std::unique_ptr<minnow::DeviceProgram> device; // null for the CPU
};

#endif // MINNOW_RUNTIME_MODEL_H
