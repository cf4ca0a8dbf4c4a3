//===- Emit.cpp - the code of a kernel ------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Kernels.h"
#include <cstring>

using namespace minnow;
using namespace minnow::vulkan;
using namespace minnow::mobile;

static llvm::Expected<Written> write(KernelOp kernel, const Gpu &gpu,
                                     const ShaderPlan &plan) {
  switch (plan.kind) {
  case ShaderKind::Product:
    return writeProduct(kernel, gpu, plan);
  case ShaderKind::Depthwise:
    return writeDepthwise(kernel, gpu, plan);
  case ShaderKind::Elements:
    return writeElements(kernel, gpu, plan);
  case ShaderKind::Attention:
    return writeAttention(kernel, gpu, plan);
  case ShaderKind::Generic:
    return writeGeneric(kernel, gpu, plan);
  }
  llvm_unreachable("a kind of shader that nobody writes");
}

bool vulkan::isFast(const ShaderPlan &plan) {
  return plan.kind != ShaderKind::Generic ||
         llvm::isa<TransposeOp, ReshapeOp, Pool2DOp, PadOp>(plan.main);
}

llvm::Expected<KernelCode> vulkan::emit(KernelOp kernel, const Gpu &gpu,
                                        llvm::StringRef symbol) {
  ShaderPlan plan = makePlan(gpu, kernel);
  auto written = write(kernel, gpu, plan);
  if (!written)
    return written.takeError();
  CodeHeader header = {{written->grid.x, written->grid.y, written->grid.z},
                       kernel.getNumArguments() + 1};
  KernelCode code;
  code.symbol = symbol.str();
  code.object =
      std::string(reinterpret_cast<const char *>(&header), sizeof(header)) +
      written->words;
  code.tasks = written->grid.x * written->grid.y * written->grid.z;
  code.reference = !isFast(plan);
  code.note = plan.why;
  code.counts = written->counts;
  return code;
}
