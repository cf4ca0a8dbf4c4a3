//===- Shapes.cpp - cycles of network descriptions on EX1b ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cycles follow from shapes, so an experiment needs neither weights nor
// calibration: this reads a list of {"network": a description as in models/,
// "machine": changed parameters}, compiles each with weights of zeros, and
// prints the figures of the simulated programs as JSON.
//===----------------------------------------------------------------------===//
#include "runtime/devices/etpu/Simulator.h"
#include "targets/etpu/Network.h"

#include <nlohmann/json.hpp>

#include <iostream>

using namespace minnow::etpu;
using Json = nlohmann::json;

namespace {

/// Turns a description into layers; the parameters of rounding do not matter.
class Builder {
public:
  explicit Builder(const Json &description) : description(description) {}
  Network build();

private:
  int addTensor(uint32_t rows, uint32_t columns, uint32_t channels) {
    network.tensors.push_back({rows, columns, channels});
    return network.tensors.size() - 1;
  }
  int addSqueezeExcite(const Json &layers, int input);
  int addLayers(const Json &layers, int input);
  int addConv(const Json &conv, int input);
  int addPool(int input);
  int addAttention(const Json &block, int input);
  void addProductParameters(Layer &layer, uint32_t terms);

  const Json &description;
  Network network;
};

void Builder::addProductParameters(Layer &layer, uint32_t terms) {
  uint32_t channels = network.tensors[layer.output].channels;
  layer.weights.assign(size_t(terms) * channels, 0);
  layer.biases.assign(channels, 0);
  layer.factors.assign(channels, 0);
}

int Builder::addConv(const Json &conv, int input) {
  Tensor in = network.tensors[input];
  Layer layer;
  layer.name = conv["weight"];
  layer.input = input;
  uint32_t kernel = conv.value("kernel", 1), stride = conv.value("stride", 1);
  layer.kernelHeight = layer.kernelWidth = kernel;
  layer.stride = stride;
  auto size = [&](uint32_t n, uint32_t &before, uint32_t &after) {
    before = after = (kernel - 1) / 2;
    uint32_t out = (n + stride - 1) / stride;
    if (description["padding"] == "same") {
      uint32_t needed = (out - 1) * stride + kernel;
      uint32_t total = needed > n ? needed - n : 0;
      before = total / 2;
      after = total - before;
    }
    return getOutputSize(n + before + after, kernel, stride);
  };
  uint32_t rows = size(in.rows, layer.padTop, layer.padBottom);
  uint32_t columns = size(in.columns, layer.padLeft, layer.padRight);
  bool isDepthwise = conv.value("groups", 1) > 1;
  layer.kind = isDepthwise ? LayerKind::DwConv : LayerKind::Conv;
  layer.output = addTensor(rows, columns, conv["out"]);
  addProductParameters(layer,
                       kernel * kernel * (isDepthwise ? 1 : in.channels));
  // Relu is a bound of the rounding, all else a table.
  std::string activation = conv["activation"];
  if (activation != "none" && activation.rfind("relu", 0) != 0)
    layer.table.assign(256, 0);
  network.layers.push_back(layer);
  return layer.output;
}

int Builder::addPool(int input) {
  Layer layer;
  layer.kind = LayerKind::Pool;
  layer.name = "pool";
  layer.input = input;
  layer.output = addTensor(1, 1, network.tensors[input].channels);
  addProductParameters(layer, 0);
  network.layers.push_back(layer);
  return layer.output;
}

int Builder::addSqueezeExcite(const Json &layers, int input) {
  Layer layer;
  layer.kind = LayerKind::Scale;
  layer.name = "scale";
  layer.key = addLayers(layers, addPool(input));
  layer.input = input;
  Tensor map = network.tensors[input];
  layer.output = addTensor(map.rows, map.columns, map.channels);
  addProductParameters(layer, 0);
  network.layers.push_back(layer);
  return layer.output;
}

int Builder::addLayers(const Json &layers, int input) {
  for (const Json &layer : layers)
    if (layer["op"] == "global_average_pool")
      input = addPool(input);
    else if (layer["op"] == "squeeze_excite")
      input = addSqueezeExcite(layer["layers"], input);
    else
      input = addConv(layer, input);
  return input;
}

int Builder::addAttention(const Json &block, int input) {
  Layer layer;
  layer.kind = LayerKind::Attention;
  layer.name = "attention";
  layer.input = addLayers(block["query"], input);
  // A strided depthwise reads a zero that is not the norm's: the rest of the
  // norm is a weight of the map's shape.
  auto addBranch = [&](const Json &layers) {
    int tensor = addLayers(layers, input);
    const Tensor &map = network.tensors[tensor];
    if (layers.size() > 1)
      network.layers.back().offsets.assign(
          size_t(map.rows) * map.columns * map.channels, 0);
    return tensor;
  };
  layer.key = addBranch(block["key"]);
  layer.value = addBranch(block["value"]);
  layer.heads = block["heads"];
  Tensor query = network.tensors[layer.input];
  layer.output = addTensor(query.rows, query.columns,
                           layer.heads * block["value_width"].get<uint32_t>());
  layer.expTable.assign(256, 255);
  network.layers.push_back(layer);
  return addLayers(block["output"], layer.output);
}

Network Builder::build() {
  network.name = description["name"];
  const Json &input = description["input"];
  int current = addTensor(input[2], input[3], input[1]);
  network.inputs = {current};
  for (const Json &block : description["blocks"]) {
    int start = current;
    current = block["kind"] == "mqa" ? addAttention(block, current)
                                     : addLayers(block["layers"], current);
    if (block["residual"])
      network.layers.back().addend = start;
  }
  network.outputs = {current};
  network.scales = {1, 1};
  network.zeros = {0, 0};
  network.isChannelsFirst = {false, false};
  return std::move(network);
}

Machine makeMachine(const Json &changes) {
  struct {
    const char *name;
    uint32_t Machine::*field;
  } const kFields[] = {{"activation_bytes", &Machine::activationBytes},
                       {"weight_bytes", &Machine::weightBytes},
                       {"dram_bytes_per_cycle", &Machine::dramBytesPerCycle},
                       {"clock_mhz", &Machine::clockMHz},
                       {"rows", &Machine::rows},
                       {"columns", &Machine::columns},
                       {"lanes", &Machine::lanes}};
  Machine machine;
  for (const auto &field : kFields)
    machine.*field.field = changes.value(field.name, machine.*field.field);
  return machine;
}

/// Cycles of work by what it is for: of the attentions alone, and all.
Json splitWork(const Machine &machine, const Stream &stream) {
  uint64_t busy[kEngines] = {}, softmax = 0, products = 0;
  for (const Step &step : stream.steps) {
    const Instruction &code = step.op.code;
    uint64_t cycles = getCost(machine, step.op).busy;
    if (code.opcode != Opcode::Halt)
      busy[unsigned(getEngine(code))] += cycles;
    if (code.opcode == Opcode::RowMax || code.opcode == Opcode::Exp ||
        (code.opcode == Opcode::Requant && (code.flags & kFlagRows)))
      softmax += cycles;
    if (code.opcode == Opcode::Conv && (code.flags & kFlagStationary))
      products += cycles;
  }
  return {{"matrix", busy[unsigned(Engine::Matrix)]},
          {"depthwise", busy[unsigned(Engine::Depthwise)]},
          {"vector", busy[unsigned(Engine::Vector)]},
          {"transfers",
           busy[unsigned(Engine::DmaIn)] + busy[unsigned(Engine::DmaOut)]},
          {"softmax", softmax},
          {"attention_products", products}};
}

/// The figures, or {"error": why not}.
Json measure(const Json &job) {
  const Json &description = job["network"];
  Machine machine = makeMachine(job.value("machine", Json::object()));
  Network network = Builder(description).build();
  Json result = {{"name", description["name"]}};
  std::string refused;
  CompiledProgram compiled = compileNetwork(machine, network, refused);
  if (!refused.empty())
    return result["error"] = refused, result;
  Program program;
  minnow_error error = {};
  if (readProgram(reinterpret_cast<const uint8_t *>(compiled.code.data()),
                  compiled.code.size(), compiled.weights.size(), program,
                  &error))
    return result["error"] = error.message, result;
  Memory memory(program.header);
  RunReport cold, warm;
  if (simulate(machine, program.cold, memory, false, cold, &error) ||
      (compiled.isResident &&
       simulate(machine, program.warm, memory, false, warm, &error)))
    return result["error"] = error.message, result;
  double compulsory = double(compiled.weightBytes) + program.header.inputBytes +
                      program.header.outputBytes;
  result.update(
      {{"cycles", cold.cycles},
       {"warm_cycles", warm.cycles},
       {"macs", cold.macs},
       {"vector_elements", cold.vectorElements},
       {"dram_bytes", cold.getDramBytes()},
       {"compulsory_bytes", compulsory},
       {"activation_bytes", compiled.activationBytes},
       {"segments", compiled.segments},
       {"bound", std::max({cold.macs / (double(machine.rows) * machine.columns),
                           compulsory / machine.dramBytesPerCycle,
                           double(cold.vectorElements) / machine.lanes})},
       {"work", splitWork(machine, program.cold)}});
  return result;
}

} // namespace

int main() {
  Json jobs = Json::parse(std::cin), results = Json::array();
  for (const Json &job : jobs)
    results.push_back(measure(job));
  std::cout << results.dump(1) << "\n";
}
