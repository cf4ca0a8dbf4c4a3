//===- EtpuTarget.cpp - the EX1b accelerator as a target ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machine is synthetic, of the Coral class, and no EdgeTPU. A kernel is one
// layer and only checked; the program is compiled as a whole when it is put
// together, for strips, memory and engines are planned over all layers. `--cpu`
// names the machine or a file with its parameters.
//===----------------------------------------------------------------------===//
#include "passes/InlineBlocks.h"
#include "targets/Target.h"
#include "targets/cost/Machines.h"
#include "targets/etpu/Convert.h"
#include "targets/etpu/Presets.h"

using namespace minnow;
using llvm::Expected;

namespace {

class EtpuTarget : public Target {
public:
  EtpuTarget(TargetSpec spec, const etpu::Machine &machine,
             const cost::Machine &costs)
      : spec(std::move(spec)), machine(machine), costs(costs) {}

  const TargetSpec &getSpec() const override { return spec; }
  const cost::Machine &getMachine() const override { return costs; }
  std::vector<std::string> getOutputs() const override { return {".mnw"}; }
  std::vector<std::string> getRequirements() const override { return {}; }
  mobile::RequantizeForm getRequantizeForm() const override {
    return mobile::RequantizeForm::Fixed;
  }

  bool canFuse(llvm::ArrayRef<mlir::Operation *> ops,
               std::string *why) const override {
    std::string reason;
    for (mlir::Operation *op : ops)
      if (reason.empty())
        reason = etpu::explainUnsupported(op);
    if (reason.empty() && !isLayer(ops))
      reason = "layers are fused when the program is put together; reports "
               "speak of each";
    if (why)
      *why = reason;
    return ops.size() == 1 || reason.empty();
  }

  // All is decided over the whole program.
  void schedule(mobile::KernelOp) const override {}

  bool isFast(mobile::KernelOp, std::string *) const override { return true; }

  Expected<KernelCode> emit(mobile::KernelOp kernel,
                            llvm::StringRef symbol) const override {
    for (mlir::Operation &op : kernel.getBody().front().without_terminator())
      if (std::string why = etpu::explainUnsupported(&op); !why.empty())
        return llvm::createStringError("asks for " + why);
    KernelCode code;
    code.symbol = symbol.str();
    code.object = "checked";
    return code;
  }

  Expected<ProgramCode> assemble(const Assembly &assembly) const override {
    auto network = etpu::convertProgram(assembly);
    if (!network)
      return network.takeError();
    std::string error;
    etpu::CompiledProgram program =
        etpu::compileNetwork(machine, std::move(*network), error);
    if (!error.empty())
      return llvm::createStringError(error);
    return ProgramCode{"",
                       {{"program", std::move(program.code), 16},
                        {"weights", std::move(program.weights), 64}}};
  }

private:
  static bool widens(mobile::Pool2DOp pool) {
    return llvm::all_of(pool.getWindow(), [](int64_t n) { return n == 1; });
  }
  /// Whether nothing computes before what makes sums; what rounds them and
  /// looks the result up stays with it.
  static bool isLayer(llvm::ArrayRef<mlir::Operation *> ops) {
    using namespace mobile;
    bool isBegun = false;
    for (mlir::Operation *op : ops) {
      auto pool = llvm::dyn_cast<Pool2DOp>(op);
      if (llvm::isa<TransposeOp, ReshapeOp>(op) || (pool && widens(pool)))
        continue;
      if (isBegun && llvm::isa<Conv2DOp, DepthwiseConv2DOp, LinearOp, Pool2DOp,
                               MulOp, AttentionOp>(op))
        return false;
      isBegun = true;
    }
    return true;
  }

  TargetSpec spec;
  etpu::Machine machine;
  const cost::Machine &costs;
};

} // namespace

namespace minnow::etpu {
Expected<std::unique_ptr<Target>> create(const TargetSpec &spec) {
  TargetSpec resolved = spec;
  auto machine = findMachine(spec.cpu);
  if (!machine)
    return machine.takeError();
  if (!spec.triple.empty() || !spec.features.empty())
    return llvm::createStringError("--target etpu takes neither a triple nor "
                                   "features; leave them out");
  if (resolved.cpu.empty())
    resolved.cpu = "ex1b";
  const cost::Machine *costs = cost::chooseMachine("etpu", "ex1b", {});
  if (!costs)
    return llvm::createStringError("no machine description fits the etpu");
  return std::make_unique<EtpuTarget>(resolved, *machine, *costs);
}
} // namespace minnow::etpu
