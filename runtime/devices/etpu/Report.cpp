//===- Report.cpp - a run of EX1b for people ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Report.h"
#include "runtime/devices/etpu/Print.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace minnow::etpu {
namespace {

using Json = nlohmann::ordered_json;

/// Which pieces of activation memory a call touches.
class Footprint {
public:
  explicit Footprint(const Machine &machine)
      : pieces(machine.activationBytes / kPiece + 1) {}
  void add(const Operation &op) {
    visitRegions(op, [&](const Region &region) {
      if (region.space == Space::Activation && region.begin < region.end)
        std::fill(pieces.begin() + region.begin / kPiece,
                  pieces.begin() + (region.end - 1) / kPiece + 1, true);
    });
  }
  uint64_t getBytes() const {
    return kPiece * std::count(pieces.begin(), pieces.end(), true);
  }

private:
  static constexpr uint64_t kPiece = 64;
  std::vector<bool> pieces;
};

std::vector<LayerReport> makeLayers(const Stream &stream,
                                    const ProgramReport &report,
                                    const Description &description) {
  const auto &calls = *description.entry->calls();
  std::vector<LayerReport> layers(calls.size());
  std::vector<Footprint> prints(calls.size(), Footprint(report.machine));
  std::vector<CallCycles> cycles =
      attributeCycles(stream, report.run, calls.size());
  for (uint32_t i = 0; i < calls.size(); ++i) {
    const auto *layer = calls.Get(i)->layer();
    layers[i].name = layer ? layer->str() : "";
    layers[i].cycles = cycles[i];
  }
  for (const Step &step : stream.steps) {
    if (step.call >= layers.size() || step.op.code.opcode == Opcode::Halt)
      continue;
    LayerReport &layer = layers[step.call];
    layer.work.add(step.op);
    layer.busy[unsigned(getEngine(step.op.code))] +=
        getCost(report.machine, step.op).busy;
    prints[step.call].add(step.op);
  }
  for (size_t i = 0; i < layers.size(); ++i)
    layers[i].chipBytes = prints[i].getBytes();
  return layers;
}

double getPeak(const Machine &machine) {
  return double(machine.rows) * machine.columns;
}

} // namespace

const char *LayerReport::getLimit() const {
  const uint64_t *by = cycles.byEngine;
  uint64_t parts[] = {
      by[unsigned(Engine::DmaIn)] + by[unsigned(Engine::DmaOut)],
      by[unsigned(Engine::Matrix)], by[unsigned(Engine::Depthwise)],
      by[unsigned(Engine::Vector)], cycles.idle};
  static const char *const kNames[] = {"DRAM", "matrix", "depthwise", "vector",
                                       "waits"};
  size_t most = std::max_element(parts, parts + 5) - parts;
  return parts[most] ? kNames[most] : "hidden";
}

double ProgramReport::getBound(const Work &work, uint64_t bytes) const {
  return std::max({double(work.macs) / getPeak(machine),
                   double(bytes) / machine.dramBytesPerCycle,
                   double(work.vectorElements) / machine.lanes});
}

minnow_status makeReport(const LoadedProgram &loaded,
                         const Description &description, ProgramReport &report,
                         minnow_error *error) {
  const Program &program = loaded.program;
  report.network = description.program->name()->str();
  report.machine = program.header.machine;
  report.compulsoryBytes = loaded.weights.size() + program.header.inputBytes +
                           program.header.outputBytes;
  Memory memory(program.header);
  if (minnow_status status = simulate(report.machine, program.cold, memory,
                                      false, report.run, error))
    return status;
  report.layers = makeLayers(program.cold, report, description);
  if (program.warm.steps.empty())
    return MINNOW_STATUS_OK;
  RunReport warm;
  if (minnow_status status =
          simulate(report.machine, program.warm, memory, false, warm, error))
    return status;
  report.warmCycles = warm.cycles;
  return MINNOW_STATUS_OK;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static void printMachine(std::string &text, const Machine &m) {
  print(
      text,
      "EX1b, a synthetic accelerator of the Coral class (no EdgeTPU): %u x %u "
      "multipliers and %u lanes at %u MHz,\n%u KiB activations, %u KiB "
      "weights, %u accumulator entries, DRAM %u bytes a cycle after %u\n\n",
      m.rows, m.columns, m.lanes, m.clockMHz, m.activationBytes / 1024,
      m.weightBytes / 1024, m.accumulators, m.dramBytesPerCycle, m.dramLatency);
}

static void printEngines(std::string &text, const RunReport &run) {
  print(text, "\n%-10s %12s %10s   waits for", "engine", "instructions",
        "busy");
  for (unsigned engine = 0; engine < kEngines; ++engine) {
    const EngineReport &report = run.engines[engine];
    print(text, "\n%-10s %12llu %9.1f%%  ", getName(Engine(engine)),
          (unsigned long long)report.instructions,
          100.0 * report.busy / run.cycles);
    for (unsigned stall = 0; stall < kStalls; ++stall)
      if (double share = 100.0 * report.stalls[stall] / run.cycles;
          share >= 0.05)
        print(text, " %s %.1f%%", getName(Stall(stall)), share);
  }
  text += "\n";
}

std::string toTable(const ProgramReport &report) {
  const RunReport &run = report.run;
  std::string text;
  printMachine(text, report.machine);
  print(text, "%9s %6s %9s %7s %9s %9s  %-9s  layer\n", "cycles", "share",
        "bound", "of peak", "DRAM KB", "chip KB", "bound by");
  for (const LayerReport &layer : report.layers) {
    // Depthwise products are not the array's.
    std::string share = "-";
    if (layer.busy[unsigned(Engine::Matrix)] && layer.getCycles()) {
      share.clear();
      print(share, "%.0f%%",
            100.0 * layer.work.macs /
                (getPeak(report.machine) * layer.getCycles()));
    }
    print(text, "%9llu %5.1f%% %9.0f %7s %9.1f %9.1f  %-9s  %s\n",
          (unsigned long long)layer.getCycles(),
          100.0 * layer.getCycles() / run.cycles,
          report.getBound(layer.work, layer.work.getDramBytes()), share.c_str(),
          layer.work.getDramBytes() / 1e3, layer.chipBytes / 1e3,
          layer.getLimit(), layer.name.c_str());
  }
  print(
      text,
      "\n%s: %llu cycles, %.3f ms; lower bound %.0f, ratio %.3f; %.1f M MACs, "
      "%.1f%% of peak\n",
      report.network.c_str(), (unsigned long long)run.cycles,
      run.cycles / (report.machine.clockMHz * 1e3), report.getBound(),
      run.cycles / report.getBound(), run.macs / 1e6,
      100.0 * run.macs / (getPeak(report.machine) * run.cycles));
  print(text,
        "DRAM %.1f KB, %.3f times weights, inputs and outputs; of them scratch "
        "%.1f, program %.1f\n",
        run.getDramBytes() / 1e3,
        double(run.getDramBytes()) / report.compulsoryBytes,
        run.dramBytes[unsigned(Segment::Scratch)] / 1e3,
        run.programBytes / 1e3);
  if (report.warmCycles)
    print(text, "with the weights resident: %llu cycles\n",
          (unsigned long long)report.warmCycles);
  printEngines(text, run);
  return text;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

std::string toJson(const ProgramReport &report) {
  const RunReport &run = report.run;
  Json engines, layers = Json::array();
  for (unsigned engine = 0; engine < kEngines; ++engine) {
    Json stalls;
    for (unsigned stall = 0; stall < kStalls; ++stall)
      stalls[getName(Stall(stall))] = run.engines[engine].stalls[stall];
    engines[getName(Engine(engine))] = {
        {"instructions", run.engines[engine].instructions},
        {"busy", run.engines[engine].busy},
        {"stalls", stalls}};
  }
  for (const LayerReport &layer : report.layers) {
    Json busy;
    for (unsigned engine = 0; engine < kEngines; ++engine)
      busy[getName(Engine(engine))] = layer.busy[engine];
    layers.push_back(
        {{"layer", layer.name},
         {"cycles", layer.getCycles()},
         {"bound", report.getBound(layer.work, layer.work.getDramBytes())},
         {"macs", layer.work.macs},
         {"dram_bytes", layer.work.getDramBytes()},
         {"chip_bytes", layer.chipBytes},
         {"busy", busy},
         {"bound_by", layer.getLimit()}});
  }
  const Machine &m = report.machine;
  Json all = {{"network", report.network},
              {"machine",
               {{"clock_mhz", m.clockMHz},
                {"rows", m.rows},
                {"columns", m.columns},
                {"lanes", m.lanes},
                {"activation_bytes", m.activationBytes},
                {"weight_bytes", m.weightBytes},
                {"accumulators", m.accumulators},
                {"dram_bytes_per_cycle", m.dramBytesPerCycle},
                {"dram_latency", m.dramLatency}}},
              {"cycles", run.cycles},
              {"warm_cycles", report.warmCycles},
              {"bound", report.getBound()},
              {"macs", run.macs},
              {"vector_elements", run.vectorElements},
              {"dram_bytes", run.getDramBytes()},
              {"compulsory_bytes", report.compulsoryBytes},
              {"scratch_bytes", run.dramBytes[unsigned(Segment::Scratch)]},
              {"program_bytes", run.programBytes},
              {"engines", engines},
              {"layers", layers}};
  return all.dump(1) + "\n";
}

std::string toTrace(const Stream &stream, const ProgramReport &report) {
  Json events = Json::array();
  for (unsigned engine = 0; engine < kEngines; ++engine)
    events.push_back({{"ph", "M"},
                      {"name", "thread_name"},
                      {"pid", 1},
                      {"tid", engine},
                      {"args", {{"name", getName(Engine(engine))}}}});
  for (const Event &event : report.run.events) {
    const Step &step = stream.steps[event.step];
    if (event.end == event.start)
      continue;
    bool hasLayer = step.call < report.layers.size();
    events.push_back(
        {{"ph", "X"},
         {"name", getName(step.op.code.opcode)},
         {"pid", 1},
         {"tid", unsigned(getEngine(step.op.code))},
         {"ts", double(event.start) / report.machine.clockMHz},
         {"dur", double(event.end - event.start) / report.machine.clockMHz},
         {"args",
          {{"layer", hasLayer ? report.layers[step.call].name : ""},
           {"instruction", step.slot},
           {"cycles", event.end - event.start}}}});
  }
  return Json{{"traceEvents", events}}.dump() + "\n";
}

} // namespace minnow::etpu
