//===- minnow-run.cpp - runs a compiled network on arrays or a photo
//--------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads the program, fills its inputs from .npy files or an image, runs it,
// and saves, compares or prints what comes out.
//===----------------------------------------------------------------------===//
#include "runtime/CommandLine.h"
#include "runtime/Description.h"
#include "runtime/FileBytes.h"
#include "runtime/Npy.h"
#include "runtime/Preprocess.h"
#include "runtime/Session.h"
#include "runtime/Values.h"
#include "runtime/devices/etpu/minnow_etpu.h"
#include "runtime/devices/hexagon/minnow_hexagon.h"
#include "runtime/devices/vulkan/minnow_vulkan.h"

#include <algorithm>
#include <cinttypes>
#include <cstring>

using namespace minnow;

namespace {

struct Options {
  std::string model, image, labels, saveInput;
  std::vector<std::string> inputs, outputs, expected;
  std::string device;
  double tolerance = 1e-4;
  uint32_t top = 5;
  uint32_t threads = 1;
  bool listDevices = false;
};

void declareOptions(CLI::App &app, Options &options) {
  app.add_option("MODEL", options.model,
                 "A compiled network (.so, .mnw or .elf)");
  app.add_option("--input", options.inputs,
                 "The network's inputs in order, each a .npy file");
  app.add_option("--image", options.image,
                 "A JPEG or PNG photo, prepared as the network wants it");
  app.add_option("--output", options.outputs,
                 "Where to save the outputs in order, each a .npy file");
  app.add_option("--expect", options.expected,
                 "What the outputs should be, each a .npy file; exit code 2 "
                 "when they are not");
  app.add_option("--tolerance", options.tolerance,
                 "Largest max|output - expected| / max|expected|")
      ->capture_default_str();
  app.add_option("--save-input", options.saveInput,
                 "Where to save the first input as the network sees it");
  app.add_option("--labels", options.labels,
                 "Names of the classes, one a line");
  app.add_option("--top", options.top, "How many classes to print")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads; 0: one a core")
      ->capture_default_str();
  app.add_option("--device", options.device,
                 "Where to run: cpu, or vulkan[:N]; default what the network "
                 "is compiled for");
  app.add_flag("--devices", options.listDevices, "List the devices and exit");
}

minnow_status checkOptions(const Options &options, minnow_error *error) {
  const char *wrong = nullptr;
  if (options.model.empty())
    wrong = "which network? give a compiled one (see --help)";
  else if (options.inputs.empty() == options.image.empty())
    wrong = "on what? give either --input x.npy or --image photo.jpg";
  else if (!(options.tolerance >= 0))
    wrong = "--tolerance must be a number of at least 0";
  if (wrong)
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT, "%s", wrong);
  return checkDevice(options.device, error);
}

/// That a repeated option names one file for each tensor.
minnow_status checkCount(const char *option, size_t given, size_t wanted,
                         minnow_error *error) {
  if (given == wanted)
    return MINNOW_STATUS_OK;
  return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
              "%s names %zu files, and the network has %zu of them", option,
              given, wanted);
}

minnow_status checkShape(const char *path, const NpyArray &array,
                         const minnow_tensor_info &tensor,
                         minnow_error *error) {
  if (array.shape == shapeOf(tensor))
    return MINNOW_STATUS_OK;
  return fail(error, MINNOW_STATUS_BAD_FILE,
              "'%s' has shape %s, and '%s' has %s", path,
              shapeText(array.shape).c_str(), tensor.name,
              shapeText(shapeOf(tensor)).c_str());
}

minnow_status loadArray(const char *path, const minnow_tensor_info &tensor,
                        void *to, minnow_error *error) {
  NpyArray array;
  if (minnow_status status = readNpy(path, array, error))
    return status;
  if (minnow_status status = checkShape(path, array, tensor, error))
    return status;
  if (array.type == tensor.type) {
    std::memcpy(to, array.data.data(), array.data.size());
    return MINNOW_STATUS_OK;
  }
  if (array.type != MINNOW_TYPE_F32)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "'%s' holds %s, and input '%s' takes %s or f32", path,
                nameOf(array.type), tensor.name, nameOf(tensor.type));
  fromFloats(toFloats(array.type, 0, 0, tensor.elements, array.data.data()),
             tensor, to);
  return MINNOW_STATUS_OK;
}

minnow_status loadImage(const Options &options, Session &session,
                        minnow_error *error) {
  minnow_preprocessing_info how;
  if (session.inputs().size() != 1 ||
      minnow_model_preprocessing(session.model(), &how))
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "the network does not say how to prepare an image: use "
                "--input with a .npy file");
  Image image;
  if (minnow_status status = readImage(options.image.c_str(), image, error))
    return status;
  imageToInput(image, how, session.inputs()[0], session.input(0));
  return MINNOW_STATUS_OK;
}

minnow_status loadInputs(const Options &options, Session &session,
                         minnow_error *error) {
  if (!options.image.empty())
    return loadImage(options, session, error);
  const auto &tensors = session.inputs();
  if (minnow_status status =
          checkCount("--input", options.inputs.size(), tensors.size(), error))
    return status;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (minnow_status status = loadArray(options.inputs[i].c_str(), tensors[i],
                                         session.input(i), error))
      return status;
  return MINNOW_STATUS_OK;
}

minnow_status saveTensor(const std::string &path,
                         const minnow_tensor_info &tensor, const void *data,
                         minnow_error *error) {
  return writeNpy(path.c_str(), tensor.type, shapeOf(tensor), data, error);
}

minnow_status saveOutputs(const Options &options, const Session &session,
                          minnow_error *error) {
  if (options.outputs.empty())
    return MINNOW_STATUS_OK;
  for (size_t i = 0; i < session.outputs().size(); ++i)
    if (minnow_status status = saveTensor(
            options.outputs[i], session.outputs()[i], session.output(i), error))
      return status;
  return MINNOW_STATUS_OK;
}

minnow_status loadExpected(const Options &options, Session &session,
                           std::vector<NpyArray> &expected,
                           minnow_error *error) {
  expected.resize(options.expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const char *path = options.expected[i].c_str();
    if (minnow_status status = readNpy(path, expected[i], error))
      return status;
    if (minnow_status status =
            checkShape(path, expected[i], session.outputs()[i], error))
      return status;
  }
  return MINNOW_STATUS_OK;
}

/// Prints the error of each output against its file; false when one is above
/// the tolerance.
bool compareOutputs(const Options &options, const Session &session,
                    const std::vector<NpyArray> &expected) {
  bool same = true;
  for (size_t i = 0; i < expected.size(); ++i) {
    const minnow_tensor_info &tensor = session.outputs()[i];
    const double off = relativeError(
        toFloats(tensor, session.output(i)),
        toFloats(expected[i].type, tensor.scale, tensor.zero_point,
                 tensor.elements, expected[i].data.data()));
    const bool close = off <= options.tolerance;
    same = same && close;
    std::printf("'%s' against %s: error %.3g, tolerance %.3g: %s\n",
                tensor.name, options.expected[i].c_str(), off,
                options.tolerance, close ? "same" : "DIFFERENT");
  }
  return same;
}

minnow_status readLabels(const std::string &path, uint64_t classes,
                         std::vector<std::string> &labels,
                         minnow_error *error) {
  if (path.empty())
    return MINNOW_STATUS_OK;
  FileBytes file;
  if (minnow_status status = file.map(path.c_str(), error))
    return status;
  for (std::string_view rest = file.text(); !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (!line.empty() && line.back() == '\r')
      line.remove_suffix(1);
    labels.emplace_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (labels.size() == classes)
    return MINNOW_STATUS_OK;
  return fail(error, MINNOW_STATUS_BAD_FILE,
              "'%s' names %zu classes, and the network has %" PRIu64,
              path.c_str(), labels.size(), classes);
}

/// A row of scores: no dimension but one is above 1.
bool isClassification(const minnow_tensor_info &tensor) {
  return tensor.elements > 1 &&
         std::count(tensor.dims, tensor.dims + tensor.rank, 1u) + 1 ==
             std::ptrdiff_t(tensor.rank);
}

void printClasses(const std::vector<float> &logits, uint32_t top,
                  const std::vector<std::string> &labels) {
  const std::vector<float> chances = softmax(logits);
  for (uint32_t index : largest(logits, top))
    std::printf("%7.2f %%  %4u  %s\n", 100.0 * chances[index], index,
                labels.empty() ? "" : labels[index].c_str());
}

void printRange(const minnow_tensor_info &tensor,
                const std::vector<float> &values) {
  const auto range = std::minmax_element(values.begin(), values.end());
  std::printf("'%s' %s %s, from %g to %g\n", tensor.name, nameOf(tensor.type),
              shapeText(shapeOf(tensor)).c_str(), *range.first, *range.second);
}

void printOutputs(const Options &options, const Session &session,
                  const std::vector<std::string> &labels) {
  for (size_t i = 0; i < session.outputs().size(); ++i) {
    const minnow_tensor_info &tensor = session.outputs()[i];
    const std::vector<float> values = toFloats(tensor, session.output(i));
    if (i == 0 && isClassification(tensor))
      printClasses(values, options.top, labels);
    else
      printRange(tensor, values);
  }
}

void printSummary(const Session &session, double elapsed) {
  const minnow_model_info info = minnow_model_describe(session.model());
  const uint32_t threads = minnow_context_threads(session.context());
  std::string where = std::string("on ") + minnow_model_device(session.model());
  if (where == "on cpu")
    where = "with " + std::to_string(threads) +
            (threads == 1 ? " thread" : " threads");
  std::printf("%s: %.3f ms %s, arena %s, weights %s\n", info.name, elapsed,
              where.c_str(), sizeText(info.arena_bytes).c_str(),
              sizeText(info.weights_bytes).c_str());
}

minnow_status runOnce(Session &session, double &elapsed, minnow_error *error) {
  if (minnow_status status = session.run(elapsed, error))
    return status;
  // The first run reads code and weights for the first time, which says little
  // of the network; one that is slow anyway is not run again.
  constexpr double kSlow = 1000.0;
  return elapsed < kSlow ? session.run(elapsed, error) : MINNOW_STATUS_OK;
}

minnow_status checkCounts(const Options &options, const Session &session,
                          minnow_error *error) {
  const size_t outputs = session.outputs().size();
  if (!options.outputs.empty())
    if (minnow_status status =
            checkCount("--output", options.outputs.size(), outputs, error))
      return status;
  if (!options.expected.empty())
    return checkCount("--expect", options.expected.size(), outputs, error);
  return MINNOW_STATUS_OK;
}

/// What the user's files hold beside the inputs.
struct Loaded {
  std::vector<NpyArray> expected;
  std::vector<std::string> labels;
};

/// Reads all that the user has named, so that a bad file is told before the
/// network runs and before anything is printed.
minnow_status prepare(const Options &options, Session &session, Loaded &loaded,
                      minnow_error *error) {
  if (minnow_status status = checkOptions(options, error))
    return status;
  if (minnow_status status =
          session.open(options.model.c_str(), options.threads, error,
                       options.device.c_str()))
    return status;
  if (minnow_status status = checkCounts(options, session, error))
    return status;
  if (minnow_status status =
          loadExpected(options, session, loaded.expected, error))
    return status;
  if (minnow_status status = readLabels(
          options.labels, session.outputs()[0].elements, loaded.labels, error))
    return status;
  return loadInputs(options, session, error);
}

minnow_status execute(const Options &options, bool &same, minnow_error *error) {
  Session session;
  Loaded loaded;
  double elapsed = 0;
  if (minnow_status status = prepare(options, session, loaded, error))
    return status;
  if (!options.saveInput.empty())
    if (minnow_status status = saveTensor(
            options.saveInput, session.inputs()[0], session.input(0), error))
      return status;
  if (minnow_status status = runOnce(session, elapsed, error))
    return status;
  if (minnow_status status = saveOutputs(options, session, error))
    return status;
  printOutputs(options, session, loaded.labels);
  printSummary(session, elapsed);
  same = compareOutputs(options, session, loaded.expected);
  return MINNOW_STATUS_OK;
}

} // namespace

int main(int argc, char **argv) {
  minnow_add_driver(minnow_vulkan());
  minnow_add_driver(minnow_etpu());
  minnow_add_driver(minnow_hexagon());
  Options options;
  CLI::App app("Runs a compiled network.", "minnow-run");
  declareOptions(app, options);
  if (std::optional<int> code = parseCommandLine(app, argc, argv))
    return *code;
  if (options.listDevices) {
    std::fputs(deviceList().c_str(), stdout);
    return kExitDone;
  }
  minnow_error error;
  bool same = true;
  if (execute(options, same, &error))
    return exitWith(error.message);
  return same ? kExitDone : kExitMismatch;
}
