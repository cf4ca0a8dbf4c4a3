//===- Compile.cpp - from a model to a target binary ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/Compile.h"
#include "compiler/Description.h"
#include "compiler/Diagnostics.h"
#include "compiler/Modules.h"
#include "compiler/Package.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "targets/KernelCost.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include <chrono>

using namespace minnow;
using namespace minnow::mobile;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

using OwningModule = mlir::OwningOpRef<mlir::ModuleOp>;

namespace {

/// Measures a stage that is no pass.
class Stopwatch {
public:
  Stopwatch(std::vector<StageTime> &times, StringRef stage)
      : times(times), stage(stage), start(std::chrono::steady_clock::now()) {}
  ~Stopwatch() {
    std::chrono::duration<double> taken =
        std::chrono::steady_clock::now() - start;
    times.push_back({stage.str(), taken.count()});
  }

private:
  std::vector<StageTime> &times;
  StringRef stage;
  std::chrono::steady_clock::time_point start;
};

} // namespace

static Expected<OwningModule> readModel(mlir::MLIRContext &context,
                                        const CompileOptions &options) {
  StringRef suffix = llvm::sys::path::extension(options.model);
  if (suffix != ".mlir" && suffix != ".mlirbc")
    return importModel(context, options.model, options.import);
  if (!options.import.weights.empty())
    return llvm::createStringError("--weights goes with a named network; '" +
                                   options.model + "' has weights of its own");
  return readModule(context, options.model);
}

/// Gives the only network of `module` the name that the output's symbols get:
/// `name`, or its own in a form that C takes.
static Error nameProgram(mlir::ModuleOp module, StringRef name) {
  mlir::SymbolOpInterface network;
  for (mlir::Operation &op : module.getOps())
    if (mlir::isa<mlir::func::FuncOp, ProgramOp>(op)) {
      if (network)
        return llvm::createStringError(
            "the module has several functions; expected one network");
      network = mlir::cast<mlir::SymbolOpInterface>(op);
    }
  if (!network)
    return llvm::createStringError("the module has no network in it (a "
                                   "func.func or a mobile.program)");
  std::string identifier =
      toIdentifier(name.empty() ? network.getName() : name);
  network.setName(mlir::StringAttr::get(module.getContext(), identifier));
  return Error::success();
}

Expected<OwningModule> minnow::loadNetwork(mlir::MLIRContext &context,
                                           const CompileOptions &options,
                                           const Target &target) {
  context.loadDialect<mlir::func::FuncDialect, MobileDialect>();
  // What an op looks like inside is nothing to the user.
  context.printOpOnDiagnostic(false);
  auto module = readModel(context, options);
  if (!module)
    return module;
  if (Error error = nameProgram(**module, options.name))
    return error;
  (**module)->setAttr(kTargetAttrName, target.getSpec().toAttribute(&context));
  return module;
}

/// The program with its kernels' codes and weight section; the description
/// comes last, for it tells of the others.
static Expected<Assembly> collect(mlir::ModuleOp module,
                                  CompiledKernels &compiled) {
  auto programs = module.getOps<ProgramOp>();
  Assembly assembly;
  assembly.program = *programs.begin();
  assembly.kernels = std::move(compiled.kernels);
  for (auto &[name, code] : assembly.kernels)
    assembly.scratchBytes = std::max(assembly.scratchBytes, code.scratchBytes);
  // A multiple of the workspace's alignment, which C11's aligned_alloc asks
  // for.
  assembly.scratchBytes = llvm::alignTo<64>(assembly.scratchBytes);
  for (auto weight : module.getOps<WeightOp>())
    assembly.weights = weight.getBytes();
  if (assembly.weights.size() != assembly.program.getWeightsBytes().value_or(0))
    return llvm::createStringError("the module's weights are left out; compile "
                                   "from a file that holds them");
  return assembly;
}

static void describe(const Assembly &assembly, CompileReport &report) {
  mobile::ProgramOp program = assembly.program;
  auto module = program->getParentOfType<mlir::ModuleOp>();
  for (auto &[name, code] : assembly.kernels) {
    auto kernel = module.lookupSymbol<KernelOp>(name);
    uint64_t outputs =
        llvm::cast<mlir::ShapedType>(
            kernel.getBody().front().getTerminator()->getOperand(0).getType())
            .getNumElements();
    size_t calls = llvm::count_if(program.getOps<CallOp>(), [&](CallOp call) {
      return call.getKernel() == name;
    });
    report.kernels.push_back({name, calls, getMacs(kernel), code.reference,
                              code.note, code.counts, outputs});
  }
  for (auto call : program.getOps<CallOp>())
    for (mlir::Value operand : call->getOperands())
      if (auto buffer = operand.getDefiningOp<BufferOp>();
          buffer && buffer.getSpace() == mobile::MemorySpace::Arena)
        report.betweenBytes += getByteSize(buffer.getType());
  report.arenaBytes = program.getArenaBytes().value_or(0);
  report.scratchBytes = assembly.scratchBytes;
  report.weightBytes = assembly.weights.size();
}

/// Compiles the planned `module` to the output file.
static Error emitProgram(mlir::ModuleOp module, const Target &target,
                         const CompileOptions &options, CompileReport &report) {
  Stopwatch watch(report.times, getStageName(Stage::Emit));
  auto compiled = compileKernels(module, options.workers);
  if (!compiled)
    return compiled.takeError();
  report.fromCache = compiled->fromCache;
  auto assembly = collect(module, *compiled);
  if (!assembly)
    return assembly.takeError();
  target.convert(*assembly);
  std::string description = buildDescription(*assembly, target);
  assembly->description =
      llvm::ArrayRef<char>(description.data(), description.size());
  auto code = target.assemble(*assembly);
  if (!code)
    return code.takeError();
  auto written = package(*assembly, *code, target, options.output);
  if (!written)
    return written.takeError();
  report.outputBytes = *written;
  describe(*assembly, report);
  return Error::success();
}

/// Fails early for an output that cannot be made, before minutes of work.
static Error checkOutput(const CompileOptions &options, const Target &target) {
  StringRef suffix = llvm::sys::path::extension(options.output);
  bool isModule = suffix == ".mlir" || suffix == ".mlirbc";
  if (options.stopEarly && options.pipeline.stopAfter != Stage::Emit &&
      !isModule)
    return llvm::createStringError("--stop-after writes a module; '" +
                                   options.output +
                                   "' must end in .mlir or .mlirbc");
  std::vector<std::string> outputs = target.getOutputs();
  if (!isModule && !llvm::is_contained(outputs, suffix))
    return llvm::createStringError(
        "cannot tell what to make of '" + options.output +
        "' for the target '" + target.getSpec().name + "'; use the suffix " +
        llvm::join(outputs, ", ") + ", .mlir or .mlirbc");
  return Error::success();
}

Expected<CompileReport> minnow::compile(const CompileOptions &options) {
  auto target = createTarget(options.target);
  if (!target)
    return target.takeError();
  if (Error error = checkOutput(options, **target))
    return error;
  CompileReport report;
  const TargetSpec &spec = (*target)->getSpec();
  report.machine =
      (spec.triple.empty() ? spec.name : spec.triple) + ", " + spec.cpu;

  mlir::MLIRContext context;
  OwningModule module;
  {
    Stopwatch watch(report.times, getStageName(Stage::Import));
    auto loaded = loadNetwork(context, options, **target);
    if (!loaded)
      return loaded.takeError();
    module = std::move(*loaded);
  }
  PipelineOptions pipeline = options.pipeline;
  pipeline.quantizer.report = [&](const QuantizationReport &quantization) {
    report.quantization = quantization;
  };
  if (Error error = runPipeline(*module, pipeline, report.times))
    return error;

  StringRef suffix = llvm::sys::path::extension(options.output);
  if (suffix == ".mlir" || suffix == ".mlirbc") {
    auto written = writeModule(*module, options.output);
    if (!written)
      return written.takeError();
    report.outputBytes = *written;
    return report;
  }
  if (Error error = emitProgram(*module, **target, options, report))
    return error;
  return report;
}
