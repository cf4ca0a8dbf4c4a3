//===- VulkanTarget.cpp - GPUs as a target --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One SPIR-V shader a kernel, one package for every device that has what it
// asks for. `--cpu` names the kind of GPU.
//===----------------------------------------------------------------------===//
#include "targets/cost/Machines.h"
#include "targets/vulkan/Assemble.h"
#include "targets/vulkan/Kernels.h"
#include "llvm/ADT/StringExtras.h"

using namespace minnow;
using llvm::Expected;

namespace {

class VulkanTarget : public Target {
public:
  VulkanTarget(TargetSpec spec, vulkan::Gpu gpu, const cost::Machine &machine)
      : spec(std::move(spec)), gpu(gpu), machine(machine) {}

  const TargetSpec &getSpec() const override { return spec; }
  const cost::Machine &getMachine() const override { return machine; }
  std::vector<std::string> getOutputs() const override { return {".mnw"}; }
  // What devices ask of the start of a buffer is at most this.
  unsigned getBufferAlignment() const override { return 256; }

  /// The names are the runtime's (runtime/devices/vulkan).
  std::vector<std::string> getRequirements() const override {
    std::vector<std::string> names;
    if (gpu.cluster > 1)
      names = {"subgroupShuffle",
               "subgroupSize>=" + std::to_string(gpu.cluster)};
    if (gpu.half) {
      names.push_back("storageBuffer16BitAccess");
      names.push_back("shaderFloat16");
    }
    return names;
  }

  bool canFuse(llvm::ArrayRef<mlir::Operation *> ops,
               std::string *why) const override {
    vulkan::ShaderPlan plan = vulkan::makePlan(gpu, ops);
    if (why)
      *why = plan.why;
    return ops.size() == 1 || plan.kind != vulkan::ShaderKind::Generic;
  }

  // Shapes say all: tiles follow from them, weights lie as they are.
  void schedule(mobile::KernelOp kernel) const override {
    if (gpu.half)
      vulkan::markEdges(kernel);
  }

  bool isFast(mobile::KernelOp kernel, std::string *why) const override {
    vulkan::ShaderPlan plan = vulkan::makePlan(gpu, kernel);
    if (why)
      *why = plan.why;
    return vulkan::isFast(plan);
  }
  Expected<KernelCode> emit(mobile::KernelOp kernel,
                            llvm::StringRef symbol) const override {
    return vulkan::emit(kernel, gpu, symbol);
  }
  void convert(Assembly &assembly) const override {
    if (gpu.half)
      vulkan::convertToHalf(assembly);
  }
  Expected<ProgramCode> assemble(const Assembly &assembly) const override {
    return ProgramCode{"", vulkan::assemble(assembly)};
  }

private:
  TargetSpec spec;
  vulkan::Gpu gpu;
  const cost::Machine &machine;
};

} // namespace

namespace minnow::vulkan {
Expected<std::unique_ptr<Target>> create(const TargetSpec &spec) {
  TargetSpec resolved = spec;
  const Gpu *gpu = findGpu(spec.cpu);
  if (!gpu)
    return llvm::createStringError("unknown GPU '" + spec.cpu +
                                   "'; --target vulkan has " +
                                   llvm::join(getGpuNames(), ", "));
  if (!spec.triple.empty() ||
      (!spec.features.empty() && spec.features != "+f16"))
    return llvm::createStringError("--target vulkan takes neither a triple nor "
                                   "features but f16; leave them out");
  resolved.cpu = gpu->name.str();
  const cost::Machine *machine =
      cost::chooseMachine("vulkan", resolved.cpu, {});
  if (!machine)
    return llvm::createStringError("no machine description fits the GPU '" +
                                   resolved.cpu + "'");
  Gpu chosen = *gpu;
  chosen.half = !spec.features.empty();
  return std::make_unique<VulkanTarget>(resolved, chosen, *machine);
}
} // namespace minnow::vulkan
