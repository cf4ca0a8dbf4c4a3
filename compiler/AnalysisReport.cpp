//===- AnalysisReport.cpp - an analysis as tables or JSON -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/Analyze.h"
#include "llvm/ADT/STLExtras.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace minnow;
using Json = nlohmann::json;

//===----------------------------------------------------------------------===//
// For people
//===----------------------------------------------------------------------===//

/// 1,234,567: figures that are compared digit by digit.
static std::string groupDigits(uint64_t number) {
  std::string digits = std::to_string(number);
  for (int i = int(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(i, ",");
  return digits;
}

static std::string formatBytes(double bytes) {
  return bytes < 10e6 ? fmt::format("{:.1f} KB", bytes / 1e3)
                      : fmt::format("{:.1f} MB", bytes / 1e6);
}

static std::string describeMachine(const cost::Machine &machine) {
  std::string text = fmt::format(
      "{}, a core does {:.1f} GMAC/s, {:.1f} of bytes;", machine.name,
      machine.macsPerSecond / 1e9, machine.byteMacsPerSecond / 1e9);
  for (unsigned i = 0; i < machine.levels; ++i) {
    const cost::MemoryLevel &level = machine.memory[i];
    std::string size =
        i + 1 < machine.levels ? " " + formatBytes(level.bytes) : "";
    text += fmt::format(" {}{} {:.0f} GB/s,", level.name, size,
                        level.bytesPerSecond / 1e9);
  }
  return text + fmt::format(" ridge {:.1f} MACs/byte", cost::getRidge(machine));
}

static std::string describeTotals(const Analysis &analysis) {
  const Figures &total = analysis.total;
  std::string text = fmt::format(
      "predicted  {:.3f} ms, {:.1f} GMAC/s; arithmetic alone {:.3f} ms, memory "
      "alone {:.3f} ms\n",
      total.seconds * 1e3, total.macs / total.seconds / 1e9,
      total.macSeconds * 1e3, total.memorySeconds * 1e3);
  if (!analysis.measuredOn.empty())
    text +=
        fmt::format("measured   {:.3f} ms on {}: {:.2f} of the prediction\n",
                    total.measuredSeconds * 1e3, analysis.measuredOn,
                    total.measuredSeconds / total.seconds);
  return text;
}

static std::string describeSlow(const Analysis &analysis) {
  uint64_t macs = 0;
  std::string list;
  for (const Analysis::Kernel &kernel : analysis.kernels)
    if (!kernel.fast) {
      macs += kernel.macs;
      list += fmt::format("\n           {}, {}: {}", kernel.name, kernel.layer,
                          kernel.slowReason);
    }
  if (list.empty())
    return "none";
  return fmt::format(
      "{:.1f} % of the MACs:{}",
      analysis.total.macs ? 100.0 * macs / analysis.total.macs : 0, list);
}

static std::string describeHead(const Analysis &analysis) {
  const TargetSpec &target = analysis.target->getSpec();
  std::string text =
      fmt::format("network    {}, {}\n", analysis.network, analysis.input);
  text += fmt::format("target     {}, {}, {}\n", target.name, target.triple,
                      target.cpu);
  text += fmt::format("machine    {}\n",
                      describeMachine(analysis.target->getMachine()));
  text += fmt::format(
      "work       {} MACs; {} of tensors between kernels and of weights\n",
      groupDigits(analysis.total.macs), formatBytes(analysis.total.bytes));
  for (const Analysis::Kind &kind : analysis.kinds)
    if (kind.macs)
      text += fmt::format("           {} {}: {:.1f} M\n", kind.count, kind.name,
                          kind.macs / 1e6);
  text += fmt::format("parameters {}; after folding {} in filters, {} others\n",
                      groupDigits(analysis.parameters),
                      groupDigits(analysis.filterWeights),
                      groupDigits(analysis.otherWeights));
  text += fmt::format("memory     arena {}, weights {}\n",
                      formatBytes(analysis.arenaBytes),
                      formatBytes(analysis.weightBytes));
  text += describeTotals(analysis);
  return text + fmt::format("slow way   {}\n", describeSlow(analysis));
}

/// The widest of a column, at least its heading.
template <typename Rows, typename Get>
static size_t getWidth(const Rows &rows, llvm::StringRef heading, Get get) {
  size_t width = heading.size();
  for (const auto &row : rows)
    width = std::max(width, get(row).size());
  return width;
}

static std::string describeRows(const Analysis &analysis) {
  using Row = Analysis::Row;
  bool isMeasured = !analysis.measuredOn.empty();
  size_t name =
      getWidth(analysis.rows, "block", [](const Row &row) { return row.name; });
  size_t kind =
      getWidth(analysis.rows, "kind", [](const Row &row) { return row.kind; });
  size_t shape = getWidth(analysis.rows, "shape",
                          [](const Row &row) { return row.shape; });
  std::string text = fmt::format(
      "\n{:{}}  {:{}}  {:{}}  kernels   M MACs       KB  MACs/byte  bound by  "
      "predicted us{}\n",
      "block", name, "kind", kind, "shape", shape,
      isMeasured ? "  measured us  of predicted" : "");
  for (const Row &row : analysis.rows) {
    text += fmt::format(
        "{:{}}  {:{}}  {:{}}  {:7}  {:7.2f}  {:7.0f}  {:9.1f}  {:8}  {:12.1f}",
        row.name, name, row.kind, kind, row.shape, shape, row.kernels,
        row.macs / 1e6, row.bytes / 1e3, row.getIntensity(), row.bound,
        row.seconds * 1e6);
    if (isMeasured)
      text += fmt::format("  {:11.1f}  {:12.2f}", row.measuredSeconds * 1e6,
                          row.measuredSeconds / row.seconds);
    text += "\n";
  }
  return text;
}

static std::string describeDecisions(const Analysis &analysis) {
  using Decision = Analysis::Decision;
  size_t width = getWidth(analysis.decisions, "layers",
                          [](const Decision &it) { return it.layers; });
  std::string text = fmt::format("\nchosen  {:{}}  one kernel us  apart us  "
                                 "gain us  why\n",
                                 "layers", width);
  for (const Decision &it : analysis.decisions) {
    text += fmt::format("{:6}  {:{}}  ", it.fused ? "fused" : "apart",
                        it.layers, width);
    if (it.allowed)
      text += fmt::format("{:13.1f}  {:8.1f}  {:7.1f}", it.together * 1e6,
                          it.apart * 1e6, (it.apart - it.together) * 1e6);
    else
      text += fmt::format("{:>13}  {:8.1f}  {:>7}", "-", it.apart * 1e6, "-");
    text += "  " + it.why + "\n";
  }
  return text;
}

void minnow::printText(const Analysis &analysis, llvm::raw_ostream &stream) {
  stream << describeHead(analysis) << describeRows(analysis);
  if (!analysis.decisions.empty())
    stream << describeDecisions(analysis);
}

//===----------------------------------------------------------------------===//
// For programs
//===----------------------------------------------------------------------===//

static Json toJson(const Figures &figures, bool isMeasured) {
  Json json = {{"macs", figures.macs},
               {"bytes", figures.bytes},
               {"macs_per_byte", figures.getIntensity()},
               {"predicted_us", figures.seconds * 1e6},
               {"mac_us", figures.macSeconds * 1e6},
               {"memory_us", figures.memorySeconds * 1e6}};
  if (isMeasured)
    json["measured_us"] = figures.measuredSeconds * 1e6;
  return json;
}

static Json toJson(const cost::Machine &machine) {
  Json memory = Json::array();
  for (unsigned i = 0; i < machine.levels; ++i) {
    const cost::MemoryLevel &level = machine.memory[i];
    Json entry = {{"name", level.name},
                  {"bytes_per_second", level.bytesPerSecond}};
    if (i + 1 < machine.levels) // the last holds all
      entry["bytes"] = level.bytes;
    memory.push_back(entry);
  }
  return {{"name", machine.name},
          {"macs_per_second", machine.macsPerSecond},
          {"byte_macs_per_second", machine.byteMacsPerSecond},
          {"macs_per_byte", cost::getRidge(machine)},
          {"memory", memory}};
}

static Json toJson(const Analysis::Kernel &kernel, bool isMeasured) {
  Json json = toJson(static_cast<const Figures &>(kernel), isMeasured);
  json["kernel"] = kernel.name;
  json["layer"] = kernel.layer;
  json["bound"] = kernel.bound;
  json["fast"] = kernel.fast;
  if (!kernel.fast)
    json["slow_reason"] = kernel.slowReason;
  return json;
}

static Json toJson(const Analysis::Row &row, bool isMeasured) {
  Json json = toJson(static_cast<const Figures &>(row), isMeasured);
  json["name"] = row.name;
  json["kind"] = row.kind;
  json["shape"] = row.shape;
  json["bound"] = row.bound;
  json["first_kernel"] = row.firstKernel;
  json["kernels"] = row.kernels;
  return json;
}

static Json toJson(const Analysis::Decision &decision) {
  Json json = {{"layers", decision.layers},
               {"fused", decision.fused},
               {"allowed", decision.allowed},
               {"apart_us", decision.apart * 1e6},
               {"why", decision.why}};
  if (decision.allowed) {
    json["together_us"] = decision.together * 1e6;
    json["gain_us"] = (decision.apart - decision.together) * 1e6;
  }
  return json;
}

void minnow::printJson(const Analysis &analysis, llvm::raw_ostream &stream) {
  bool isMeasured = !analysis.measuredOn.empty();
  const TargetSpec &target = analysis.target->getSpec();
  Json json = {
      {"network", analysis.network},
      {"input", analysis.input},
      {"target",
       {{"name", target.name}, {"triple", target.triple}, {"cpu", target.cpu}}},
      {"machine", toJson(analysis.target->getMachine())},
      {"parameters", analysis.parameters},
      {"filter_weights", analysis.filterWeights},
      {"other_weights", analysis.otherWeights},
      {"arena_bytes", analysis.arenaBytes},
      {"weight_bytes", analysis.weightBytes},
      {"total", toJson(analysis.total, isMeasured)}};
  if (isMeasured)
    json["measured_on"] = analysis.measuredOn;
  for (const Analysis::Kind &kind : analysis.kinds)
    json["primitives"][kind.name] = {{"count", kind.count},
                                     {"macs", kind.macs}};
  for (const Analysis::Row &row : analysis.rows)
    json["blocks"].push_back(toJson(row, isMeasured));
  for (const Analysis::Kernel &kernel : analysis.kernels)
    json["kernels"].push_back(toJson(kernel, isMeasured));
  json["fusion"] = Json::array();
  for (const Analysis::Decision &decision : analysis.decisions)
    json["fusion"].push_back(toJson(decision));
  stream << json.dump(2) << "\n";
}
