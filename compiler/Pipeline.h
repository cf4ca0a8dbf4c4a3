//===- Pipeline.h - the stages from a network to a planned program -*- C++
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The stages are one table: their names for `--stop-after`, and their passes. A
// module remembers the last stage that it went through, so that compiling can
// go on from an `.mlir` of any stage.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_PIPELINE_H
#define MINNOW_COMPILER_PIPELINE_H

#include "compiler/Quantizer.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace minnow {

enum class Stage {
  Import,
  Fold,
  Raise,
  Quantize,
  LowerQuant,
  FormGroups,
  Schedule,
  PlanMemory,
  Emit
};

llvm::StringRef getStageName(Stage stage);
std::optional<Stage> parseStage(llvm::StringRef name);
std::vector<std::string> getStageNames();

struct PipelineOptions {
  std::string goal = "time"; // of fusion, see form-groups
  QuantizerOptions quantizer;
  bool quantizedEdges = false; // inputs and outputs of an int8 network are i8
  std::string tune;            // a file of measured schedules; empty: formulas
  Stage stopAfter = Stage::PlanMemory;
  std::string dumpDirectory; // an `.mlir` after each stage; empty: none
};

/// How long a stage took.
struct StageTime {
  std::string stage;
  double seconds;
};

/// The last stage that `module` went through; Import where it does not say.
llvm::Expected<Stage> getStage(mlir::ModuleOp module);

/// Runs the stages after getStage(module) up to the one asked for, at most
/// plan-memory, verifying after each. Appends to `times`.
llvm::Error runPipeline(mlir::ModuleOp module, const PipelineOptions &options,
                        std::vector<StageTime> &times);

/// Writes `module` for people, weights left out, to DIRECTORY/NN-STAGE.mlir.
llvm::Error dumpModule(mlir::ModuleOp module, Stage stage,
                       llvm::StringRef directory);

} // namespace minnow

#endif // MINNOW_COMPILER_PIPELINE_H
