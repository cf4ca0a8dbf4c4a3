//===- Pipeline.cpp - the stages from a network to a planned program ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/Pipeline.h"
#include "compiler/Diagnostics.h"
#include "compiler/Files.h"
#include "mlir/IR/Builders.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace minnow;
using llvm::Error;
using llvm::StringRef;

namespace {

struct StageEntry {
  Stage stage;
  StringRef name;
  void (*addPasses)(mlir::PassManager &, const PipelineOptions &);
};

// In order. Import and emit are no passes: Compile.cpp does them. Quantize runs
// the network.
const StageEntry kStages[] = {
    {Stage::Import, "import", nullptr},
    {Stage::Fold, "fold",
     [](mlir::PassManager &passes, const PipelineOptions &) {
       passes.addPass(createFold());
       passes.addPass(createFuseQuantize());
     }},
    {Stage::Raise, "raise",
     [](mlir::PassManager &passes, const PipelineOptions &) {
       passes.addPass(createRaiseAttention());
       passes.addPass(createRaise());
     }},
    {Stage::Quantize, "quantize", nullptr},
    {Stage::LowerQuant, "lower-quant",
     [](mlir::PassManager &passes, const PipelineOptions &options) {
       passes.addPass(createLowerQuant({options.quantizedEdges}));
     }},
    {Stage::FormGroups, "form-groups",
     [](mlir::PassManager &passes, const PipelineOptions &options) {
       passes.addPass(createFormGroups({options.goal, /*explain=*/false}));
     }},
    {Stage::Schedule, "schedule",
     [](mlir::PassManager &passes, const PipelineOptions &options) {
       passes.addPass(createSchedule({options.tune}));
     }},
    {Stage::PlanMemory, "plan-memory",
     [](mlir::PassManager &passes, const PipelineOptions &) {
       passes.addPass(createPlanMemory());
     }},
    {Stage::Emit, "emit", nullptr},
};

constexpr StringRef kStageAttrName = "mobile.stage";

} // namespace

StringRef minnow::getStageName(Stage stage) {
  return kStages[static_cast<size_t>(stage)].name;
}

std::optional<Stage> minnow::parseStage(StringRef name) {
  for (const StageEntry &entry : kStages)
    if (entry.name == name)
      return entry.stage;
  return std::nullopt;
}

std::vector<std::string> minnow::getStageNames() {
  std::vector<std::string> names;
  for (const StageEntry &entry : kStages)
    names.push_back(entry.name.str());
  return names;
}

llvm::Expected<Stage> minnow::getStage(mlir::ModuleOp module) {
  auto name = module->getAttrOfType<mlir::StringAttr>(kStageAttrName);
  if (!name)
    return Stage::Import;
  if (auto stage = parseStage(name))
    return *stage;
  return llvm::createStringError("the module says that it is after stage '" +
                                 name.getValue() + "', which does not exist");
}

Error minnow::dumpModule(mlir::ModuleOp module, Stage stage,
                         StringRef directory) {
  if (std::error_code code = llvm::sys::fs::create_directories(directory))
    return llvm::createStringError(
        code, "cannot make the folder '" + directory + "': " + code.message());
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, mlir::OpPrintingFlags()
                            .elideLargeElementsAttrs(16)
                            .elideLargeResourceString(64)
                            .enableDebugInfo(false));
  std::string path =
      llvm::formatv("{0}/{1:2}-{2}.mlir", directory, static_cast<int>(stage),
                    getStageName(stage));
  std::replace(path.begin() + directory.size(), path.end(), ' ', '0');
  return writeFiles({{path, text}});
}

/// Runs the passes of one stage.
static Error runStage(mlir::ModuleOp module, const StageEntry &entry,
                      const PipelineOptions &options) {
  if (entry.stage == Stage::Quantize)
    return options.quantizer.wanted ? quantize(module, options.quantizer)
                                    : Error::success();
  DiagnosticCollector diagnostics(module.getContext());
  mlir::PassManager passes(module.getContext());
  entry.addPasses(passes, options);
  if (mlir::failed(passes.run(module)))
    return diagnostics.take("stage " + entry.name + " failed without a reason");
  return Error::success();
}

Error minnow::runPipeline(mlir::ModuleOp module, const PipelineOptions &options,
                          std::vector<StageTime> &times) {
  auto last = getStage(module);
  if (!last)
    return last.takeError();
  if (*last >= Stage::Quantize && !options.quantizer.calibration.empty())
    return llvm::createStringError("the module is past the stage quantize; "
                                   "leave out the calibration");
  if (*last == Stage::Import && !options.dumpDirectory.empty())
    if (Error error = dumpModule(module, Stage::Import, options.dumpDirectory))
      return error;
  for (const StageEntry &entry : kStages) {
    if (entry.stage == Stage::Emit || entry.stage <= *last ||
        entry.stage > options.stopAfter)
      continue;
    auto start = std::chrono::steady_clock::now();
    if (Error error = runStage(module, entry, options))
      return error;
    std::chrono::duration<double> taken =
        std::chrono::steady_clock::now() - start;
    times.push_back({entry.name.str(), taken.count()});
    module->setAttr(kStageAttrName,
                    mlir::StringAttr::get(module.getContext(), entry.name));
    if (!options.dumpDirectory.empty())
      if (Error error = dumpModule(module, entry.stage, options.dumpDirectory))
        return error;
  }
  return Error::success();
}
