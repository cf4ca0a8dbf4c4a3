//===- Analyze.cpp - what the cost model says of a network ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the stages up to raise, notes which block each primitive is in, and asks
// Grouping; the stages after that give names, schedules and memory.
//===----------------------------------------------------------------------===//
#include "compiler/Analyze.h"
#include "compiler/Diagnostics.h"
#include "dialects/mobile/Blocks.h"
#include "passes/Grouping.h"
#include "passes/InlineBlocks.h"
#include "passes/KernelNames.h"
#include "targets/KernelCost.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace minnow;
using namespace minnow::mobile;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using mlir::Operation;
using Json = nlohmann::json;

Figures &Figures::operator+=(const Figures &other) {
  macs += other.macs;
  bytes += other.bytes;
  seconds += other.seconds;
  macSeconds += other.macSeconds;
  memorySeconds += other.memorySeconds;
  measuredSeconds += other.measuredSeconds;
  return *this;
}

//===----------------------------------------------------------------------===//
// Counts
//===----------------------------------------------------------------------===//

static uint64_t countElements(mlir::Type type) {
  return llvm::cast<mlir::ShapedType>(type).getNumElements();
}

/// The elements of the distinct weights that `choose` takes of each primitive's
/// operands.
template <typename Choose>
static uint64_t countWeights(mlir::ModuleOp module, Choose choose) {
  llvm::StringMap<uint64_t> weights;
  module->walk([&](GetWeightOp weight) {
    for (mlir::OpOperand &use : weight->getUses())
      if (choose(use))
        weights[weight.getWeight()] = countElements(weight.getType());
  });
  uint64_t count = 0;
  for (const auto &entry : weights)
    count += entry.second;
  return count;
}

/// A batch norm's mean and variance are no parameters: nothing trains them.
static bool isParameter(mlir::OpOperand &use) {
  return !llvm::isa<BatchNormOp>(use.getOwner()) || use.getOperandNumber() < 3;
}

static bool isFilter(mlir::OpOperand &use) {
  return use.getOperandNumber() == 1 &&
         llvm::isa<Conv2DOp, DepthwiseConv2DOp, LinearOp>(use.getOwner());
}

static std::vector<Analysis::Kind> countKinds(mlir::ModuleOp module) {
  llvm::MapVector<StringRef, Analysis::Kind> kinds;
  module->walk([&](PrimitiveOpInterface op) {
    auto conv = llvm::dyn_cast<Conv2DOp>(op.getOperation());
    StringRef name = conv && conv.isPointwise() ? "pointwise conv2d"
                                                : op->getName().stripDialect();
    Analysis::Kind &kind = kinds[name];
    kind.name = name.str();
    ++kind.count;
    kind.macs += op.getMacs();
  });
  std::vector<Analysis::Kind> list;
  for (auto &[name, kind] : kinds)
    list.push_back(std::move(kind));
  return list;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

namespace {

struct BlockInfo {
  std::string name, kind;
};

/// By the locations of blocks, which their primitives are inlined from.
using BlockInfos = llvm::DenseMap<mlir::Attribute, BlockInfo>;

} // namespace

/// "IB 3x3", "ExtraDW 5x5 3x3 s2": the instantiation, the windows in order of
/// dataflow and the stride.
static std::string describeBlock(Operation *block) {
  std::string kind =
      llvm::TypeSwitch<Operation *, std::string>(block)
          .Case([](UibOp uib) { return uib.getInstantiation().str(); })
          .Case([](FusedIbOp) { return "FusedIB"; })
          .Case([](MqaOp) { return "MQA"; })
          .Default([](Operation *other) {
            return other->getName().stripDialect().str();
          });
  int64_t stride = 1;
  auto add = [&](auto conv) {
    auto window = conv.getFilter().getType().getShape();
    stride = std::max(stride, conv.getStrides()[0]);
    if (window[0] * window[1] > 1)
      kind += fmt::format(" {}x{}", window[0], window[1]);
  };
  for (Operation &op : block->getRegion(0).front())
    llvm::TypeSwitch<Operation *>(&op).Case<Conv2DOp, DepthwiseConv2DOp>(add);
  return stride == 1 ? kind : fmt::format("{} s{}", kind, stride);
}

static BlockInfos describeBlocks(mlir::func::FuncOp network) {
  BlockInfos infos;
  for (Operation &op : network.getBody().front())
    if (isBlock(&op)) {
      std::string name = getLayerName(op.getLoc()).str();
      if (name.empty())
        name = fmt::format("block {}", infos.size());
      infos[op.getLoc()] = {name, describeBlock(&op)};
    }
  return infos;
}

//===----------------------------------------------------------------------===//
// Kernels and rows
//===----------------------------------------------------------------------===//

static Analysis::Kernel makeKernel(const Group &group,
                                   const cost::Machine &machine) {
  Analysis::Kernel kernel;
  kernel.macs = group.shape.macs;
  kernel.bytes = group.shape.inputBytes + group.shape.outputBytes +
                 group.shape.weightBytes;
  kernel.seconds = group.estimate.seconds;
  kernel.macSeconds = group.estimate.macSeconds;
  kernel.memorySeconds = group.estimate.memorySeconds;
  kernel.name = describeKernel(group.ops);
  kernel.layer = getLayers(group.ops);
  kernel.bound = group.estimate.bound == cost::Bound::Macs
                     ? "MACs"
                     : machine.memory[group.estimate.level].name;
  kernel.fast = true;
  return kernel;
}

static std::string describeShape(mlir::Type type) {
  auto shape = llvm::cast<mlir::ShapedType>(type).getShape();
  if (shape.size() > 1)
    shape = shape.drop_front(); // the batch
  return llvm::join(
      llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }),
      "x");
}

namespace {

/// Puts kernels together that compute parts of the same block.
class RowBuilder {
public:
  RowBuilder(const BlockInfos &infos, Analysis &analysis)
      : infos(infos), analysis(analysis) {}
  void add(const Group &group, const Analysis::Kernel &kernel);

private:
  const BlockInfos &infos;
  Analysis &analysis;
  llvm::SmallVector<mlir::Attribute> current; // the blocks of the last row
  double longest = 0;                         // of its kernels
};

} // namespace

void RowBuilder::add(const Group &group, const Analysis::Kernel &kernel) {
  llvm::SmallSetVector<mlir::Attribute, 2> parts;
  for (Operation *op : group.ops)
    if (auto block = getBlockLocation(op->getLoc());
        block && infos.contains(*block))
      parts.insert(*block);
  auto isShared = [&](mlir::Attribute part) {
    return llvm::is_contained(current, part);
  };
  std::string output = describeShape(group.ops.back()->getResult(0).getType());
  if (llvm::none_of(parts, isShared)) {
    Analysis::Row row;
    row.firstKernel = analysis.kernels.size();
    row.kernels = 0;
    row.shape = describeShape(group.ops.front()->getOperand(0).getType());
    if (parts.empty()) {
      row.name = kernel.layer;
      row.kind = describeParts(group.ops);
    }
    analysis.rows.push_back(row);
    current.clear();
    longest = 0;
  }
  Analysis::Row &row = analysis.rows.back();
  for (mlir::Attribute part : parts)
    if (!isShared(part)) {
      const BlockInfo &info = infos.at(part);
      row.name += (row.name.empty() ? "" : " + ") + info.name;
      row.kind += (row.kind.empty() ? "" : " + ") + info.kind;
      current.push_back(part);
    }
  row.shape = StringRef(row.shape).split(" ").first.str() + " -> " + output;
  row += kernel;
  ++row.kernels;
  if (kernel.seconds > longest) {
    longest = kernel.seconds;
    row.bound = kernel.bound;
  }
}

/// Takes names and what is slow from the scheduled program.
static void addProgram(mlir::ModuleOp module, const Target &target,
                       Analysis &analysis) {
  ProgramOp program = *module.getOps<ProgramOp>().begin();
  llvm::StringMap<std::string> reasons;
  for (auto kernel : module.getOps<KernelOp>()) {
    std::string why;
    if (!target.isFast(kernel, &why))
      reasons[kernel.getSymName()] = why;
  }
  for (auto [kernel, call] :
       llvm::zip(analysis.kernels, program.getOps<CallOp>())) {
    kernel.name = call.getKernel().str();
    auto slow = reasons.find(kernel.name);
    kernel.fast = slow == reasons.end();
    if (!kernel.fast)
      kernel.slowReason = slow->second;
  }
  analysis.arenaBytes = program.getArenaBytes().value_or(0);
  analysis.weightBytes = program.getWeightsBytes().value_or(0);
}

//===----------------------------------------------------------------------===//
// Measured times
//===----------------------------------------------------------------------===//

/// The calls of what minnow-bench wrote: a list of {kernel, layer, us}.
static bool isProfile(const Json &json) {
  return json.is_object() && json.contains("calls") &&
         json["calls"].is_array() &&
         llvm::all_of(json["calls"], [](const Json &call) {
           return call.is_object() && call.contains("kernel") &&
                  call["kernel"].is_string() && call.contains("us") &&
                  call["us"].is_number();
         });
}

static Error addMeasured(StringRef path, Analysis &analysis) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError(buffer.getError(),
                                   "cannot read '" + path +
                                       "': " + buffer.getError().message());
  StringRef text = (*buffer)->getBuffer();
  Json json = Json::parse(text.begin(), text.end(), nullptr,
                          /*allow_exceptions=*/false);
  if (!isProfile(json))
    return llvm::createStringError(
        "'" + path +
        "' holds no times of kernel calls; write it by "
        "minnow-bench --profile --json");
  const Json &calls = json["calls"];
  for (size_t i = 0; i < std::max(calls.size(), analysis.kernels.size()); ++i) {
    std::string there =
        i < calls.size() ? calls[i]["kernel"].get<std::string>() : "nothing";
    std::string here =
        i < analysis.kernels.size() ? analysis.kernels[i].name : "nothing";
    if (there != here)
      return llvm::createStringError(
          "'" + path + "' was measured with other kernels: call " +
          llvm::Twine(i) + " is " + there + " there and " + here +
          " here; give the model, --target, --cpu and --optimize that the "
          "program was compiled with");
    analysis.kernels[i].measuredSeconds = calls[i]["us"].get<double>() / 1e6;
  }
  auto device = json.value("device", Json("?")),
       threads = json.value("threads", Json(1));
  analysis.measuredOn = fmt::format(
      "{}, {} thread(s)", device.is_string() ? device.get<std::string>() : "?",
      threads.dump());
  return Error::success();
}

//===----------------------------------------------------------------------===//
// All of it
//===----------------------------------------------------------------------===//

/// Runs the stages up to `last`.
static Error runUpTo(mlir::ModuleOp module, Stage last,
                     const CompileOptions &options) {
  PipelineOptions pipeline = options.pipeline;
  pipeline.stopAfter = last;
  std::vector<StageTime> times;
  return runPipeline(module, pipeline, times);
}

static Expected<mlir::func::FuncOp> getNetwork(mlir::ModuleOp module) {
  auto networks = module.getOps<mlir::func::FuncOp>();
  if (networks.empty())
    return llvm::createStringError(
        "analyze starts from a network; this module is past the stage "
        "form-groups, so give the model it was made from");
  mlir::func::FuncOp network = *networks.begin();
  return network;
}

static std::string describeInputs(mlir::func::FuncOp network) {
  return llvm::join(llvm::map_range(network.getArgumentTypes(), describeShape),
                    ", ");
}

static void addDecisions(const Grouping &grouping, Analysis &analysis) {
  for (const FusionDecision &decision : grouping.explain())
    analysis.decisions.push_back({getLayers(decision.ops), decision.fused,
                                  decision.allowed, decision.together,
                                  decision.apart, decision.why});
}

/// Named networks are analyzed without weights too; their values mean nothing.
static void completeWeights(CompileOptions &options) {
  StringRef suffix = llvm::sys::path::extension(options.model);
  bool hasWeights =
      suffix == ".onnx" || suffix == ".mlir" || suffix == ".mlirbc";
  if (!hasWeights && options.import.weights.empty())
    options.import.weights = "random:1";
}

/// What is said before form-groups: `network` has its blocks until its numbers
/// are lowered to integers.
static Error addNetwork(mlir::func::FuncOp network, const Target &target,
                        const CompileOptions &options, Analysis &analysis) {
  auto module = network->getParentOfType<mlir::ModuleOp>();
  analysis.network = network.getSymName().str();
  analysis.input = describeInputs(network);
  analysis.filterWeights = countWeights(module, isFilter);
  analysis.otherWeights =
      countWeights(module, [](mlir::OpOperand &) { return true; }) -
      analysis.filterWeights;
  analysis.kinds = countKinds(module);

  BlockInfos infos = describeBlocks(network);
  if (Error error = runUpTo(module, Stage::LowerQuant, options))
    return error;
  DiagnosticCollector diagnostics(module.getContext());
  if (mlir::failed(prepareNetwork(network)))
    return diagnostics.take("the network cannot be cut into kernels");
  Grouping grouping(network, target, *parseGroupingGoal(options.pipeline.goal));
  RowBuilder rows(infos, analysis);
  for (const Group &group : grouping.getGroups()) {
    Analysis::Kernel kernel = makeKernel(group, target.getMachine());
    rows.add(group, kernel);
    analysis.kernels.push_back(std::move(kernel));
  }
  addDecisions(grouping, analysis);
  return Error::success();
}

/// Sums up, once times are measured.
static void addTotals(Analysis &analysis) {
  for (Analysis::Row &row : analysis.rows) {
    for (size_t i = 0; i < row.kernels; ++i)
      row.measuredSeconds +=
          analysis.kernels[row.firstKernel + i].measuredSeconds;
    analysis.total += row;
  }
}

Expected<Analysis> minnow::analyze(CompileOptions options, StringRef measured) {
  completeWeights(options);
  auto target = createTarget(options.target);
  if (!target)
    return target.takeError();
  mlir::MLIRContext context;
  auto module = loadNetwork(context, options, **target);
  if (!module)
    return module.takeError();
  Analysis analysis;
  analysis.parameters = countWeights(**module, isParameter);
  if (Error error = runUpTo(**module, Stage::Raise, options))
    return error;
  auto network = getNetwork(**module);
  if (!network)
    return network.takeError();
  if (Error error = addNetwork(*network, **target, options, analysis))
    return error;
  if (Error error = runUpTo(**module, Stage::PlanMemory, options))
    return error;
  addProgram(**module, **target, analysis);
  if (!measured.empty())
    if (Error error = addMeasured(measured, analysis))
      return error;
  addTotals(analysis);
  analysis.target = std::move(*target);
  return analysis;
}
