//===- KernelNames.h - readable names of kernels and calls ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What people read in reports, profiles and `nm`.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_KERNELNAMES_H
#define MINNOW_PASSES_KERNELNAMES_H

#include "dialects/mobile/Mobile.h"
#include <string>

namespace minnow {

/// Says what the primitives `ops` of one kernel compute: what they are, the
/// shape they read, the channels they give and the activation at the end, as
/// in "pointwise_14x14x96_192_relu". A valid C identifier; not unique.
std::string describeKernel(llvm::ArrayRef<mlir::Operation *> ops);

/// What the primitives of one kernel are, without shapes: "uib",
/// "conv3x3s2_pointwise", of many only the first and the last.
std::string describeParts(llvm::ArrayRef<mlir::Operation *> ops);

/// The location of a call of the kernel of `ops`: the name of their layer or
/// layers ("blocks.2.0.pw_exp+dw_mid") around their own locations.
mlir::Location getCallLocation(llvm::ArrayRef<mlir::Operation *> ops);

/// The layers that `ops` are ("blocks.2.0.pw_exp+dw_mid"); where they have no
/// names, describeKernel's.
std::string getLayers(llvm::ArrayRef<mlir::Operation *> ops);

} // namespace minnow

#endif // MINNOW_PASSES_KERNELNAMES_H
