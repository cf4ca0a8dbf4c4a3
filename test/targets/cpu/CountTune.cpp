//===- CountTune.cpp - schedules for AArch64 by counting ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   cpu-count-tune TABLE.json MODULE...
//
// Tunes the kernels of modules after form-groups for cortex-a76 by the
// instructions that qemu executes, and adds what it finds to TABLE.json, which
// becomes a table of targets/cpu/schedules. A load or a store counts twice: it
// takes one of two ports where arithmetic takes one of four.
//===----------------------------------------------------------------------===//
#include "mlir/Parser/Parser.h"
#include "targets/cost/Machines.h"
#include "targets/cpu/TunedSchedules.h"
#include "targets/llvm/Object.h"
#include "test/targets/cpu/Harness.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace minnow;
using namespace minnow::test;

static constexpr char kCpu[] = "cortex-a76";

template <typename Thing> static std::string print(Thing thing) {
  std::string text;
  llvm::raw_string_ostream(text) << thing;
  return text;
}

static llvm::Expected<std::vector<double>>
count(mobile::KernelOp kernel, llvm::ArrayRef<mobile::ScheduleAttr> schedules) {
  std::vector<double> prices;
  for (mobile::ScheduleAttr schedule : schedules) {
    CompiledKernel compiled(print(kernel), kCpu, print(schedule));
    Instructions counts;
    if (compiled.getError().empty())
      counts = compiled.count();
    // What cannot be compiled is not chosen, unless it is the first.
    bool isGood = compiled.getError().empty();
    if (!isGood && prices.empty())
      return llvm::createStringError(compiled.getError());
    prices.push_back(isGood ? double(counts.all + counts.memory) : INFINITY);
    llvm::errs() << "  " << schedule << ": "
                 << (isGood ? std::to_string(counts.all) + " instructions, " +
                                  std::to_string(counts.memory) + " of memory"
                            : compiled.getError())
                 << "\n";
  }
  return prices;
}

static cpu::TunedSchedules readTable(const char *path) {
  if (auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true))
    return llvm::cantFail(cpu::TunedSchedules::parse((*buffer)->getBuffer()));
  return cpu::TunedSchedules(kCpu);
}

int main(int argc, char **argv) {
  if (argc < 3 || !hasEmulator()) {
    llvm::errs() << "usage: cpu-count-tune TABLE.json MODULE...; needs "
                    "qemu-aarch64 and the cross compiler\n";
    return 1;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<mobile::MobileDialect>();
  TargetSpec spec;
  spec.cpu = kCpu;
  TargetSpec resolved = llvm::cantFail(resolveMachine(spec));
  cpu::Isa isa = llvm::cantFail(cpu::makeIsa(resolved));
  const cost::Machine &machine = *cost::chooseMachine("aarch64", kCpu, {});
  cpu::TunedSchedules table = readTable(argv[1]);
  for (int i = 2; i < argc; ++i) {
    auto module = mlir::parseSourceFile<mlir::ModuleOp>(argv[i], &context);
    if (!module)
      return 1;
    for (auto kernel : module->getOps<mobile::KernelOp>()) {
      if (table.lookup(kernel))
        continue;
      llvm::errs() << kernel.getSymName() << "\n";
      auto best = cpu::tune(isa, machine, kernel, {count, 0, 16});
      if (!best) {
        llvm::errs() << "  " << llvm::toString(best.takeError()) << "\n";
        continue;
      }
      table.insert(kernel, *best);
      std::error_code failed;
      llvm::raw_fd_ostream(argv[1], failed) << table.print();
    }
  }
}
