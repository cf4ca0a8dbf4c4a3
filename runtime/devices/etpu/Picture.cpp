//===- Picture.cpp - the engines over time --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Print.h"
#include "runtime/devices/etpu/Report.h"

#include <algorithm>
#include <cctype>

namespace minnow::etpu {
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
          (unsigned long long)layer.getCycles(), layer.getLimit());
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
