//===- BenchReport.cpp - figures of minnow-bench as text and JSON -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The trace is the Trace Event Format: complete events ("X") with microseconds,
// rows named by metadata events ("M").
//===----------------------------------------------------------------------===//
#include "runtime/BenchReport.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace minnow {
namespace {

using Json = nlohmann::ordered_json;

Json toJson(const Work &work) {
  return {{"us", work.us},
          {"share", work.share},
          {"macs", work.macs},
          {"bytes", work.bytes},
          {"gmacs_per_s", work.gmacsPerSecond()},
          {"roofline_us", work.rooflineUs},
          {"roofline_share", work.rooflineShare()}};
}

Json toJson(const Roofline &roofline) {
  Json reads = Json::array();
  for (const Roofline::Level &level : roofline.levels)
    reads.push_back(
        {{"bytes", level.bytes}, {"gbytes_per_s", level.bytesPerSecond / 1e9}});
  return {{"gmacs_per_s", roofline.macsPerSecond / 1e9},
          {"int8_gmacs_per_s", roofline.byteMacsPerSecond / 1e9},
          {"reads", reads}};
}

void printWork(const Work &work) {
  std::printf("%9.1f %6.1f%% %8.1f %8.1f %6.0f%%", work.us, 100 * work.share,
              work.gmacsPerSecond(),
              work.us > 0 ? double(work.bytes) / work.us / 1e3 : 0,
              100 * work.rooflineShare());
}

constexpr const char *kWorkHeads = "       us   share   GMAC/s     GB/s   roof";

void printProfile(const Figures &figures) {
  std::printf(
      "\nroofline: %.1f GMAC/s f32, %.1f int8; GB/s by how much is read "
      "again:",
      figures.roofline.macsPerSecond / 1e9,
      figures.roofline.byteMacsPerSecond / 1e9);
  for (const Roofline::Level &level : figures.roofline.levels)
    std::printf(" %.0f (%s)", level.bytesPerSecond / 1e9,
                sizeText(level.bytes).c_str());
  std::printf("\n");
  std::printf("\n%s  kernel, layer\n", kWorkHeads);
  for (const CallTime &call : figures.calls) {
    printWork(call);
    std::printf("  %s, %s\n", call.kernel.c_str(), call.layer.c_str());
  }
  std::printf("\n%s  calls  kernel\n", kWorkHeads);
  for (const KernelTime &kernel : totalByKernel(figures.calls)) {
    printWork(kernel);
    std::printf(" %6u  %s\n", kernel.calls, kernel.kernel.c_str());
  }
}

/// What gives a row of the trace its name.
Json nameEvent(const char *what, uint32_t row, const std::string &name) {
  return {{"ph", "M"},
          {"pid", 1},
          {"tid", row},
          {"name", what},
          {"args", {{"name", name}}}};
}

Json spanEvent(const Span &span, uint32_t row, const std::string &name,
               Json arguments) {
  return {{"ph", "X"},
          {"pid", 1},
          {"tid", row},
          {"ts", double(span.start) / 1e3},
          {"dur", double(span.end - span.start) / 1e3},
          {"name", name},
          {"args", std::move(arguments)}};
}

/// The names of a call's kernel and layer, and its work.
Json callArguments(const minnow_call_info &call,
                   const minnow_kernel_info &kernel) {
  return {{"layer", call.layer},
          {"tasks", call.tasks},
          {"macs", kernel.macs},
          {"bytes", kernel.bytes}};
}

/// The events of the calls in row 0 and of the threads in the rows below.
Json traceEvents(const minnow_model *model, const Trace &trace) {
  const minnow_model_info info = minnow_model_describe(model);
  std::vector<minnow_call_info> calls(info.calls);
  std::vector<minnow_kernel_info> kernels(info.calls);
  for (uint32_t i = 0; i < info.calls; ++i) {
    minnow_model_call(model, i, &calls[i]);
    minnow_model_kernel(model, calls[i].kernel, &kernels[i]);
  }
  Json events = {nameEvent("process_name", 0, info.name),
                 nameEvent("thread_name", 0, "calls")};
  for (const Span &span : trace.runs)
    events.push_back(spanEvent(span, 0, "inference " + std::to_string(span.run),
                               Json::object()));
  for (const Span &span : trace.calls)
    events.push_back(
        spanEvent(span, 0, kernels[span.call].name,
                  callArguments(calls[span.call], kernels[span.call])));
  for (uint32_t thread = 0; thread < trace.threads.size(); ++thread) {
    events.push_back(nameEvent("thread_name", thread + 1,
                               "thread " + std::to_string(thread)));
    for (const Span &span : trace.threads[thread])
      events.push_back(
          spanEvent(span, thread + 1, kernels[span.call].name,
                    {{"layer", calls[span.call].layer}, {"task", span.task}}));
  }
  return events;
}

} // namespace

void printText(const Session &session, const Figures &figures) {
  const minnow_model_info info = minnow_model_describe(session.model());
  std::printf(
      "%s on %s, %u thread(s): min %.3f ms, p50 %.3f ms, p90 %.3f ms, "
      "%.1f GMAC/s, workspace %s, weights %s\n",
      info.name, info.target, minnow_context_threads(session.context()),
      figures.times.min, figures.times.p50, figures.times.p90,
      double(totalMacs(session.model())) / figures.times.p50 / 1e6,
      sizeText(minnow_context_workspace_bytes(session.context())).c_str(),
      sizeText(info.weights_bytes).c_str());
  if (!figures.calls.empty())
    printProfile(figures);
}

void printJson(const Session &session, const Figures &figures) {
  const minnow_model_info info = minnow_model_describe(session.model());
  Json json = {
      {"name", info.name},
      {"device", info.target},
      {"threads", minnow_context_threads(session.context())},
      {"iterations", figures.iterations},
      {"min_ms", figures.times.min},
      {"p50_ms", figures.times.p50},
      {"p90_ms", figures.times.p90},
      {"gmacs_per_s",
       double(totalMacs(session.model())) / figures.times.p50 / 1e6},
      {"workspace_bytes", minnow_context_workspace_bytes(session.context())},
      {"weights_bytes", info.weights_bytes}};
  if (!figures.calls.empty())
    json["roofline"] = toJson(figures.roofline);
  for (const CallTime &call : figures.calls) {
    Json row = {{"kernel", call.kernel}, {"layer", call.layer}};
    row.update(toJson(call));
    json["calls"].push_back(std::move(row));
  }
  for (const KernelTime &kernel : totalByKernel(figures.calls)) {
    Json row = {{"kernel", kernel.kernel}, {"calls", kernel.calls}};
    row.update(toJson(kernel));
    json["kernels"].push_back(std::move(row));
  }
  std::puts(json.dump(2).c_str());
}

minnow_status writeTrace(const std::string &path, const Session &session,
                         const Trace &trace, minnow_error *error) {
  const Json json = {{"displayTimeUnit", "ns"},
                     {"traceEvents", traceEvents(session.model(), trace)}};
  std::ofstream file(path, std::ios::binary);
  file << json.dump() << "\n";
  file.close();
  if (!file)
    return fail(error, MINNOW_STATUS_BAD_FILE, "cannot write '%s': %s",
                path.c_str(), std::strerror(errno));
  return MINNOW_STATUS_OK;
}

} // namespace minnow
