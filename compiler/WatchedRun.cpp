//===- WatchedRun.cpp - a run of which every kernel's result is kept ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/WatchedRun.h"
#include "compiler/Files.h"
#include "compiler/Modules.h"
#include "runtime/Npy.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace minnow;
using namespace minnow::mobile;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

/// A folder that is gone when the function is left.
class TemporaryFolder {
public:
  static Expected<std::unique_ptr<TemporaryFolder>> create() {
    llvm::SmallString<128> path;
    if (std::error_code code =
            llvm::sys::fs::createUniqueDirectory("minnow-verify", path))
      return llvm::createStringError(code, "cannot make a temporary folder: " +
                                               code.message());
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(path.str()));
  }
  ~TemporaryFolder() { llvm::sys::fs::remove_directories(path); }

  std::string file(const llvm::Twine &name) const {
    return (path + "/" + name).str();
  }

private:
  explicit TemporaryFolder(StringRef path) : path(path) {}
  std::string path;
};

} // namespace

//===----------------------------------------------------------------------===//
// Files of arrays
//===----------------------------------------------------------------------===//

static Expected<NpyArray> readArray(StringRef path) {
  NpyArray array;
  minnow_error error;
  if (readNpy(path.str().c_str(), array, &error))
    return llvm::createStringError(error.message);
  return array;
}

/// Writes `bytes`, f32 or i8 of `type`'s shape.
static Error writeArray(const std::string &path, mlir::Type type,
                        StringRef bytes) {
  auto shaped = mlir::cast<mlir::ShapedType>(type);
  std::vector<uint64_t> shape(shaped.getShape().begin(),
                              shaped.getShape().end());
  minnow_error error;
  if (writeNpy(path.c_str(),
               shaped.getElementType().isF32() ? MINNOW_TYPE_F32
                                               : MINNOW_TYPE_S8,
               shape, bytes.data(), &error))
    return llvm::createStringError(error.message);
  return Error::success();
}

Expected<std::vector<float>> minnow::readFloats(StringRef path) {
  auto array = readArray(path);
  if (!array)
    return array.takeError();
  if (array->type != MINNOW_TYPE_F32)
    return llvm::createStringError("'" + path +
                                   "' holds other numbers than "
                                   "f32; convert it with numpy's astype");
  std::vector<float> numbers(array->data.size() / sizeof(float));
  std::memcpy(numbers.data(), array->data.data(), array->data.size());
  return numbers;
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

ProgramOp minnow::getProgram(mlir::ModuleOp module) {
  return *module.getOps<ProgramOp>().begin();
}

/// Whether a machine of the fixed form has no such output: a sum that is not
/// rounded.
static bool isSum(mlir::Value value) {
  return mlir::cast<mlir::ShapedType>(value.getType())
      .getElementType()
      .isInteger(32);
}

/// Makes the result of every call one of the program's, with or without sums.
static void expose(ProgramOp program, bool withSums) {
  mlir::Operation *yield = program.getBody().front().getTerminator();
  mlir::Builder builder(program.getContext());
  for (auto call : program.getOps<CallOp>())
    for (mlir::Value result : call.getResults())
      if (!llvm::is_contained(yield->getOperands(), result) &&
          (withSums || !isSum(result))) {
        unsigned index = yield->getNumOperands();
        auto name = builder.getNamedAttr(
            "mobile.name",
            builder.getStringAttr("kernel" + std::to_string(index)));
        (void)program.insertResult(index, result.getType(),
                                   builder.getDictionaryAttr(name));
        yield->insertOperands(index, result);
      }
}

/// Input `index` of `program` in its type: the floats `numbers`, or noise
/// where there are none.
static Expected<std::string> makeInput(ProgramOp program, unsigned index,
                                       std::vector<float> numbers) {
  mlir::Type type = program.getArgumentTypes()[index];
  size_t count = mlir::cast<mlir::ShapedType>(type).getNumElements();
  if (numbers.empty()) {
    numbers.resize(count);
    std::mt19937 random(index + 1);
    for (float &number : numbers)
      number = std::uniform_real_distribution<float>(-2, 2)(random);
  }
  if (numbers.size() != count)
    return llvm::createStringError(
        "input " + llvm::Twine(index) + " has " + llvm::Twine(count) +
        " numbers, what was given for it " + llvm::Twine(numbers.size()));
  if (getByteSize(type) == count * sizeof(float))
    return std::string(reinterpret_cast<char *>(numbers.data()),
                       count * sizeof(float));
  auto element =
      program.getArgAttrOfType<mlir::TypeAttr>(index, kQuantizedAttrName);
  if (!element)
    return llvm::createStringError("an input of bytes does not say what they "
                                   "mean");
  auto quantized = mlir::RankedTensorType::get({1}, element.getValue());
  std::string bytes;
  for (float number : numbers)
    bytes.push_back(char(
        std::clamp<double>(std::nearbyint(number / getScales(quantized)[0]) +
                               getZeroPoint(quantized),
                           -128, 127)));
  return bytes;
}

Expected<Buffers> minnow::makeInputs(ProgramOp program,
                                     llvm::ArrayRef<std::vector<float>> given) {
  Buffers buffers;
  for (auto argument : program.getBody().getArguments()) {
    unsigned index = argument.getArgNumber();
    auto bytes =
        makeInput(program, index,
                  index < given.size() ? given[index] : std::vector<float>());
    if (!bytes)
      return bytes.takeError();
    buffers[argument] = std::move(*bytes);
  }
  return buffers;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Runs the program that `words` end with on its arguments in `buffers`, and
/// reads its outputs into them.
static Error execute(std::vector<std::string> words,
                     const TemporaryFolder &folder, ProgramOp program,
                     Buffers &buffers) {
  for (auto argument : program.getBody().getArguments()) {
    std::string path =
        folder.file("input" + llvm::Twine(argument.getArgNumber()) + ".npy");
    if (Error error = writeArray(path, argument.getType(), buffers[argument]))
      return error;
    words.insert(words.end(), {"--input", path});
  }
  std::vector<std::string> paths;
  for (size_t i = 0; i < program.getResultTypes().size(); ++i) {
    paths.push_back(folder.file("output" + llvm::Twine(i) + ".npy"));
    words.insert(words.end(), {"--output", paths.back()});
  }
  auto found = llvm::sys::findProgramByName(words[0]);
  if (!found)
    return llvm::createStringError("cannot find '" + words[0] +
                                   "', which should run the program; name it "
                                   "with --runner");
  std::string log = folder.file("log"), message;
  std::vector<StringRef> arguments(words.begin(), words.end());
  if (llvm::sys::ExecuteAndWait(*found, arguments, std::nullopt,
                                {StringRef(""), StringRef(log), StringRef(log)},
                                0, 0, &message)) {
    auto said = readFile(log);
    if (!said)
      llvm::consumeError(said.takeError());
    return llvm::createStringError("'" + words[0] + "' failed: " + message +
                                   (said ? *said : ""));
  }
  mlir::Operation *yield = program.getBody().front().getTerminator();
  for (auto [path, value] : llvm::zip_equal(paths, yield->getOperands())) {
    auto array = readArray(path);
    if (!array)
      return array.takeError();
    if (array->data.size() != getByteSize(value.getType()))
      return llvm::createStringError("minnow-run wrote an output of " +
                                     llvm::Twine(array->data.size()) +
                                     " bytes");
    buffers[value].assign(array->data.begin(), array->data.end());
  }
  return Error::success();
}

Error minnow::runProgram(mlir::ModuleOp module, CompileOptions options,
                         llvm::ArrayRef<std::string> runner, Buffers &buffers) {
  auto target = createTarget(options.target);
  if (!target)
    return target.takeError();
  auto folder = TemporaryFolder::create();
  if (!folder)
    return folder.takeError();
  options.model = (*folder)->file("net.mlirbc");
  options.import = {};
  options.pipeline.quantizer = {}; // was there before
  // A program that runs as it is, whatever the target has of these.
  for (std::string suffix : (*target)->getOutputs())
    if (suffix == ".so" || suffix == ".mnw" || suffix == ".elf")
      options.output = (*folder)->file("net" + suffix);
  if (auto written = writeModule(module, options.model); !written)
    return written.takeError();
  if (auto report = compile(options); !report)
    return report.takeError();
  std::vector<std::string> words = runner;
  words.push_back(options.output);
  return execute(std::move(words), **folder, getProgram(module), buffers);
}

Error minnow::runWatched(mlir::ModuleOp module, CompileOptions options,
                         llvm::ArrayRef<std::string> runner, Buffers &buffers) {
  auto target = createTarget(options.target);
  if (!target)
    return target.takeError();
  expose(getProgram(module),
         (*target)->getRequantizeForm() != RequantizeForm::Fixed);
  return runProgram(module, std::move(options), runner, buffers);
}
