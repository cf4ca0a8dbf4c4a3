//===- minnow-bench.cpp - times a compiled network
//--------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the program on fixed pseudo-random inputs and prints the distribution of
// its times; with --profile also the time of each kernel call and its share of
// the machine's roofline, with --trace also what each thread did when. Both in
// runs of their own, so that the first figures stay undisturbed.
//===----------------------------------------------------------------------===//
#include "runtime/BenchReport.h"
#include "runtime/CommandLine.h"
#include "runtime/Values.h"
#include "runtime/devices/etpu/minnow_etpu.h"
#include "runtime/devices/hexagon/minnow_hexagon.h"
#include "runtime/devices/vulkan/minnow_vulkan.h"

#include <cstring>
#include <random>

using namespace minnow;

namespace {

struct Options {
  std::string model;
  std::string device;
  uint32_t threads = 1;
  uint32_t warmup = 10;
  uint32_t iterations = 100;
  bool json = false;
  bool profile = false;
  std::string trace;
  bool mark = false;
};

/// Enough to see what repeats.
constexpr uint32_t kTracedRuns = 5;

void declareOptions(CLI::App &app, Options &options) {
  app.add_option("MODEL", options.model, "A compiled network (.so or .mnw)")
      ->required();
  app.add_option("--threads", options.threads, "Threads; 0: one a core")
      ->capture_default_str();
  app.add_option("--warmup", options.warmup, "Runs before the timed ones")
      ->check(CLI::Range(0u, 1000000u))
      ->capture_default_str();
  app.add_option("--iterations", options.iterations, "Timed runs")
      ->check(CLI::Range(1u, 1000000u))
      ->capture_default_str();
  app.add_option("--device", options.device,
                 "Where to run: cpu, or vulkan[:N]; default what the network "
                 "is compiled for");
  app.add_flag("--json", options.json, "Print JSON");
  app.add_flag("--profile", options.profile, "Time each kernel call too");
  app.add_option("--trace", options.trace,
                 "Write a trace of kernels and threads, for Perfetto");
  app.add_flag("--mark", options.mark,
               "Run once more with a mark after each kernel call, for an "
               "emulator that counts instructions");
}

/// Values as an image has them after normalisation: networks are slow on
/// denormals and fast on nothing but zeros, and neither is typical.
void fillInputs(Session &session) {
  std::mt19937 random(1);
  for (size_t i = 0; i < session.inputs().size(); ++i) {
    const minnow_tensor_info &tensor = session.inputs()[i];
    const bool isReal = tensor.scale > 0 || tensor.type == MINNOW_TYPE_F32 ||
                        tensor.type == MINNOW_TYPE_F16;
    std::vector<float> values(tensor.elements);
    for (float &value : values) {
      const float unit = float(random() >> 8) / float(1 << 24);
      value = isReal ? 4 * unit - 2 : 255 * unit;
    }
    fromFloats(values, tensor, session.input(i));
  }
}

minnow_status traceTo(const std::string &path, Session &session,
                      minnow_error *error) {
  Trace trace;
  if (minnow_status status = record(session, kTracedRuns, trace, error))
    return status;
  return writeTrace(path, session, trace, error);
}

minnow_status execute(const Options &options, minnow_error *error) {
  Session session;
  Figures figures;
  figures.iterations = options.iterations;
  if (minnow_status status = checkDevice(options.device, error))
    return status;
  if (minnow_status status =
          session.open(options.model.c_str(), options.threads, error,
                       options.device.c_str()))
    return status;
  const bool isCpu = !std::strcmp(minnow_model_device(session.model()), "cpu");
  if (!isCpu && (options.mark || !options.trace.empty()))
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
                "--mark and --trace follow the threads of the CPU; --profile "
                "times the calls on %s",
                minnow_model_device(session.model()));
  fillInputs(session);
  if (minnow_status status = measure(session, options.warmup,
                                     options.iterations, figures.times, error))
    return status;
  if (options.profile) {
    // The figures of this machine's cores say nothing of another device.
    if (minnow_status status =
            isCpu ? measureRoofline(session, figures.roofline, error)
                  : MINNOW_STATUS_OK)
      return status;
    if (minnow_status status = profile(session, options.iterations,
                                       figures.roofline, figures.calls, error))
      return status;
  }
  if (options.mark)
    if (minnow_status status = runMarked(session, error))
      return status;
  if (!options.trace.empty())
    if (minnow_status status = traceTo(options.trace, session, error))
      return status;
  (options.json ? printJson : printText)(session, figures);
  return MINNOW_STATUS_OK;
}

} // namespace

int main(int argc, char **argv) {
  minnow_add_driver(minnow_vulkan());
  minnow_add_driver(minnow_etpu());
  minnow_add_driver(minnow_hexagon());
  Options options;
  CLI::App app("Times a compiled network.", "minnow-bench");
  declareOptions(app, options);
  if (std::optional<int> code = parseCommandLine(app, argc, argv))
    return *code;
  minnow_error error;
  return execute(options, &error) ? exitWith(error.message) : kExitDone;
}
