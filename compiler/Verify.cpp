//===- Verify.cpp - a compiled network against the reference --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel of the program gave is the operand of the kernels behind it,
// for the reference as for the program: each is judged by itself.
//===----------------------------------------------------------------------===//
#include "compiler/Verify.h"
#include "compiler/CalibrationInputs.h"
#include "compiler/WatchedRun.h"
#include "passes/InlineBlocks.h"
#include "targets/reference/Evaluate.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>
#include <fmt/format.h>

using namespace minnow;
using namespace minnow::mobile;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using OwningModule = mlir::OwningOpRef<mlir::ModuleOp>;

/// The numbers in `bytes`, of `type`'s elements, less `zero`, times `scale`.
static std::vector<float> toFloats(mlir::Type type, StringRef bytes,
                                   double scale = 1, int64_t zero = 0) {
  mlir::Type element = mlir::cast<mlir::ShapedType>(type).getElementType();
  std::vector<float> numbers(
      mlir::cast<mlir::ShapedType>(type).getNumElements());
  for (auto [i, number] : llvm::enumerate(numbers)) {
    if (element.isF32())
      std::memcpy(&number, bytes.data() + 4 * i, 4);
    else if (element.isInteger(8))
      number = float((int8_t(bytes[i]) - zero) * scale);
    else {
      int32_t integer;
      std::memcpy(&integer, bytes.data() + 4 * i, 4);
      number = float(integer * scale);
    }
  }
  return numbers;
}

//===----------------------------------------------------------------------===//
// The reference
//===----------------------------------------------------------------------===//

/// Computes what `call` gives of the operands in `buffers`.
static Expected<std::string> evaluate(Evaluator &evaluator, CallOp call,
                                      const Buffers &buffers) {
  auto module = call->getParentOfType<mlir::ModuleOp>();
  auto kernel = module.lookupSymbol<KernelOp>(call.getKernel());
  std::vector<void *> pointers;
  for (mlir::Value operand : call.getOperands()) {
    StringRef bytes;
    if (auto get = operand.getDefiningOp<GetWeightOp>()) {
      auto weight = module.lookupSymbol<WeightOp>(get.getWeight());
      llvm::ArrayRef<char> data = weight.getBytes();
      bytes = {data.data(), data.size()};
    } else {
      bytes = buffers.find(operand)->second;
    }
    if (bytes.size() != getByteSize(operand.getType()))
      return llvm::createStringError("the module's weights are left out; "
                                     "verify from a file that holds them");
    pointers.push_back(const_cast<char *>(bytes.data()));
  }
  std::string result(getByteSize(call.getResult(0).getType()), 0);
  pointers.push_back(result.data());
  if (Error error = evaluator.run(kernel, pointers))
    return error;
  return result;
}

/// Adds all values of `program` by the reference to `buffers`, which holds its
/// arguments.
static Error evaluateAll(Evaluator &evaluator, ProgramOp program,
                         Buffers &buffers) {
  for (auto call : program.getOps<CallOp>()) {
    auto result = evaluate(evaluator, call, buffers);
    if (!result)
      return result.takeError();
    buffers[call.getResult(0)] = std::move(*result);
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// The layer that the last primitive of a call came from.
static StringRef getLastLayer(mlir::Location location) {
  if (auto fused = mlir::dyn_cast<mlir::FusedLoc>(location))
    return getLastLayer(fused.getLocations().back());
  if (auto name = mlir::dyn_cast<mlir::NameLoc>(location))
    if (!mlir::isa<mlir::UnknownLoc>(name.getChildLoc()))
      return getLastLayer(name.getChildLoc());
  return getLayerName(location);
}

/// The name of a call in reports.
static std::string getCallName(CallOp call) {
  StringRef name = getLayerName(call.getLoc());
  return name.empty() ? call.getKernel().str() : name.str();
}

/// What each layer's i8 result means, before lower-quant; null where several
/// primitives have the name of one layer.
static llvm::StringMap<mlir::Type> getQuantizedTypes(mlir::ModuleOp module) {
  llvm::StringMap<mlir::Type> types;
  module.walk([&](PrimitiveOpInterface op) {
    mlir::Type type = op->getResult(0).getType();
    if (isQuantizedMap(type))
      if (auto [entry, isNew] =
              types.try_emplace(getLayerName(op->getLoc()), type);
          !isNew)
        entry->second = {};
  });
  return types;
}

//===----------------------------------------------------------------------===//
// Judging
//===----------------------------------------------------------------------===//

namespace {

/// The f32 network's value of each layer.
class FloatValues {
public:
  /// Of `module`, a network before form-groups, on the inputs `given`.
  Error compute(Evaluator &evaluator, mlir::ModuleOp module,
                PipelineOptions pipeline,
                llvm::ArrayRef<std::vector<float>> given);
  /// An int8 result `bytes` of `type` beside the layer's value; nothing if the
  /// networks have no such layer in common.
  std::optional<Distance> compare(StringRef layer, mlir::Type type,
                                  StringRef bytes) const;

  llvm::StringMap<mlir::Type> types; // of the int8 network's layers
  std::vector<std::vector<float>> outputs;

private:
  llvm::StringMap<std::vector<float>> values;
};

} // namespace

Error FloatValues::compute(Evaluator &evaluator, mlir::ModuleOp module,
                           PipelineOptions pipeline,
                           llvm::ArrayRef<std::vector<float>> given) {
  pipeline.goal = "separate";
  pipeline.quantizer = {};
  pipeline.stopAfter = Stage::FormGroups;
  std::vector<StageTime> times;
  if (Error error = runPipeline(module, pipeline, times))
    return error;
  ProgramOp program = getProgram(module);
  auto buffers = makeInputs(program, given);
  if (!buffers)
    return buffers.takeError();
  if (Error error = evaluateAll(evaluator, program, *buffers))
    return error;
  auto get = [&](mlir::Value value) {
    return toFloats(value.getType(), (*buffers)[value]);
  };
  for (auto call : program.getOps<CallOp>()) {
    auto [entry, isNew] =
        values.try_emplace(getLastLayer(call.getLoc()), get(call.getResult(0)));
    if (!isNew) // a name of several values
      entry->second.clear();
  }
  for (mlir::Value output :
       program.getBody().front().getTerminator()->getOperands())
    outputs.push_back(get(output));
  return Error::success();
}

std::optional<Distance> FloatValues::compare(StringRef layer, mlir::Type type,
                                             StringRef bytes) const {
  auto value = values.find(layer);
  if (value == values.end())
    return std::nullopt;
  std::vector<float> ours = toFloats(type, bytes);
  if (mlir::cast<mlir::ShapedType>(type).getElementType().isInteger(8)) {
    auto quantized = types.find(layer);
    if (quantized == types.end() || !quantized->second)
      return std::nullopt;
    ours = toFloats(type, bytes, getScales(quantized->second)[0],
                    getZeroPoint(quantized->second));
  } else if (!mlir::cast<mlir::ShapedType>(type).getElementType().isF32()) {
    return std::nullopt; // a sum does not say what it means
  }
  if (ours.size() != value->second.size())
    return std::nullopt;
  return measure(ours, value->second);
}

bool Verification::isWrong() const {
  return getFirstWrong() != nullptr ||
         llvm::any_of(
             whole,
             [](const KernelVerdict &output) { return output.isWrong; }) ||
         llvm::any_of(outputs, [&](const Distance &output) {
           return !(output.sqnr >= minSqnr);
         });
}

const KernelVerdict *Verification::getFirstWrong() const {
  auto found = llvm::find_if(
      kernels, [](const KernelVerdict &kernel) { return kernel.isWrong; });
  return found == kernels.end() ? nullptr : &*found;
}

/// Compares `bytes` of `type` with what they should be.
static KernelVerdict compare(const VerifyOptions &options, mlir::Type type,
                             StringRef bytes, StringRef expected) {
  KernelVerdict verdict;
  verdict.isInteger =
      !mlir::cast<mlir::ShapedType>(type).getElementType().isF32();
  verdict.compiled = measure(toFloats(type, bytes), toFloats(type, expected));
  verdict.isWrong = verdict.isInteger
                        ? bytes != expected
                        : !(verdict.compiled.relative() <= options.tolerance);
  return verdict;
}

/// Compares the result of `call` with the reference and the f32 network.
static Expected<KernelVerdict> judge(const VerifyOptions &options,
                                     Evaluator &evaluator, CallOp call,
                                     const Buffers &buffers,
                                     const FloatValues &floats) {
  auto expected = evaluate(evaluator, call, buffers);
  if (!expected)
    return expected.takeError();
  mlir::Type type = call.getResult(0).getType();
  const std::string &bytes = buffers.find(call.getResult(0))->second;
  KernelVerdict verdict = compare(options, type, bytes, *expected);
  verdict.layer = getCallName(call);
  verdict.kernel = call.getKernel().str();
  verdict.f32 = floats.compare(getLastLayer(call.getLoc()), type, bytes);
  return verdict;
}

/// Output `index` of `program`, whose bytes are in `buffers`, as real numbers.
static std::vector<float> getOutput(ProgramOp program, unsigned index,
                                    const Buffers &buffers) {
  mlir::Value output =
      program.getBody().front().getTerminator()->getOperand(index);
  StringRef bytes = buffers.find(output)->second;
  auto element =
      program.getResultAttrOfType<mlir::TypeAttr>(index, kQuantizedAttrName);
  if (!element)
    return toFloats(output.getType(), bytes);
  auto type = mlir::RankedTensorType::get({1}, element.getValue());
  return toFloats(output.getType(), bytes, getScales(type)[0],
                  getZeroPoint(type));
}

namespace {

/// The steps of one verification.
class Verifier {
public:
  explicit Verifier(const VerifyOptions &options)
      : options(options), pipeline(options.compile.pipeline) {}
  Expected<Verification> run();

private:
  Error load();
  Error readInputs();
  Error runTo(Stage stage) {
    pipeline.stopAfter = stage;
    return runPipeline(*module, pipeline, times);
  }

  const VerifyOptions &options;
  PipelineOptions pipeline;
  std::vector<StageTime> times;
  mlir::MLIRContext context;
  OwningModule module, f32;
  FloatValues floats;
  std::vector<std::vector<float>> inputs; // none: noise
};

} // namespace

/// Reads the network, brings it to form-groups, and keeps it in f32 where it
/// was that or the user names one.
Error Verifier::load() {
  auto target = createTarget(options.compile.target);
  if (!target)
    return target.takeError();
  auto read = [&](const std::string &model) {
    CompileOptions compile = options.compile;
    compile.model = model;
    return loadNetwork(context, compile, **target);
  };
  auto loaded = read(options.compile.model);
  if (!loaded)
    return loaded.takeError();
  module = std::move(*loaded);
  if (Error error = runTo(Stage::Raise))
    return error;
  if (!options.f32.empty()) {
    auto other = read(options.f32);
    if (!other)
      return other.takeError();
    f32 = std::move(*other);
  } else if (getQuantizedTypes(*module).empty()) {
    f32 = module->clone();
  }
  if (Error error = readInputs())
    return error;
  // Stages before lower-quant may quantize.
  if (Error error = runTo(Stage(int(Stage::LowerQuant) - 1)))
    return error;
  floats.types = getQuantizedTypes(*module);
  pipeline.quantizer = {};
  return runTo(Stage::FormGroups);
}

/// From the file that is named, else the first that calibrates.
Error Verifier::readInputs() {
  const std::string &folder = options.compile.pipeline.quantizer.calibration;
  if (!options.input.empty()) {
    auto numbers = readFloats(options.input);
    if (!numbers)
      return numbers.takeError();
    inputs = {std::move(*numbers)};
  } else if (!folder.empty()) {
    auto files = CalibrationInputs::create(
        folder, *module->getOps<mlir::func::FuncOp>().begin());
    if (!files)
      return files.takeError();
    auto first = files->read(0);
    if (!first)
      return first.takeError();
    inputs = std::move(*first);
  }
  return Error::success();
}

Expected<Verification> Verifier::run() {
  if (Error error = load())
    return error;
  ProgramOp program = getProgram(*module);
  auto buffers = makeInputs(program, inputs);
  if (!buffers)
    return buffers.takeError();
  Buffers unwatched = *buffers;
  llvm::SmallVector<mlir::Value> outputs(
      program.getBody().front().getTerminator()->getOperands());
  if (Error error =
          runProgram(*module, options.compile, options.runner, unwatched))
    return error;
  if (Error error =
          runWatched(*module, options.compile, options.runner, *buffers))
    return error;
  auto evaluator = Evaluator::create();
  if (!evaluator)
    return evaluator.takeError();
  if (f32 && !floats.types.empty())
    if (Error error =
            floats.compute(**evaluator, *f32, options.compile.pipeline, inputs))
      return error;
  Verification verification;
  verification.minSqnr = options.minSqnr;
  for (auto call : program.getOps<CallOp>()) {
    // What was not watched is judged with what reads it.
    if (!buffers->contains(call.getResult(0))) {
      auto sum = evaluate(**evaluator, call, *buffers);
      if (!sum)
        return sum.takeError();
      (*buffers)[call.getResult(0)] = std::move(*sum);
      continue;
    }
    auto verdict = judge(options, **evaluator, call, *buffers, floats);
    if (!verdict)
      return verdict.takeError();
    verification.kernels.push_back(std::move(*verdict));
  }
  for (mlir::Value output : outputs)
    verification.whole.push_back(compare(
        options, output.getType(), unwatched[output], (*buffers)[output]));
  for (auto [i, reference] : llvm::enumerate(floats.outputs)) {
    std::vector<float> ours = getOutput(program, i, *buffers);
    if (ours.size() != reference.size())
      return llvm::createStringError("the network in f32 has outputs of other "
                                     "shapes");
    verification.outputs.push_back(measure(ours, reference));
  }
  return verification;
}

Expected<Verification> minnow::verify(const VerifyOptions &options) {
  return Verifier(options).run();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static std::string describeVerdict(const KernelVerdict &kernel) {
  std::string text = fmt::format("{} ({}): ", kernel.layer, kernel.kernel);
  if (kernel.isInteger && !kernel.isWrong)
    text += "equal to the reference";
  else
    text += (kernel.isWrong ? "WRONG, " : "") + describe(kernel.compiled);
  if (kernel.f32)
    text += "; against f32 " + describe(*kernel.f32);
  return text;
}

void minnow::printVerification(const Verification &verification,
                               llvm::raw_ostream &stream) {
  size_t wrong = llvm::count_if(
      verification.kernels, [](const auto &kernel) { return kernel.isWrong; });
  stream << fmt::format("{} of {} kernel calls agree with the reference\n",
                        verification.kernels.size() - wrong,
                        verification.kernels.size());
  if (const KernelVerdict *first = verification.getFirstWrong())
    stream << "first wrong  " << describeVerdict(*first) << '\n';
  for (auto [i, output] : llvm::enumerate(verification.whole))
    if (output.isWrong)
      stream << fmt::format("output {}     WRONG in the program as it is, not "
                            "where kernels are watched: {}\n",
                            i, describe(output.compiled));
  // By what is lost in int8 where there is an f32 network beside, else by the
  // error of the code.
  std::vector<const KernelVerdict *> worst;
  for (const KernelVerdict &kernel : verification.kernels)
    worst.push_back(&kernel);
  llvm::stable_sort(worst, [](const auto *a, const auto *b) {
    auto key = [](const KernelVerdict &kernel) {
      return std::pair(!kernel.isWrong,
                       kernel.f32 ? kernel.f32->sqnr : kernel.compiled.sqnr);
    };
    return key(*a) < key(*b);
  });
  for (const KernelVerdict *kernel :
       llvm::ArrayRef(worst).take_front(std::min<size_t>(5, worst.size())))
    stream << "worst        " << describeVerdict(*kernel) << '\n';
  for (auto [i, output] : llvm::enumerate(verification.outputs))
    stream << fmt::format("output {}     against f32 {}{}\n", i,
                          describe(output),
                          output.sqnr >= verification.minSqnr
                              ? ""
                              : fmt::format(" (TOO FAR: at least {:g} dB)",
                                            verification.minSqnr));
}
