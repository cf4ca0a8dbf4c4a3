//===- Object.cpp - code generation by LLVM -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machines of specs, and LLVM-dialect modules to objects.
//===----------------------------------------------------------------------===//
#include "targets/llvm/Object.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "targets/llvm/Bytes.h"
#include "targets/llvm/Gelu.h"
#include "targets/llvm/Neon.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include "llvm/Transforms/IPO/StripDeadPrototypes.h"
#include "llvm/Transforms/Utils/LoopSimplify.h"
#include <mutex>

using namespace minnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers(); // Halide fetches by words of assembly
  });
}

static Expected<const llvm::Target *> lookup(const llvm::Triple &triple) {
  initializeTargets();
  std::string error;
  if (auto *target = llvm::TargetRegistry::lookupTarget(triple, error))
    return target;
  return makeError("unknown triple '" + triple.str() +
                   "'; give one such as x86_64-linux-gnu or "
                   "aarch64-linux-gnu");
}

static std::string getHostFeatures() {
  std::string features;
  for (auto &[name, on] : llvm::sys::getHostCPUFeatures())
    if (on)
      features += (features.empty() ? "+" : ",+") + name.str();
  return features;
}

namespace {

/// What a triple stands for when nothing is said about its CPU, and the triple
/// that a CPU stands for.
struct Baseline {
  llvm::Triple::ArchType arch;
  StringRef triple, cpu;
};

} // namespace

static constexpr Baseline kBaselines[] = {
    {llvm::Triple::x86_64, "x86_64-linux-gnu", "x86-64-v2"},
    {llvm::Triple::aarch64, "aarch64-linux-gnu", "generic"}};

static Expected<std::unique_ptr<llvm::MCSubtargetInfo>>
makeSubtarget(const llvm::Triple &triple, StringRef cpu = "",
              StringRef features = "") {
  auto target = lookup(triple);
  if (!target)
    return target.takeError();
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      (*target)->createMCSubtargetInfo(triple, cpu, features));
}

static bool hasCpu(const llvm::Triple &triple, StringRef cpu) {
  auto subtarget = makeSubtarget(triple);
  if (subtarget)
    return (*subtarget)->isCPUStringValid(cpu);
  llvm::consumeError(subtarget.takeError());
  return false;
}

/// Whether `subtarget` knows the feature `name` (without its sign).
static bool hasFeature(const llvm::MCSubtargetInfo &subtarget, StringRef name) {
  return llvm::any_of(subtarget.getAllProcessorFeatures(),
                      [&](const auto &feature) { return feature.Key == name; });
}

/// The baseline of another architecture than `other`'s that knows `cpu`, or
/// null.
static const Baseline *findOwner(StringRef cpu, const llvm::Triple &other) {
  for (const Baseline &baseline : kBaselines)
    if (baseline.arch != other.getArch() &&
        hasCpu(llvm::Triple(llvm::Triple::normalize(baseline.triple)), cpu))
      return &baseline;
  return nullptr;
}

static Error makeContradiction(StringRef cpu, const llvm::Triple &triple,
                               StringRef other) {
  return makeError("cpu '" + cpu + "' is none of " + triple.str() +
                   "; leave one of the two out, or give --triple " + other);
}

/// Replaces an architecture's version (`armv8.2-a`), which is no CPU of LLVM's,
/// by the CPU and feature that it means. Others stay as they are.
static Error expandVersion(TargetSpec &spec) {
  StringRef version = spec.cpu;
  if (!version.consume_front("armv") || !version.consume_back("-a"))
    return Error::success();
  if (spec.triple.empty())
    spec.triple = "aarch64-linux-gnu";
  llvm::Triple triple(llvm::Triple::normalize(spec.triple));
  if (!triple.isAArch64())
    return makeContradiction(spec.cpu, triple, "aarch64-linux-gnu");
  std::string feature = ("+v" + version + "a").str();
  spec.features = feature + (spec.features.empty() ? "" : "," + spec.features);
  spec.cpu = "generic";
  return Error::success();
}

/// Fills in the triple that the CPU is of, or the host's.
static void completeTriple(TargetSpec &spec) {
  if (!spec.triple.empty())
    return;
  spec.triple = llvm::sys::getDefaultTargetTriple();
  llvm::Triple host(llvm::Triple::normalize(spec.triple));
  if (spec.cpu.empty() || spec.cpu == "native" || hasCpu(host, spec.cpu))
    return;
  if (const Baseline *owner = findOwner(spec.cpu, host))
    spec.triple = owner->triple.str();
}

static Error completeCpu(TargetSpec &spec, const llvm::Triple &triple) {
  if (spec.cpu == "native") {
    llvm::Triple host(llvm::sys::getDefaultTargetTriple());
    if (host.getArch() != triple.getArch())
      return makeError("cpu 'native' needs the host's triple, " + host.str());
    spec.cpu = llvm::sys::getHostCPUName().str();
    spec.features =
        getHostFeatures() + (spec.features.empty() ? "" : "," + spec.features);
  }
  for (const Baseline &baseline : kBaselines)
    if (spec.cpu.empty() && baseline.arch == triple.getArch())
      spec.cpu = baseline.cpu.str();
  return Error::success();
}

static Error checkCpu(const TargetSpec &spec, const llvm::Triple &triple,
                      const llvm::MCSubtargetInfo &subtarget) {
  if (spec.cpu.empty() || subtarget.isCPUStringValid(spec.cpu))
    return Error::success();
  if (const Baseline *owner = findOwner(spec.cpu, triple))
    return makeContradiction(spec.cpu, triple, owner->triple);
  return makeError("unknown cpu '" + spec.cpu + "' for " + triple.str() +
                   "; use LLVM's names such as znver4, skylake-avx512, "
                   "x86-64-v3, cortex-a76, armv8.2-a, or native");
}

Expected<TargetSpec> minnow::resolveMachine(const TargetSpec &spec) {
  TargetSpec resolved = spec;
  if (Error error = expandVersion(resolved))
    return error;
  completeTriple(resolved);
  llvm::Triple triple(llvm::Triple::normalize(resolved.triple));
  auto subtarget = makeSubtarget(triple);
  if (!subtarget)
    return subtarget.takeError();
  if (Error error = completeCpu(resolved, triple))
    return error;
  if (Error error = checkCpu(resolved, triple, **subtarget))
    return error;
  llvm::SmallVector<StringRef> features;
  StringRef(resolved.features).split(features, ',', -1, /*KeepEmpty=*/false);
  for (StringRef feature : features)
    if (!hasFeature(**subtarget, feature.ltrim("+-")))
      return makeError("unknown feature '" + feature.ltrim("+-") + "' for " +
                       triple.str() +
                       "; use LLVM's names such as avx512f or dotprod");
  return resolved;
}

Expected<std::vector<std::string>> minnow::getFeatures(const TargetSpec &spec) {
  llvm::Triple triple(llvm::Triple::normalize(spec.triple));
  auto subtarget = makeSubtarget(triple, spec.cpu, spec.features);
  if (!subtarget)
    return subtarget.takeError();
  std::vector<std::string> names;
  for (const auto &feature : (*subtarget)->getEnabledProcessorFeatures())
    names.push_back(feature.Key);
  return names;
}

/// Runs the passes that `build` makes.
static void runPasses(
    llvm::Module &module, llvm::TargetMachine &machine,
    llvm::function_ref<llvm::ModulePassManager(llvm::PassBuilder &)> build) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  build(builder).run(module, modules);
}

static Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const TargetSpec &spec) {
  llvm::Triple triple(llvm::Triple::normalize(spec.triple));
  auto target = lookup(triple);
  if (!target)
    return target.takeError();
  llvm::TargetOptions options;
  options.FunctionSections = true;
  return std::unique_ptr<llvm::TargetMachine>((*target)->createTargetMachine(
      triple, spec.cpu, spec.features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

static Expected<std::string> emitObject(llvm::Module &module,
                                        llvm::TargetMachine &machine) {
  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager codegen;
  if (machine.addPassesToEmitFile(codegen, stream, nullptr,
                                  llvm::CodeGenFileType::ObjectFile))
    return makeError("no object files for " + machine.getTargetTriple().str());
  codegen.run(module);
  return object.str().str();
}

Expected<std::string> minnow::compileToObject(mlir::ModuleOp module,
                                              const TargetSpec &spec) {
  auto machine = createMachine(spec);
  if (!machine)
    return machine.takeError();
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  auto llvmModule = mlir::translateModuleToLLVMIR(module, context, "minnow");
  if (!llvmModule)
    return makeError("translation to LLVM IR failed");
  llvmModule->setTargetTriple((*machine)->getTargetTriple());
  llvmModule->setDataLayout((*machine)->createDataLayout());
  // Functions that say no machine of their own are compiled for the spec's, and
  // so may be inlined into each other.
  for (llvm::Function &function : *llvmModule) {
    function.addFnAttr("target-cpu", spec.cpu);
    function.addFnAttr("target-features", spec.features);
  }
  runPasses(*llvmModule, **machine, [](llvm::PassBuilder &builder) {
    return builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3);
  });
  return emitObject(*llvmModule, **machine);
}

/// Leaves `symbol` alone global, without weak functions and what they used.
static void strip(llvm::Module &module, StringRef symbol) {
  for (llvm::Function &function : module)
    if (function.hasWeakLinkage() || function.hasLinkOnceLinkage()) {
      function.deleteBody();
      function.setComdat(nullptr);
    }
  llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
    return value.getName() == symbol;
  });
  llvm::ModuleAnalysisManager analyses;
  llvm::PassBuilder().registerModuleAnalyses(analyses);
  llvm::ModulePassManager passes;
  passes.addPass(llvm::GlobalDCEPass());
  passes.addPass(llvm::StripDeadPrototypesPass());
  passes.run(module, analyses);
}

/// The memory that each store of `function` is to, as far as it is known.
static llvm::SmallPtrSet<const llvm::Value *, 8>
findStored(const llvm::Function &function) {
  llvm::SmallPtrSet<const llvm::Value *, 8> stored;
  for (const llvm::Instruction &each : llvm::instructions(function))
    if (auto *store = llvm::dyn_cast<llvm::StoreInst>(&each))
      stored.insert(llvm::getUnderlyingObject(store->getPointerOperand()));
  return stored;
}

/// Halide's prefetches say that what they fetch is read once and then no more,
/// and so pass the second level of the cache, which is where they belong; in
/// the first one, ready to be written, what the function itself writes.
static void placePrefetches(llvm::Function &function) {
  constexpr unsigned kWrites = 1, kLocality = 2;
  constexpr int kSecondLevel = 2, kFirstLevel = 3;
  auto stored = findStored(function);
  auto set = [&](llvm::IntrinsicInst *fetch, unsigned argument, int value) {
    fetch->setArgOperand(
        argument, llvm::ConstantInt::get(
                      llvm::Type::getInt32Ty(function.getContext()), value));
  };
  for (llvm::Instruction &each : llvm::instructions(function)) {
    auto *fetch = llvm::dyn_cast<llvm::IntrinsicInst>(&each);
    if (!fetch || fetch->getIntrinsicID() != llvm::Intrinsic::prefetch ||
        !llvm::cast<llvm::ConstantInt>(fetch->getArgOperand(kLocality))
             ->isZero())
      continue;
    bool isStored =
        stored.contains(llvm::getUnderlyingObject(fetch->getArgOperand(0)));
    set(fetch, kLocality, isStored ? kFirstLevel : kSecondLevel);
    set(fetch, kWrites, isStored);
  }
}

/// Whether the machine is known to run in order, and so to wait for each load
/// that is used at once. What LLVM takes for `generic` does, but most are
/// others.
static bool isInOrder(const llvm::TargetMachine &machine) {
  return machine.getTargetCPU() != "generic" &&
         !machine.getMCSubtargetInfo()->getSchedModel().isOutOfOrder();
}

/// What we know of a machine and LLVM does not.
static llvm::FunctionPassManager
makePasses(const llvm::TargetMachine &machine) {
  const llvm::Triple &triple = machine.getTargetTriple();
  llvm::FunctionPassManager passes;
  if (triple.isX86() &&
      machine.getMCSubtargetInfo()->checkFeatures("+avx512bw")) {
    passes.addPass(PackBytesPass());
    passes.addPass(LookUpGeluPass());
  }
  if (triple.isAArch64()) {
    passes.addPass(RoundInConversionPass());
    if (!isInOrder(machine)) {
      passes.addPass(llvm::LoopSimplifyPass());
      passes.addPass(LoadStreamsPass());
    }
    passes.addPass(llvm::VerifierPass());
  }
  return passes;
}

Expected<std::string> minnow::compileBitcode(StringRef bitcode,
                                             StringRef symbol,
                                             const TargetSpec &spec) {
  auto machine = createMachine(spec);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  auto module =
      llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, symbol), context);
  if (!module)
    return module.takeError();
  (*module)->setTargetTriple((*machine)->getTargetTriple());
  (*module)->setDataLayout((*machine)->createDataLayout());
  strip(**module, symbol);
  for (llvm::Function &function : **module)
    placePrefetches(function);
  runPasses(**module, **machine, [&](llvm::PassBuilder &) {
    llvm::ModulePassManager passes;
    passes.addPass(
        llvm::createModuleToFunctionPassAdaptor(makePasses(**machine)));
    return passes;
  });
  return emitObject(**module, **machine);
}

Expected<std::string> minnow::makeDataObject(StringRef symbol,
                                             llvm::ArrayRef<char> bytes,
                                             unsigned alignment,
                                             const TargetSpec &spec,
                                             StringRef section) {
  auto machine = createMachine(spec);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::Module module("minnow", context);
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  auto *value = llvm::ConstantDataArray::getRaw(
      StringRef(bytes.data(), bytes.size()), bytes.size(),
      llvm::Type::getInt8Ty(context));
  auto *global = new llvm::GlobalVariable(
      module, value->getType(),
      /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage, value, symbol);
  global->setAlignment(llvm::Align(alignment));
  if (!section.empty())
    global->setSection(section);
  return emitObject(module, **machine);
}
