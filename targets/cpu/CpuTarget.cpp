//===- CpuTarget.cpp - the CPU as a target --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels are Halide's (Emit.cpp), or the reference's where Halide takes none;
// the entry code is MLIR's (Entry.cpp).
//===----------------------------------------------------------------------===//
#include "targets/cost/Machines.h"
#include "targets/cpu/Entry.h"
#include "targets/cpu/Kernels.h"
#include "targets/llvm/Object.h"
#include "targets/reference/Emit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/TargetParser/Triple.h"

using namespace minnow;
using llvm::Expected;
using llvm::StringRef;

namespace {

class CpuTarget : public Target {
public:
  CpuTarget(TargetSpec spec, cpu::Isa isa, const cost::Machine &machine,
            std::vector<std::string> requirements)
      : spec(std::move(spec)), isa(std::move(isa)), machine(machine),
        requirements(std::move(requirements)) {}

  const TargetSpec &getSpec() const override { return spec; }
  const cost::Machine &getMachine() const override { return machine; }
  std::vector<std::string> getRequirements() const override {
    return requirements;
  }
  bool canFuse(llvm::ArrayRef<mlir::Operation *> ops,
               std::string *why) const override {
    return cpu::canFuse(isa, ops, why);
  }
  void schedule(mobile::KernelOp kernel) const override {
    cpu::schedule(isa, machine, kernel);
  }
  Expected<KernelCode> emit(mobile::KernelOp kernel,
                            StringRef symbol) const override {
    auto code = cpu::emit(isa, kernel, symbol);
    if (code)
      return code;
    auto reference = emitReference(spec, kernel, symbol);
    std::string why = llvm::toString(code.takeError());
    if (reference)
      reference->note = std::move(why);
    return reference;
  }
  Expected<std::string> assemble(const Assembly &assembly) const override;

private:
  TargetSpec spec;
  cpu::Isa isa;
  const cost::Machine &machine;
  std::vector<std::string> requirements;
};

} // namespace

Expected<std::string> CpuTarget::assemble(const Assembly &assembly) const {
  mlir::OwningOpRef<mlir::ModuleOp> entry = cpu::buildEntry(assembly);
  auto code = compileToObject(*entry, spec);
  if (!code)
    return code;
  auto weights =
      makeDataObject(cpu::kWeightsSymbol, assembly.weights, 64, spec);
  if (!weights)
    return weights;
  auto description =
      makeDataObject(cpu::kDescriptionSymbol, assembly.description, 16, spec);
  if (!description)
    return description;
  std::vector<StringRef> objects = {*code, *weights, *description};
  for (auto &[name, kernel] : assembly.kernels)
    objects.push_back(kernel.object);
  return linkRelocatable(objects);
}

/// Those of `features` that emitted code may use and the runtime checks before
/// it loads a program, by LLVM's names.
static std::vector<std::string>
findRequirements(const std::vector<std::string> &features) {
  static const StringRef kX86[] = {
      "avx",        "avx2",         "fma",
      "f16c",       "bmi",          "bmi2",
      "lzcnt",      "avx512f",      "avx512dq",
      "avx512bw",   "avx512vl",     "avx512cd",
      "avx512ifma", "avx512vbmi",   "avx512vbmi2",
      "avx512vnni", "avx512bitalg", "avx512vpopcntdq",
      "avx512bf16", "avx512fp16",   "avxvnni"};
  static const StringRef kArm[] = {"neon", "crc",     "lse",     "fullfp16",
                                   "rdm",  "dotprod", "fp16fml", "sve",
                                   "sve2", "i8mm",    "bf16"};
  std::vector<std::string> names;
  for (StringRef name : llvm::concat<const StringRef>(kX86, kArm))
    if (llvm::is_contained(features, name))
      names.push_back(name.str());
  return names;
}

namespace minnow::cpu {
Expected<std::unique_ptr<Target>> create(const TargetSpec &spec) {
  auto resolved = resolveMachine(spec);
  if (!resolved)
    return resolved.takeError();
  auto isa = makeIsa(*resolved);
  if (!isa)
    return isa.takeError();
  auto features = getFeatures(*resolved);
  if (!features)
    return features.takeError();
  llvm::Triple triple(resolved->triple);
  StringRef architecture = llvm::Triple::getArchTypeName(triple.getArch());
  const cost::Machine *machine =
      cost::chooseMachine(architecture.str(), resolved->cpu, *features);
  if (!machine)
    return llvm::createStringError(
        "no machine description fits '" + resolved->cpu + "' of " +
        resolved->triple +
        "; name a CPU with more features, such as x86-64-v3");
  return std::make_unique<CpuTarget>(*resolved, std::move(*isa), *machine,
                                     findRequirements(*features));
}
} // namespace minnow::cpu
