//===- minnow.cpp - the compiler's command line ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verbs, options and reports; the work is Compile.cpp's.
//===----------------------------------------------------------------------===//
#include "compiler/Analyze.h"
#include "compiler/Diagnostics.h"
#include "compiler/Verify.h"
#include "compiler/Version.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

using namespace minnow;
using llvm::StringRef;

namespace {

/// The words of a verb before they are understood.
struct CompileWords {
  std::string cpu, precision = "f32", io = "float", stopAfter, measured;
  std::string range = "mse";
  std::vector<std::string> inputShapes;
  std::string input, f32, runner; // of verify
  double tolerance = 1e-4, minSqnr = 5;
  bool noCache = false, json = false, perTensor = false;
};

} // namespace

/// The folder of the networks: beside the installed program, else the source's.
static std::string findModels() {
  std::string program = llvm::sys::fs::getMainExecutable(
      nullptr, reinterpret_cast<void *>(&findModels));
  llvm::SmallString<128> path(llvm::sys::path::parent_path(program));
  llvm::sys::path::append(path, "..", "share", "minnow", "models");
  return llvm::sys::fs::is_directory(path) ? path.str().str()
                                           : MINNOW_MODELS_DIRECTORY;
}

/// `NAME:1,3,224,224`.
static llvm::Error parseInputShape(StringRef text, ImportOptions &options) {
  auto fail = [&] {
    return llvm::createStringError("--input-shape '" + text +
                                   "' is not of the form NAME:1,3,224,224");
  };
  auto [name, list] = text.rsplit(':');
  llvm::SmallVector<StringRef> parts;
  list.split(parts, ',');
  std::vector<int64_t> dims;
  for (StringRef part : parts) {
    int64_t dim;
    if (part.getAsInteger(10, dim) || dim <= 0)
      return fail();
    dims.push_back(dim);
  }
  if (name.empty())
    return fail();
  for (const auto &[known, shape] : options.inputShapes)
    if (known == name)
      return llvm::createStringError("--input-shape gives two shapes to '" +
                                     name + "'; give one");
  options.inputShapes.emplace_back(name.str(), dims);
  return llvm::Error::success();
}

/// `NAME[+feature...]`: LLVM's CPU name and features to switch on.
static llvm::Error parseCpu(StringRef text, TargetSpec &spec) {
  if (text.starts_with("+"))
    return llvm::createStringError("--cpu '" + text +
                                   "' names no CPU before its features; write "
                                   "native" +
                                   text + " for this machine's");
  llvm::SmallVector<StringRef> parts;
  text.split(parts, '+');
  spec.cpu = parts[0].str();
  for (StringRef feature : llvm::drop_begin(parts))
    spec.features += (spec.features.empty() ? "+" : ",+") + feature.str();
  return llvm::Error::success();
}

static llvm::Error understand(const CompileWords &words,
                              CompileOptions &options) {
  for (const std::string &shape : words.inputShapes)
    if (llvm::Error error = parseInputShape(shape, options.import))
      return error;
  if (llvm::Error error = parseCpu(words.cpu, options.target))
    return error;
  // Without a word about the machine the code is for this one.
  if (options.target.name == "cpu" && options.target.triple.empty() &&
      words.cpu.empty())
    options.target.cpu = "native";
  if (words.precision == "f16") {
    if (options.target.name != "vulkan")
      return llvm::createStringError("--precision f16 is for --target vulkan; "
                                     "leave one out");
    options.target.features = "+f16";
  }
  QuantizerOptions &quantizer = options.pipeline.quantizer;
  quantizer.wanted |= words.precision == "int8";
  if (!quantizer.wanted && !quantizer.calibration.empty())
    return llvm::createStringError("--calibrate goes with --precision int8; "
                                   "add that, or leave it out");
  quantizer.range.kind = words.range == "mse"      ? RangeKind::Mse
                         : words.range == "minmax" ? RangeKind::MinMax
                                                   : RangeKind::Percentile;
  quantizer.quantization.perChannel = !words.perTensor;
  options.pipeline.quantizedEdges = words.io == "quantized";
  if (!words.stopAfter.empty()) {
    options.pipeline.stopAfter = *parseStage(words.stopAfter);
    options.stopEarly = true;
  }
  if (!words.noCache && options.workers.cacheDirectory.empty())
    options.workers.cacheDirectory = getDefaultCacheDirectory();
  if (words.noCache)
    options.workers.cacheDirectory.clear();
  quantizer.cacheDirectory = options.workers.cacheDirectory;
  options.import.modelsDirectory = findModels();
  return llvm::Error::success();
}

/// `[====    ] 12/27 kernels`, on one line that is written again.
static void showProgress(size_t done, size_t total, StringRef what) {
  constexpr size_t width = 32;
  size_t filled = done * width / total;
  fmt::print(stderr, "\r[{}{}] {}/{} {}{}", std::string(filled, '='),
             std::string(width - filled, ' '), done, total, what.str(),
             done == total ? "\r\033[K" : "");
  fflush(stderr);
}

static std::string formatBytes(uint64_t bytes) {
  return bytes < 10'000'000 ? fmt::format("{:.1f} KB", bytes / 1e3)
                            : fmt::format("{:.1f} MB", bytes / 1e6);
}

static void printQuantization(const CompileReport &report) {
  const QuantizationReport &quantization = *report.quantization;
  fmt::print("int8       {} products{}\n", quantization.products,
             quantization.isFromCache ? ", from the cache" : "");
  fmt::print("f32        {}\n",
             quantization.floats.empty()
                 ? "nothing"
                 : llvm::join(quantization.floats, "\n           "));
}

static void printWritten(const CompileReport &report,
                         const std::string &output) {
  std::string times;
  double total = 0;
  for (const StageTime &time : report.times) {
    times += fmt::format("{}{} {:.2f}", times.empty() ? "" : ", ", time.stage,
                         time.seconds);
    total += time.seconds;
  }
  fmt::print("time       {:.2f} s ({})\n", total, times);
  fmt::print("wrote      {}, {}\n", output, formatBytes(report.outputBytes));
}

/// What an inference executes, where the target counts it.
static void printCounts(const CompileReport &report) {
  uint64_t calls = 0, outputs = 0;
  KernelCounts all;
  for (const CompileReport::Kernel &kernel : report.kernels) {
    calls += kernel.calls;
    outputs += kernel.calls * kernel.outputs;
    all.loads += kernel.calls * kernel.counts.loads;
    all.multiplyAdds += kernel.calls * kernel.counts.multiplyAdds;
  }
  if (all.loads)
    fmt::print(
        "executes   {} dispatches, {} between them; for an output {:.2f} "
        "loads and {:.2f} multiply-adds\n",
        calls, formatBytes(report.betweenBytes), double(all.loads) / outputs,
        double(all.multiplyAdds) / outputs);
}

static void printReport(const CompileReport &report,
                        const std::string &output) {
  size_t calls = 0;
  uint64_t macs = 0, slowMacs = 0;
  std::string slow;
  for (const CompileReport::Kernel &kernel : report.kernels) {
    calls += kernel.calls;
    macs += kernel.calls * kernel.macs;
    if (!kernel.reference)
      continue;
    slowMacs += kernel.calls * kernel.macs;
    slow += "\n           " + kernel.name + ": " + kernel.note;
  }
  fmt::print("machine    {}\n", report.machine);
  if (report.quantization)
    printQuantization(report);
  if (!report.kernels.empty()) {
    fmt::print("kernels    {} for {} calls, {} from the cache; {:.1f} M MACs\n",
               report.kernels.size(), calls, report.fromCache, macs / 1e6);
    fmt::print("slow way   {}\n",
               slow.empty()
                   ? "none"
                   : fmt::format("{:.1f} % of the MACs:{}",
                                 macs ? 100.0 * slowMacs / macs : 0, slow));
    fmt::print("memory     arena {}, scratch {} a thread, weights {}\n",
               formatBytes(report.arenaBytes), formatBytes(report.scratchBytes),
               formatBytes(report.weightBytes));
    printCounts(report);
  }
  printWritten(report, output);
}

/// The model, its weights and shapes, and the machine: what all verbs take.
static void addModel(CLI::App &verb, CompileOptions &options,
                     CompileWords &words) {
  verb.add_option("MODEL", options.model,
                  "x.onnx, x.mlir, x.mlirbc, a network description x.json, "
                  "or the name of a network")
      ->required();
  verb.add_option("--weights", options.import.weights,
                  "weights of a named network: a .safetensors file, or "
                  "random:SEED");
  verb.add_option("--target", options.target.name, "target")
      ->check(CLI::IsMember(getTargetNames()))
      ->capture_default_str();
  verb.add_option("--cpu", words.cpu,
                  "LLVM's name of a CPU, or a version such as armv8.2-a, and "
                  "features to add, NAME[+FEATURE...]; default native, or "
                  "with --triple the least that its programs are for; "
                  "for vulkan a kind of GPU: shuffle or portable");
  verb.add_option("--triple", options.target.triple,
                  "the machine's triple, such as aarch64-linux-gnu or "
                  "aarch64-linux-android; default the CPU's");
  verb.add_option("--precision", words.precision, "arithmetic")
      ->check(CLI::IsMember({"f32", "f16", "int8"}))
      ->capture_default_str();
  verb.add_option("--input-shape", words.inputShapes,
                  "shape of a dynamic input, NAME:1,3,224,224");
  verb.add_option("--io", words.io,
                  "inputs and outputs of an int8 network: float or quantized")
      ->check(CLI::IsMember({"float", "quantized"}))
      ->capture_default_str();
  verb.add_option("--optimize", options.pipeline.goal,
                  "what fusion aims at: time or memory; to measure what it "
                  "gains, blocks (each one kernel) or separate")
      ->check(CLI::IsMember({"time", "memory", "blocks", "separate"}))
      ->capture_default_str();
}

static void addQuantizer(CLI::App &verb, CompileOptions &options,
                         CompileWords &words) {
  QuantizerOptions &quantizer = options.pipeline.quantizer;
  verb.add_option("--calibrate", quantizer.calibration,
                  "folder of photos (.jpg, .png) or arrays (.npy) by which an "
                  "int8 network is made");
  verb.add_option("--range", words.range,
                  "how much of the values seen 8 bits cover: minmax, all; "
                  "percentile; mse, what makes the least error")
      ->check(CLI::IsMember({"minmax", "percentile", "mse"}))
      ->capture_default_str();
  verb.add_option("--percentile", quantizer.range.percentile,
                  "per cent of the values that --range percentile covers")
      ->check(CLI::Range(50.0, 100.0))
      ->capture_default_str();
  verb.add_flag("!--no-equalize", quantizer.quantization.equalize,
                "leave the channels between two convolutions as large as they "
                "are");
  verb.add_flag("--per-tensor", words.perTensor,
                "one scale a filter, not one a channel");
}

static CLI::App *addCompile(CLI::App &app, CompileOptions &options,
                            CompileWords &words) {
  CLI::App *verb = app.add_subcommand(
      "compile", "Compile a network to a binary for one machine");
  addModel(*verb, options, words);
  addQuantizer(*verb, options, words);
  verb->add_option("-o,--output", options.output,
                   "what to write; the suffix says the kind: .o or .a (with a "
                   "header beside), .so, .mnw (for a GPU), .mlir, .mlirbc")
      ->required();
  verb->add_option("--tune", options.pipeline.tune,
                   "measure schedules on this machine and keep them in this "
                   "file; those that it holds are used");
  verb->add_option("--name", options.name,
                   "prefix of the symbols; default the network's name");
  verb->add_option("--stop-after", words.stopAfter,
                   "write the module after this stage")
      ->check(CLI::IsMember(getStageNames()));
  verb->add_option("--dump-ir", options.pipeline.dumpDirectory,
                   "folder for the module after each stage, without weights");
  verb->add_option("-j,--jobs", options.workers.jobs,
                   "kernels compiled at once; default one a core")
      ->check(CLI::Range(0, 1024));
  verb->add_option("--cache-dir", options.workers.cacheDirectory,
                   "folder of compiled kernels and quantized networks; "
                   "default MINNOW_CACHE_DIR or "
                   "the user's cache folder");
  verb->add_flag("--no-cache", words.noCache,
                 "calibrate and compile every kernel anew");
  // As --version it needs no MODEL.
  verb->add_flag_callback(
      "--list-ops",
      [] { throw CLI::CallForVersion(describeOnnxOperators(), 0); },
      "print the ONNX operators that are compiled, with their limits");
  return verb;
}

static CLI::App *addQuantize(CLI::App &app, CompileOptions &options,
                             CompileWords &words) {
  CLI::App *verb = app.add_subcommand(
      "quantize", "Make an int8 network of one in f32, as a module to inspect "
                  "and to compile");
  addModel(*verb, options, words);
  addQuantizer(*verb, options, words);
  verb->get_option("--calibrate")->required();
  verb->add_option("-o,--output", options.output,
                   "what to write: .mlir or .mlirbc")
      ->required();
  verb->add_option("--name", options.name,
                   "prefix of the symbols; default the network's name");
  return verb;
}

static CLI::App *addAnalyze(CLI::App &app, CompileOptions &options,
                            CompileWords &words) {
  CLI::App *verb = app.add_subcommand(
      "analyze", "Predict a network's work, traffic and time by blocks, and "
                 "say what is fused and why");
  addModel(*verb, options, words);
  verb->add_option("--measured", words.measured,
                   "times to show beside: what minnow-bench --profile --json "
                   "wrote of the same network, compiled alike");
  verb->add_flag("--json", words.json, "print JSON");
  return verb;
}

static CLI::App *addVerify(CLI::App &app, CompileOptions &options,
                           CompileWords &words) {
  CLI::App *verb = app.add_subcommand(
      "verify", "Compare each kernel of a compiled network with the reference, "
                "and one in int8 with f32");
  addModel(*verb, options, words);
  addQuantizer(*verb, options, words);
  verb->add_option("--input", words.input,
                   "what to run it on, a .npy of f32; default the first file "
                   "that calibrates, else seeded noise");
  verb->add_option("--f32", words.f32,
                   "the same network in f32, with the same names of layers, to "
                   "compare an int8 network with");
  verb->add_option("--runner", words.runner,
                   "words that run a program: minnow-run, what emulates its "
                   "machine before it; default the minnow-run beside minnow");
  verb->add_option("--tolerance", words.tolerance,
                   "largest max|ours - reference| / max|reference| of a kernel "
                   "in f32; integers must be equal")
      ->capture_default_str();
  verb->add_option("--min-sqnr", words.minSqnr,
                   "least signal to noise in dB of int8 outputs against f32")
      ->capture_default_str();
  return verb;
}

/// Shows how far calibration and kernels are, if a person watches.
static void addProgress(CompileOptions &options) {
  if (!isatty(STDERR_FILENO))
    return;
  options.workers.progress = [](size_t done, size_t total) {
    showProgress(done, total, "kernels");
  };
  options.pipeline.quantizer.progress = [](size_t done, size_t total) {
    showProgress(done, total, "calibration files");
  };
}

static int runCompile(const CompileWords &, CompileOptions &options) {
  addProgress(options);
  auto report = compile(options);
  if (!report) {
    printError(report.takeError());
    return kUserError;
  }
  printReport(*report, options.output);
  return kDone;
}

static int runQuantize(const CompileWords &, CompileOptions &options) {
  addProgress(options);
  auto report = compile(options);
  if (!report) {
    printError(report.takeError());
    return kUserError;
  }
  printQuantization(*report);
  printWritten(*report, options.output);
  return kDone;
}

static int runAnalyze(const CompileWords &words, CompileOptions &options) {
  auto analysis = analyze(options, words.measured);
  if (!analysis) {
    printError(analysis.takeError());
    return kUserError;
  }
  (words.json ? printJson : printText)(*analysis, llvm::outs());
  return kDone;
}

/// `minnow-run` beside this program, or the words that were given.
static std::vector<std::string> getRunner(const std::string &words) {
  llvm::SmallVector<StringRef> parts;
  StringRef(words).split(parts, ' ', -1, /*KeepEmpty=*/false);
  if (!parts.empty())
    return {parts.begin(), parts.end()};
  llvm::SmallString<128> path(
      llvm::sys::fs::getMainExecutable(nullptr, nullptr));
  llvm::sys::path::remove_filename(path);
  llvm::sys::path::append(path, "minnow-run");
  return {path.str().str()};
}

static int runVerify(const CompileWords &words, CompileOptions &options) {
  addProgress(options);
  auto verification =
      verify({options, words.input, words.f32, getRunner(words.runner),
              words.tolerance, words.minSqnr});
  if (!verification) {
    printError(verification.takeError());
    return kUserError;
  }
  printVerification(*verification, llvm::outs());
  return verification->isWrong() ? kComparisonFailed : kDone;
}

int main(int argc, char **argv) {
  // Not part of the command line that users see: what compile runs.
  if (argc == 5 && StringRef(argv[1]) == "--worker")
    return runWorker(argv[2], argv[3], argv[4]);

  CLI::App app("Minnow: an ahead-of-time compiler for mobile networks");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  CompileOptions options;
  CompileWords words;
  const std::pair<CLI::App *, int (*)(const CompileWords &, CompileOptions &)>
      verbs[] = {{addCompile(app, options, words), runCompile},
                 {addQuantize(app, options, words), runQuantize},
                 {addAnalyze(app, options, words), runAnalyze},
                 {addVerify(app, options, words), runVerify}};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      return app.exit(error);
    llvm::errs() << "error: " << error.what()
                 << "; see minnow --help or minnow compile --help\n";
    return kUserError;
  }
  if (app.got_subcommand("quantize")) {
    options.pipeline.quantizer.wanted = true;
    words.stopAfter = getStageName(Stage::Quantize).str();
  }
  if (llvm::Error error = understand(words, options)) {
    printError(std::move(error));
    return kUserError;
  }
  for (auto [verb, run] : verbs)
    if (verb->parsed())
      return run(words, options);
  return kUserError;
}
