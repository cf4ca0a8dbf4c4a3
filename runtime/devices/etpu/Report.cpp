//===- Report.cpp - a run of EX1b for people ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Report.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <cstdarg>

namespace minnow::etpu {
namespace {

using Json = nlohmann::ordered_json;

/// printf to the end of a string.
[[gnu::format(printf, 2, 3)]] void print(std::string &text, const char *format,
                                         ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  text += line;
}

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

/// What most of a layer's cycles go to.
const char *getLimit(const LayerReport &layer) {
  const uint64_t *by = layer.cycles.byEngine;
  uint64_t cycles[] = {
      by[unsigned(Engine::DmaIn)] + by[unsigned(Engine::DmaOut)],
      by[unsigned(Engine::Matrix)], by[unsigned(Engine::Depthwise)],
      by[unsigned(Engine::Vector)], layer.cycles.idle};
  static const char *const kNames[] = {"DRAM", "matrix", "depthwise", "vector",
                                       "waits"};
  size_t most = std::max_element(cycles, cycles + 5) - cycles;
  return cycles[most] ? kNames[most] : "hidden";
}

double getPeak(const Machine &machine) {
  return double(machine.rows) * machine.columns;
}

} // namespace

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
          getLimit(layer), layer.name.c_str());
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
         {"bound_by", getLimit(layer)}});
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

//===----------------------------------------------------------------------===//
// Picture
//===----------------------------------------------------------------------===//

namespace {

/// Lanes of the engines over the layers, and shares of peak below.
class Picture {
public:
  Picture(const Stream &stream, const ProgramReport &report)
      : stream(stream), report(report),
        scale(double(kWidth) / report.run.cycles) {
    findBlocks();
  }
  std::string draw();

private:
  static constexpr int kLeft = 120, kWidth = 1640, kTop = 130, kLane = 44,
                       kGap = 8, kCurve = 90;

  /// Layers one after another whose names begin alike: "blocks.2.3".
  struct Block {
    std::string name;
    uint64_t cycles = 0;
  };

  double toX(uint64_t cycle) const { return kLeft + cycle * scale; }
  void findBlocks();
  std::string getColor(size_t call) const;
  void drawBlocks();
  void drawLayers();
  void drawLane(unsigned engine, int y);
  void drawCurve(int y, const char *name, const char *color,
                 const std::vector<double> &shares);
  std::vector<double> getShares(Engine engine, Engine other) const;
  void drawAxis(int y);
  void drawText(double x, double y, const char *anchor,
                const std::string &text) {
    print(svg, "<text x='%.1f' y='%.1f' text-anchor='%s'>", x, y, anchor);
    for (char c : text)
      svg += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    svg += "</text>\n";
  }

  const Stream &stream;
  const ProgramReport &report;
  const double scale; // pixels a cycle
  std::vector<Block> blocks;
  std::vector<size_t> blockOf; // by layer
  std::string svg;
};

/// A layer's name up to the numbers behind its first word.
std::string getBlockName(const std::string &layer) {
  size_t end = layer.find('.');
  while (end != std::string::npos && end + 1 < layer.size() &&
         std::isdigit(static_cast<unsigned char>(layer[end + 1])))
    end = layer.find('.', end + 1);
  return layer.substr(0, end);
}

/// "2.3" of "blocks.2.3"; a name without numbers stays.
std::string getLabel(const std::string &block) {
  size_t dot = block.find('.');
  return dot == std::string::npos ? block : block.substr(dot + 1);
}

} // namespace

void Picture::findBlocks() {
  for (const LayerReport &layer : report.layers) {
    std::string name = getBlockName(layer.name);
    if (blocks.empty() || blocks.back().name != name)
      blocks.push_back({name, 0});
    blocks.back().cycles += layer.getCycles();
    blockOf.push_back(blocks.size() - 1);
  }
}

/// Blocks differ by hue, layers of a block by lightness, alike in all lanes.
std::string Picture::getColor(size_t call) const {
  size_t block = call < blockOf.size() ? blockOf[call] : 0;
  std::string color;
  print(color, "hsl(%zu,%d%%,%d%%)", block * 67 % 360, 55,
        int(48 + call % 4 * 9));
  return color;
}

/// A name for each block that has room for it.
void Picture::drawBlocks() {
  uint64_t begin = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    double width = blocks[i].cycles * scale;
    std::string label = getLabel(blocks[i].name);
    print(svg,
          "<rect x='%.2f' y='%d' width='%.2f' height='22' fill='%s' "
          "stroke='white'><title>%.200s: %llu cycles</title></rect>\n",
          toX(begin), kTop - 62, width, i % 2 ? "#d9d9d9" : "#ececec",
          blocks[i].name.c_str(), (unsigned long long)blocks[i].cycles);
    if (label.size() * 6.6 + 2 <= width)
      drawText(toX(begin) + width / 2, kTop - 47, "middle", label);
    begin += blocks[i].cycles;
  }
  drawText(kLeft - 8, kTop - 47, "end", "blocks");
}

void Picture::drawLayers() {
  uint64_t begin = 0;
  for (size_t i = 0; i < report.layers.size(); ++i) {
    const LayerReport &layer = report.layers[i];
    double width = layer.getCycles() * scale;
    print(svg,
          "<rect x='%.2f' y='%d' width='%.2f' height='24' fill='%s'>"
          "<title>%.200s: %llu cycles, %s</title></rect>\n",
          toX(begin), kTop - 36, width, getColor(i).c_str(), layer.name.c_str(),
          (unsigned long long)layer.getCycles(), getLimit(layer));
    begin += layer.getCycles();
  }
  drawText(kLeft - 8, kTop - 20, "end", "layers");
}

/// What belongs to one layer and lies closer than a third of a pixel is one
/// rectangle.
void Picture::drawLane(unsigned engine, int y) {
  print(svg, "<rect x='%d' y='%d' width='%d' height='%d' fill='#f1f1f1'/>\n",
        kLeft, y, kWidth, kLane);
  struct Box {
    uint64_t start = 0, end = 0;
    size_t call = ~size_t(0);
  } box;
  auto flush = [&] {
    if (box.end > box.start)
      print(svg,
            "<rect x='%.2f' y='%d' width='%.2f' height='%d' fill='%s'><title>"
            "%.200s</title></rect>\n",
            toX(box.start), y, std::max(0.2, (box.end - box.start) * scale),
            kLane, getColor(box.call).c_str(),
            box.call < report.layers.size()
                ? report.layers[box.call].name.c_str()
                : "");
  };
  for (const Event &event : report.run.events) {
    const Step &step = stream.steps[event.step];
    if (unsigned(getEngine(step.op.code)) != engine || event.end == event.start)
      continue;
    if (step.call != box.call || (event.start - box.end) * scale > 0.33) {
      flush();
      box = {event.start, event.end, step.call};
    }
    box.end = event.end;
  }
  flush();
  std::string busy;
  print(busy, "%.0f%%",
        100.0 * report.run.engines[engine].busy / report.run.cycles);
  drawText(kLeft - 8, y + kLane / 2 - 2, "end", getName(Engine(engine)));
  drawText(kLeft - 8, y + kLane / 2 + 14, "end", busy);
}

/// How much of each slice of time one or two engines are busy.
std::vector<double> Picture::getShares(Engine engine, Engine other) const {
  const size_t count = 200;
  double slice = double(report.run.cycles) / count;
  std::vector<double> shares(count, 0);
  for (const Event &event : report.run.events) {
    Engine its = getEngine(stream.steps[event.step].op.code);
    if (its != engine && its != other)
      continue;
    for (size_t i = event.start / slice; i < count && i * slice < event.end;
         ++i)
      shares[i] += std::max(0.0, std::min<double>(event.end, (i + 1) * slice) -
                                     std::max<double>(event.start, i * slice)) /
                   slice;
  }
  return shares;
}

void Picture::drawCurve(int y, const char *name, const char *color,
                        const std::vector<double> &shares) {
  print(svg, "<rect x='%d' y='%d' width='%d' height='%d' fill='#f8f8f8'/>\n",
        kLeft, y, kWidth, kCurve);
  print(svg, "<path fill='%s' d='M%d %d", color, kLeft, y + kCurve);
  for (size_t i = 0; i < shares.size(); ++i) {
    double height = y + kCurve * (1 - std::min(1.0, shares[i]));
    print(svg, "L%.1f %.1fL%.1f %.1f", kLeft + kWidth * i / 200.0, height,
          kLeft + kWidth * (i + 1) / 200.0, height);
  }
  print(svg, "L%d %dZ'/>\n", kLeft + kWidth, y + kCurve);
  drawText(kLeft - 8, y + 12, "end", "100%");
  drawText(kLeft - 8, y + kCurve / 2 + 4, "end", name);
  drawText(kLeft - 8, y + kCurve, "end", "0%");
}

void Picture::drawAxis(int y) {
  // About ten ticks at 1, 2 or 5 times a power of ten.
  double step = 1;
  while (report.run.cycles / step > 12)
    for (double factor : {2.0, 2.5, 2.0})
      if (report.run.cycles / step > 12)
        step *= factor;
  for (double cycle = 0; cycle <= report.run.cycles; cycle += step) {
    double x = toX(cycle);
    print(svg, "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#bbb'/>\n", x,
          kTop - 66, x, y);
    std::string label;
    print(label, "%.0fk", cycle / 1000);
    drawText(x, y + 16, "middle", label);
    label.clear();
    print(label, "%.0f us", cycle / report.machine.clockMHz);
    drawText(x, y + 31, "middle", label);
  }
  drawText(kLeft - 16, y + 16, "end", "cycles");
}

std::string Picture::draw() {
  int lanes = kTop + kEngines * (kLane + kGap);
  int curves = lanes + 12, bottom = curves + 2 * (kCurve + 12);
  print(svg,
        "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
        "font-family='sans-serif' font-size='12'>\n"
        "<rect width='100%%' height='100%%' fill='white'/>\n",
        kLeft + kWidth + 30, bottom + 44);
  std::string title;
  print(title,
        "%s on EX1b (synthetic, no EdgeTPU): %llu cycles, %.3f ms at %u MHz; "
        "%.2f times the lower bound; DRAM %.2f MB, %.3f times the least",
        report.network.c_str(), (unsigned long long)report.run.cycles,
        report.run.cycles / (report.machine.clockMHz * 1e3),
        report.machine.clockMHz, report.run.cycles / report.getBound(),
        report.run.getDramBytes() / 1e6,
        double(report.run.getDramBytes()) / report.compulsoryBytes);
  svg += "<g font-size='16'>\n";
  drawText(kLeft, 30, "start", title);
  svg += "</g>\n";
  drawBlocks();
  drawLayers();
  for (unsigned engine = 0; engine < kEngines; ++engine)
    drawLane(engine, kTop + engine * (kLane + kGap));
  drawCurve(curves, "DRAM", "#7a9cc6",
            getShares(Engine::DmaIn, Engine::DmaOut));
  drawCurve(curves + kCurve + 12, "matrix", "#c68a7a",
            getShares(Engine::Matrix, Engine::Matrix));
  drawAxis(bottom);
  svg += "</svg>\n";
  return std::move(svg);
}

std::string toSvg(const Stream &stream, const ProgramReport &report) {
  return Picture(stream, report).draw();
}

} // namespace minnow::etpu
