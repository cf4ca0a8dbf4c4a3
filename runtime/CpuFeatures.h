//===- CpuFeatures.h - what the processor has
//-------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled programs name what they need by LLVM's words ("avx512f", "dotprod").
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_CPUFEATURES_H
#define MINNOW_RUNTIME_CPUFEATURES_H

#include <string_view>
#include <vector>

namespace minnow {

struct CpuFeature {
  const char *name;
  bool present;
};

/// All features whose presence this runtime can tell on this architecture.
std::vector<CpuFeature> cpuFeatures();

/// Whether the processor, and the system for its registers, has `name`. False
/// for a name that is not in cpuFeatures().
bool cpuHas(std::string_view name);

/// "x86-64" or "aarch64".
const char *cpuArchitecture();

} // namespace minnow

#endif // MINNOW_RUNTIME_CPUFEATURES_H
