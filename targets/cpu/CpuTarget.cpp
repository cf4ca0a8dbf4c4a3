//===- CpuTarget.cpp - the CPU as a target --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels are Halide's (halide/Object.cpp) but for some of bytes
// (Depthwise.cpp), or the reference's where neither takes one; the entry code
// is MLIR's (llvm/Entry.cpp).
//===----------------------------------------------------------------------===//
#include "targets/cost/Machines.h"
#include "targets/cpu/Kernels.h"
#include "targets/cpu/SupportText.h"
#include "targets/cpu/TunedSchedules.h"
#include "targets/llvm/Entry.h"
#include "targets/llvm/Object.h"
#include "targets/reference/Emit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
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
  double getSavedMacs(mlir::Operation *op) const override {
    return cpu::getSavedMacs(isa, op);
  }
  void schedule(mobile::KernelOp kernel) const override {
    cpu::schedule(isa, machine, kernel);
  }
  void connect(mlir::ModuleOp module) const override {
    cpu::connect(isa, module);
  }
  bool isFast(mobile::KernelOp kernel, std::string *why) const override {
    return cpu::isFast(isa, kernel, why);
  }
  llvm::Error tune(llvm::ArrayRef<mobile::KernelOp> kernels,
                   StringRef table) const override;
  Expected<KernelCode> emit(mobile::KernelOp kernel,
                            StringRef symbol) const override {
    return emitElseReference(cpu::emit(isa, kernel, symbol), spec, kernel,
                             symbol);
  }
  Expected<ProgramCode> assemble(const Assembly &assembly) const override;

private:
  TargetSpec spec;
  cpu::Isa isa;
  const cost::Machine &machine;
  std::vector<std::string> requirements;
};

} // namespace

/// The table in the file `path`, an empty one if there is no such file.
static Expected<cpu::TunedSchedules> readTable(StringRef path,
                                               StringRef machine) {
  if (!llvm::sys::fs::exists(path))
    return cpu::TunedSchedules(machine.str());
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError(buffer.getError(),
                                   "cannot read '" + path +
                                       "': " + buffer.getError().message());
  auto table = cpu::TunedSchedules::parse((*buffer)->getBuffer());
  if (!table)
    return llvm::createStringError("'" + path + "' is no table of schedules: " +
                                   llvm::toString(table.takeError()));
  if (table->getMachine() != machine)
    return llvm::createStringError("the schedules in '" + path +
                                   "' are for the machine '" +
                                   table->getMachine() + "', not for '" +
                                   machine + "'; name another file");
  return table;
}

static llvm::Error writeTable(const cpu::TunedSchedules &table,
                              StringRef path) {
  auto error = llvm::writeToOutput(path, [&](llvm::raw_ostream &stream) {
    stream << table.print();
    return llvm::Error::success();
  });
  return error
             ? llvm::createStringError("cannot write '" + path +
                                       "': " + llvm::toString(std::move(error)))
             : llvm::Error::success();
}

llvm::Error CpuTarget::tune(llvm::ArrayRef<mobile::KernelOp> kernels,
                            StringRef path) const {
  auto host = llvm::sys::getHostCPUFeatures();
  bool isHost =
      llvm::Triple(spec.triple).getArch() ==
          llvm::Triple(llvm::sys::getProcessTriple()).getArch() &&
      llvm::all_of(requirements, [&](auto &name) { return host.lookup(name); });
  if (!isHost)
    return llvm::createStringError("--tune measures on this machine, which "
                                   "cannot run code for " +
                                   spec.cpu + "; leave --tune or --cpu out");
  auto table = readTable(path, machine.name);
  if (!table)
    return table.takeError();
  for (mobile::KernelOp kernel : kernels) {
    mobile::ScheduleAttr found = table->lookup(kernel);
    if (!found) {
      auto measured = cpu::tune(isa, machine, kernel);
      if (!measured) { // It goes the slow way; emit says why.
        llvm::consumeError(measured.takeError());
        schedule(kernel);
        continue;
      }
      found = *measured;
      table->insert(kernel, found);
      // After each kernel, so that little is lost if the user stops it.
      if (llvm::Error error = writeTable(*table, path))
        return error;
    }
    cpu::setSchedule(isa, kernel, found);
  }
  return llvm::Error::success();
}

Expected<ProgramCode> CpuTarget::assemble(const Assembly &assembly) const {
  auto object = assembleObject(assembly, spec, {kSupportText});
  if (!object)
    return object.takeError();
  return ProgramCode{std::move(*object), {}};
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
