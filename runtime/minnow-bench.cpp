//===- minnow-bench.cpp - times a compiled network
//--------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the program on fixed pseudo-random inputs and prints the distribution of
// its times; with --profile also the time of each kernel call, in runs of their
// own so that the first figures stay undisturbed.
//===----------------------------------------------------------------------===//
#include "runtime/Bench.h"
#include "runtime/CommandLine.h"
#include "runtime/Session.h"
#include "runtime/Values.h"

#include <nlohmann/json.hpp>

#include <random>

using namespace minnow;

namespace {

struct Options {
  std::string model;
  std::string device = "cpu";
  uint32_t threads = 1;
  uint32_t warmup = 10;
  uint32_t iterations = 100;
  bool json = false;
  bool profile = false;
  bool mark = false;
};

void declareOptions(CLI::App &app, Options &options) {
  app.add_option("MODEL", options.model, "A compiled network (.so)")
      ->required();
  app.add_option("--threads", options.threads, "Threads; 0: one a core")
      ->capture_default_str();
  app.add_option("--warmup", options.warmup, "Runs before the timed ones")
      ->check(CLI::Range(0u, 1000000u))
      ->capture_default_str();
  app.add_option("--iterations", options.iterations, "Timed runs")
      ->check(CLI::Range(1u, 1000000u))
      ->capture_default_str();
  app.add_option("--device", options.device, "Where to run")
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print JSON");
  app.add_flag("--profile", options.profile, "Time each kernel call too");
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

nlohmann::ordered_json toJson(const Options &options, const Session &session,
                              const Times &times,
                              const std::vector<CallTime> &calls) {
  const minnow_model_info info = minnow_model_describe(session.model());
  nlohmann::ordered_json json = {
      {"name", info.name},
      {"device", info.target},
      {"threads", minnow_context_threads(session.context())},
      {"iterations", options.iterations},
      {"min_ms", times.min},
      {"p50_ms", times.p50},
      {"p90_ms", times.p90},
      {"gmacs_per_s", double(totalMacs(session.model())) / times.p50 / 1e6},
      {"workspace_bytes", minnow_context_workspace_bytes(session.context())},
      {"weights_bytes", info.weights_bytes}};
  for (const CallTime &call : calls)
    json["calls"].push_back({{"kernel", call.kernel},
                             {"layer", call.layer},
                             {"macs", call.macs},
                             {"us", call.us},
                             {"gmacs_per_s", call.gmacsPerSecond()},
                             {"share", call.share}});
  for (const KernelTime &kernel : totalByKernel(calls))
    json["kernels"].push_back({{"kernel", kernel.kernel},
                               {"calls", kernel.calls},
                               {"us", kernel.us},
                               {"gmacs_per_s", kernel.gmacsPerSecond()},
                               {"share", kernel.share}});
  return json;
}

void printText(const Session &session, const Times &times,
               const std::vector<CallTime> &calls) {
  const minnow_model_info info = minnow_model_describe(session.model());
  std::printf(
      "%s on %s, %u thread(s): min %.3f ms, p50 %.3f ms, p90 %.3f ms, "
      "%.1f GMAC/s, workspace %s, weights %s\n",
      info.name, info.target, minnow_context_threads(session.context()),
      times.min, times.p50, times.p90,
      double(totalMacs(session.model())) / times.p50 / 1e6,
      sizeText(minnow_context_workspace_bytes(session.context())).c_str(),
      sizeText(info.weights_bytes).c_str());
  if (calls.empty())
    return;
  std::printf("\n%9s %8s %7s  kernel, layer\n", "us", "GMAC/s", "share");
  for (const CallTime &call : calls)
    std::printf("%9.1f %8.1f %6.1f%%  %s, %s\n", call.us, call.gmacsPerSecond(),
                100 * call.share, call.kernel.c_str(), call.layer.c_str());
  std::printf("\n%9s %8s %7s %6s  kernel\n", "us", "GMAC/s", "share", "calls");
  for (const KernelTime &kernel : totalByKernel(calls))
    std::printf("%9.1f %8.1f %6.1f%% %6u  %s\n", kernel.us,
                kernel.gmacsPerSecond(), 100 * kernel.share, kernel.calls,
                kernel.kernel.c_str());
}

minnow_status execute(const Options &options, minnow_error *error) {
  Session session;
  Times times;
  std::vector<CallTime> calls;
  if (minnow_status status = checkDevice(options.device, error))
    return status;
  if (minnow_status status =
          session.open(options.model.c_str(), options.threads, error))
    return status;
  fillInputs(session);
  if (minnow_status status =
          measure(session, options.warmup, options.iterations, times, error))
    return status;
  if (options.profile)
    if (minnow_status status =
            profile(session, options.iterations, calls, error))
      return status;
  if (options.mark)
    if (minnow_status status = runMarked(session, error))
      return status;
  if (options.json)
    std::puts(toJson(options, session, times, calls).dump(2).c_str());
  else
    printText(session, times, calls);
  return MINNOW_STATUS_OK;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Times a compiled network.", "minnow-bench");
  declareOptions(app, options);
  if (std::optional<int> code = parseCommandLine(app, argc, argv))
    return *code;
  minnow_error error;
  return execute(options, &error) ? exitWith(error.message) : kExitDone;
}
