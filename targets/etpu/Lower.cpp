//===- Lower.cpp - from planned strips to instructions --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each strip becomes, block by block of its output, products into accumulators
// and a requantisation out of them. Accumulators and weight memory are rings:
// what comes later in the reference order takes the place of what is done.
//===----------------------------------------------------------------------===//
#include "targets/etpu/Lower.h"
#include <algorithm>

using namespace minnow;
using namespace minnow::etpu;

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

namespace {

/// Accumulator entries, handed out one range after another.
struct Ring {
  uint32_t begin, end, next;

  uint32_t take(uint32_t count) {
    if (next + count > end)
      next = begin;
    uint32_t entry = next;
    next += count;
    return entry;
  }
};

/// Bytes that one transfer of weights brings, if there are more.
constexpr uint32_t kLoadBytes = 16384;

class Lowering {
public:
  Lowering(const Machine &machine, const Network &network, const Plan &plan,
           const WeightSection &section, const std::vector<Port> &ports,
           bool isResident)
      : machine(machine), network(network), plan(plan), section(section),
        ports(ports), isResident(isResident),
        matrixRing{0, splitAccumulators(machine).matrix, 0},
        depthwiseRing{matrixRing.end, machine.accumulators, matrixRing.end} {}

  std::vector<Task> run(std::string &error);

private:
  bool loadWeights(unsigned layer, size_t step);
  void emit(const Strip &strip);
  void emitInput(const Layer &layer, const Strip &strip);
  void emitConv(const Layer &layer, const Strip &strip);
  void emitDwConv(const Layer &layer, const Strip &strip);
  void emitPool(const Layer &layer, const Strip &strip);
  void emitScale(const Layer &layer, const Strip &strip);
  void emitBytes(const Layer &layer, const Strip &strip);
  void emitAttention(const Layer &layer, const Strip &strip);
  void emitStores(const Layer &layer, const Strip &strip);
  void emitChain(const Strip &strip);
  void emitRequant(const Layer &layer, const Strip &strip, uint32_t block,
                   uint32_t entry);
  Task &addProduct(const Layer &layer, const Descriptor &input,
                   uint32_t address, uint32_t entry);

  Descriptor describe(int tensor, RowRange rows) const;
  Descriptor describeWindow(const Layer &layer, const Strip &strip) const;
  Descriptor describeSlot(int tensor, uint32_t block) const;
  const WeightPiece &getPiece(const Layer &layer, uint32_t block) const;
  uint32_t getPlace(const Layer &layer, uint32_t block) const {
    return places[index(layer)] + getPiece(layer, block).address -
           getPiece(layer, 0).address;
  }
  unsigned index(const Layer &layer) const {
    return &layer - network.layers.data();
  }
  uint32_t getPort(int tensor, uint32_t block, uint32_t row) const;
  Task &add(Opcode opcode) {
    tasks.emplace_back();
    Instruction &code = tasks.back().op.code;
    code.opcode = opcode;
    if (opcode != Opcode::Conv && opcode != Opcode::DwConv)
      code.kernelHeight = code.kernelWidth = code.stride = 0;
    code.engine = Engine::DmaIn;
    tasks.back().call = call;
    return tasks.back();
  }

  const Machine &machine;
  const Network &network;
  const Plan &plan;
  const WeightSection &section;
  const std::vector<Port> &ports;
  const bool isResident;

  Ring matrixRing, depthwiseRing;
  struct Taken {
    uint32_t begin, end;
    size_t lastStep;
  };
  std::vector<Taken> taken; // of weight memory
  uint32_t weightNext = 0;
  std::vector<uint32_t> places; // of each layer's first piece
  std::vector<size_t> lastSteps;
  unsigned softmaxTurn = 0;
  uint16_t call = 0;
  std::vector<Task> tasks;
  bool isTooWide = false; // a strip that no ring of accumulators holds

  uint32_t take(Ring &ring, uint32_t count) {
    isTooWide |= count > ring.end - ring.begin;
    return ring.take(count);
  }
};

} // namespace

/// Finds a place for a layer's weights, and loads them. False if weights that
/// are still needed are in the way.
bool Lowering::loadWeights(unsigned layer, size_t step) {
  const std::vector<WeightPiece> &pieces = section.layers[layer].pieces;
  if (pieces.empty())
    return true;
  uint32_t address = pieces[0].address;
  uint32_t bytes = pieces.back().address + pieces.back().bytes - address;
  if (isResident) {
    places[layer] = address;
    return true;
  }
  if (bytes > machine.weightBytes)
    return false;
  if (weightNext + bytes > machine.weightBytes)
    weightNext = 0;
  uint32_t place = weightNext;
  weightNext += bytes;
  for (const Taken &other : taken)
    if (other.lastStep >= step && other.begin < place + bytes &&
        place < other.end)
      return false;
  taken.erase(std::remove_if(taken.begin(), taken.end(),
                             [&](const Taken &t) { return t.lastStep < step; }),
              taken.end());
  taken.push_back({place, place + bytes, lastSteps[layer]});
  places[layer] = place;
  uint32_t begin = address;
  for (const WeightPiece &piece : pieces) {
    uint32_t end = piece.address + piece.bytes;
    if (end - begin < kLoadBytes && &piece != &pieces.back())
      continue;
    Instruction &code = add(Opcode::LoadW).op.code;
    code.address = begin;
    code.place = place + begin - address;
    code.length = end - begin;
    begin = end;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Rows [begin, end) of a tensor, without pads.
Descriptor Lowering::describe(int tensor, RowRange rows) const {
  const Tensor &map = network.tensors[tensor];
  const Storage &storage = plan.tensors[tensor];
  uint32_t stored = storage.ringRows ? storage.ringRows : map.rows;
  Descriptor d;
  d.base = storage.base;
  d.rows = rows.end - rows.begin;
  d.columns = map.columns;
  d.channels = map.blockChannels;
  d.lastChannels = map.getLastChannels();
  d.blocks = map.getBlocks();
  d.pixelPitch = map.blockChannels;
  d.rowPitch = map.columns * map.blockChannels;
  d.blockPitch = stored * d.rowPitch;
  if (storage.ringRows) {
    d.ringRows = storage.ringRows;
    d.firstRow = rows.begin % storage.ringRows;
  } else {
    d.base += rows.begin * d.rowPitch;
  }
  return d;
}

/// The input of a strip's windows, with the pads that it sees.
Descriptor Lowering::describeWindow(const Layer &layer,
                                    const Strip &strip) const {
  const Tensor &input = network.tensors[layer.input];
  RowRange rows = getInputRows(layer, input, strip);
  Descriptor d = describe(layer.input, rows);
  int64_t first = int64_t(strip.begin) * layer.stride - layer.padTop;
  int64_t last =
      int64_t(strip.end - 1) * layer.stride - layer.padTop + layer.kernelHeight;
  d.padTop = std::max<int64_t>(0, -first);
  d.padBottom = std::max<int64_t>(0, last - input.rows);
  d.padLeft = layer.padLeft;
  d.padRight = layer.padRight;
  d.padValue = layer.padValue;
  return d;
}

const WeightPiece &Lowering::getPiece(const Layer &layer,
                                      uint32_t block) const {
  return section.layers[index(layer)].pieces[block];
}

/// Where a block's row of an input or output lies in the caller's memory.
uint32_t Lowering::getPort(int tensor, uint32_t block, uint32_t row) const {
  const Tensor &map = network.tensors[tensor];
  size_t port = 0;
  for (int other : network.inputs) {
    if (other == tensor)
      break;
    ++port;
  }
  if (port == network.inputs.size())
    port += std::find(network.outputs.begin(), network.outputs.end(), tensor) -
            network.outputs.begin();
  uint32_t width =
      std::min(map.blockChannels, map.channels - block * map.blockChannels);
  return ports[port].offset +
         block * map.blockChannels * map.rows * map.columns +
         row * map.columns * width;
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

void Lowering::emitInput(const Layer &layer, const Strip &strip) {
  Descriptor a = describe(layer.output, {strip.begin, strip.end});
  for (uint32_t block = 0; block < a.blocks; ++block) {
    Task &load = add(Opcode::Load);
    load.op.a = a;
    load.op.code.block = block;
    load.op.code.flags = uint8_t(Segment::Input);
    load.op.code.address = getPort(layer.output, block, strip.begin);
  }
}

/// From the sums at `entry` to a block of the output.
void Lowering::emitRequant(const Layer &layer, const Strip &strip,
                           uint32_t block, uint32_t entry) {
  Task &task = add(Opcode::Requant);
  Instruction &code = task.op.code;
  bool isSlot = plan.tensors[layer.output].ringBlocks != 0;
  task.op.a = isSlot ? describeSlot(layer.output, block)
                     : describe(layer.output, {strip.begin, strip.end});
  code.block = isSlot ? 0 : block;
  code.entry = entry;
  code.address = getPlace(layer, block) + getPiece(layer, block).parameters;
  if (layer.addend >= 0) {
    code.flags |= kFlagAddend;
    task.op.b = describe(layer.addend, {strip.begin, strip.end});
  }
  if (!layer.table.empty())
    code.flags |= kFlagTable;
}

/// A block of an inner tensor of a chain, as a tensor of one.
Descriptor Lowering::describeSlot(int tensor, uint32_t block) const {
  const Storage &storage = plan.tensors[tensor];
  Descriptor d = describe(tensor, {0, network.tensors[tensor].rows});
  d.base = storage.base + block % storage.ringBlocks * d.blockPitch;
  d.channels = d.lastChannels = d.channelsOf(block);
  d.blocks = 1;
  d.blockPitch = 0;
  return d;
}

/// Products of a window over all of `input` with the weights at `address`.
Task &Lowering::addProduct(const Layer &layer, const Descriptor &input,
                           uint32_t address, uint32_t entry) {
  bool isConv = layer.kind == LayerKind::Conv;
  Task &task = add(isConv ? Opcode::Conv : Opcode::DwConv);
  Instruction &code = task.op.code;
  task.op.a = input;
  code.address = address;
  code.entry = entry;
  code.kernelHeight = layer.kernelHeight;
  code.kernelWidth = layer.kernelWidth;
  code.stride = layer.stride;
  return task;
}

/// The three layers of a chain for one block of expanded channels after the
/// other; the sums of the projection wait for the last.
void Lowering::emitChain(const Strip &strip) {
  const Layer *layers = &network.layers[strip.layer - 2];
  auto getWhole = [&](unsigned i) {
    return Strip{strip.layer - 2 + i, 0,
                 network.tensors[layers[i].output].rows};
  };
  auto countPositions = [&](unsigned i) {
    const Tensor &map = network.tensors[layers[i].output];
    return map.rows * map.columns;
  };
  const Tensor &expanded = network.tensors[layers[0].output];
  const Tensor &output = network.tensors[layers[2].output];
  auto getWidth = [&](const Tensor &map, uint32_t block) {
    return std::min(map.blockChannels,
                    map.channels - block * map.blockChannels);
  };
  Descriptor input = describeWindow(layers[0], getWhole(0));
  uint32_t sums = take(matrixRing, countPositions(2) * output.getBlocks());
  for (uint32_t block = 0; block < expanded.getBlocks(); ++block) {
    call = layers[0].call;
    uint32_t entry = take(depthwiseRing, countPositions(0));
    addProduct(layers[0], input, getPlace(layers[0], block), entry).op.code.n =
        getWidth(expanded, block);
    emitRequant(layers[0], getWhole(0), block, entry);

    call = layers[1].call;
    Descriptor window = describeWindow(layers[1], getWhole(1));
    Descriptor slot = describeSlot(layers[0].output, block);
    slot.padTop = window.padTop;
    slot.padBottom = window.padBottom;
    slot.padLeft = window.padLeft;
    slot.padRight = window.padRight;
    slot.padValue = window.padValue;
    entry = take(depthwiseRing, countPositions(1));
    addProduct(layers[1], slot, getPlace(layers[1], block), entry);
    emitRequant(layers[1], getWhole(1), block, entry);

    call = layers[2].call;
    slot = describeSlot(layers[1].output, block);
    for (uint32_t o = 0; o < output.getBlocks(); ++o) {
      uint32_t n = getWidth(output, o);
      Instruction &code = addProduct(layers[2], slot,
                                     getPlace(layers[2], o) +
                                         block * expanded.blockChannels * n,
                                     sums + o * countPositions(2))
                              .op.code;
      code.n = n;
      if (block)
        code.flags |= kFlagAccumulate;
    }
  }
  for (uint32_t o = 0; o < output.getBlocks(); ++o)
    emitRequant(layers[2], strip, o, sums + o * countPositions(2));
}

void Lowering::emitConv(const Layer &layer, const Strip &strip) {
  Descriptor a = describeWindow(layer, strip);
  const Tensor &output = network.tensors[layer.output];
  uint32_t positions = (strip.end - strip.begin) * output.columns;
  for (uint32_t block = 0; block < output.getBlocks(); ++block) {
    uint32_t entry = take(matrixRing, positions);
    uint32_t n = std::min(output.blockChannels,
                          output.channels - block * output.blockChannels);
    if (!layer.offsets.empty()) {
      Instruction &load = add(Opcode::LoadA).op.code;
      load.entry = entry;
      load.block = positions;
      load.n = n;
      load.address = section.layers[index(layer)].offsets[block] +
                     strip.begin * output.columns * n * 4;
    }
    Instruction &code =
        addProduct(layer, a, getPlace(layer, block), entry).op.code;
    code.n = n;
    if (!layer.offsets.empty())
      code.flags |= kFlagAccumulate;
    emitRequant(layer, strip, block, entry);
  }
}

void Lowering::emitDwConv(const Layer &layer, const Strip &strip) {
  Descriptor a = describeWindow(layer, strip);
  uint32_t positions =
      (strip.end - strip.begin) * network.tensors[layer.output].columns;
  for (uint32_t block = 0; block < a.blocks; ++block) {
    uint32_t entry = take(depthwiseRing, positions);
    addProduct(layer, a, getPlace(layer, block), entry).op.code.block = block;
    emitRequant(layer, strip, block, entry);
  }
}

void Lowering::emitPool(const Layer &layer, const Strip &strip) {
  const Tensor &input = network.tensors[layer.input];
  Descriptor a = describe(layer.input, {0, input.rows});
  uint32_t entry = take(depthwiseRing, a.blocks);
  Task &task = add(Opcode::Pool);
  task.op.a = a;
  task.op.code.entry = entry;
  for (uint32_t block = 0; block < a.blocks; ++block)
    emitRequant(layer, strip, block, entry + block);
}

void Lowering::emitScale(const Layer &layer, const Strip &strip) {
  Descriptor a = describe(layer.input, {strip.begin, strip.end});
  Descriptor factors = describe(layer.key, {0, 1});
  a.padValue = layer.padValue;
  factors.padValue = layer.keyZero;
  for (uint32_t block = 0; block < a.blocks; ++block) {
    uint32_t entry = take(depthwiseRing, uint32_t(a.rows) * a.columns);
    Task &task = add(Opcode::Scale);
    task.op.a = a;
    task.op.b = factors;
    task.op.code.block = block;
    task.op.code.entry = entry;
    emitRequant(layer, strip, block, entry);
  }
}

/// Requant of bytes, and Lookup.
void Lowering::emitBytes(const Layer &layer, const Strip &strip) {
  for (uint32_t block = 0; block < network.tensors[layer.output].getBlocks();
       ++block) {
    Descriptor input = describe(layer.input, {strip.begin, strip.end});
    if (layer.kind == LayerKind::Lookup) {
      Task &task = add(Opcode::Lookup);
      task.op.a = describe(layer.output, {strip.begin, strip.end});
      task.op.b = input;
      task.op.code.block = block;
      task.op.code.address = getPlace(layer, block);
      continue;
    }
    emitRequant(layer, strip, block, 0);
    tasks.back().op.code.flags |= kFlagBytes;
    tasks.back().op.c = input;
  }
}

/// For each head: logits, softmax weights, the weights' product with V. K and V
/// lie in activation memory for all strips and heads.
void Lowering::emitAttention(const Layer &layer, const Strip &strip) {
  RowRange rows = {strip.begin, strip.end};
  const Tensor &query = network.tensors[layer.input];
  const Tensor &key = network.tensors[layer.key];
  Descriptor q = describe(layer.input, rows);
  uint32_t positions = (rows.end - rows.begin) * query.columns;
  uint32_t keys = key.rows * key.columns;
  uint32_t groups = (keys + kMaxLanes - 1) / kMaxLanes;
  uint32_t place = places[index(layer)];
  auto getKeys = [&](int tensor, uint32_t head, uint32_t first,
                     uint32_t count) {
    const Tensor &map = network.tensors[tensor];
    Descriptor d = describe(tensor, {0, map.rows});
    d.base += head * map.getBlocks() / layer.heads * d.blockPitch +
              first * d.pixelPitch;
    d.rows = d.blocks = 1;
    d.columns = count;
    d.lastChannels = d.channels;
    d.rowPitch = d.blockPitch = 0;
    return d;
  };
  for (uint32_t head = 0; head < layer.heads; ++head) {
    uint32_t entry = take(matrixRing, positions * (groups + 1));
    for (uint32_t group = 0; group < groups; ++group) {
      uint32_t first = group * kMaxLanes;
      uint32_t count = std::min(kMaxLanes, keys - first);
      Task &task = add(Opcode::Conv);
      task.op.a = q;
      task.op.b = getKeys(layer.key, head, first, count);
      task.op.code.block = head;
      task.op.code.flags = kFlagBlock | kFlagStationary | kFlagTranspose;
      task.op.code.n = count;
      task.op.code.entry = entry + group * positions;
    }

    const Storage &softmax = plan.softmax[index(layer)];
    Descriptor weights;
    weights.base = softmax.base + (softmaxTurn++ & 1) * (softmax.bytes / 2);
    weights.rows = rows.end - rows.begin;
    weights.columns = query.columns;
    weights.channels = std::min(kMaxLanes, keys);
    weights.lastChannels = keys - (groups - 1) * kMaxLanes;
    weights.blocks = groups;
    weights.pixelPitch = weights.channels;
    weights.rowPitch = weights.columns * weights.pixelPitch;
    weights.blockPitch = weights.rows * weights.rowPitch;
    weights.isUnsigned = 1;
    Descriptor sums = weights;
    sums.base += groups * weights.blockPitch;
    sums.channels = sums.lastChannels = sums.pixelPitch = sizeof(RowEntry);
    sums.blocks = 1;
    sums.rowPitch = sums.columns * sums.pixelPitch;
    sums.blockPitch = 0;
    sums.isUnsigned = 0;

    Task &maximum = add(Opcode::RowMax);
    maximum.op.c = sums;
    maximum.op.code.block = groups;
    maximum.op.code.n = weights.lastChannels;
    maximum.op.code.entry = entry;
    Task &exp = add(Opcode::Exp);
    exp.op.a = weights;
    exp.op.c = sums;
    exp.op.code.entry = entry;
    exp.op.code.address = place;

    Task &product = add(Opcode::Conv);
    product.op.a = weights;
    product.op.b = getKeys(layer.value, head, 0, keys);
    product.op.code.flags = kFlagStationary;
    product.op.code.n = network.tensors[layer.output].blockChannels;
    product.op.code.entry = entry + groups * positions;
    Task &requant = add(Opcode::Requant);
    requant.op.a = describe(layer.output, rows);
    requant.op.c = sums;
    requant.op.code.block = head;
    requant.op.code.flags = kFlagRows;
    requant.op.code.entry = entry + groups * positions;
    requant.op.code.address = place + getPiece(layer, 0).parameters;
  }
}

/// What is an output goes to the caller's memory as soon as it is there.
void Lowering::emitStores(const Layer &layer, const Strip &strip) {
  if (std::find(network.outputs.begin(), network.outputs.end(), layer.output) ==
      network.outputs.end())
    return;
  Descriptor a = describe(layer.output, {strip.begin, strip.end});
  for (uint32_t block = 0; block < a.blocks; ++block) {
    Task &store = add(Opcode::Store);
    store.op.a = a;
    store.op.code.block = block;
    store.op.code.flags = uint8_t(Segment::Output);
    store.op.code.address = getPort(layer.output, block, strip.begin);
  }
}

void Lowering::emit(const Strip &strip) {
  const Layer &layer = network.layers[strip.layer];
  if (plan.chain[strip.layer] >= 0) {
    emitChain(strip);
    return emitStores(layer, strip);
  }
  switch (layer.kind) {
  case LayerKind::Input:
    emitInput(layer, strip);
    break;
  case LayerKind::Conv:
    emitConv(layer, strip);
    break;
  case LayerKind::DwConv:
    emitDwConv(layer, strip);
    break;
  case LayerKind::Pool:
    emitPool(layer, strip);
    break;
  case LayerKind::Scale:
    emitScale(layer, strip);
    break;
  case LayerKind::Requant:
  case LayerKind::Lookup:
    emitBytes(layer, strip);
    break;
  case LayerKind::Attention:
    emitAttention(layer, strip);
    break;
  }
  emitStores(layer, strip);
}

std::vector<Task> Lowering::run(std::string &error) {
  places.assign(network.layers.size(), 0);
  lastSteps.assign(network.layers.size(), 0);
  std::vector<bool> isLoaded(network.layers.size());
  auto getFirst = [&](unsigned layer) {
    return plan.chain[layer] >= 0 ? layer - 2 : layer;
  };
  for (size_t step = 0; step < plan.strips.size(); ++step)
    for (unsigned i = getFirst(plan.strips[step].layer);
         i <= plan.strips[step].layer; ++i)
      lastSteps[i] = step;
  // The first weights come before the input, which is there by strips.
  unsigned inputs = network.inputs.size();
  for (unsigned i = 0; i < std::min<size_t>(inputs + 2, isLoaded.size()); ++i) {
    call = network.layers[i].call;
    isLoaded[i] = loadWeights(i, 0);
  }
  for (size_t step = 0; step < plan.strips.size(); ++step) {
    const Strip &strip = plan.strips[step];
    for (unsigned i = getFirst(strip.layer); i <= strip.layer; ++i) {
      call = network.layers[i].call;
      if (!isLoaded[i] && !loadWeights(i, step)) {
        error = "the weights of layer '" + network.layers[i].name +
                "' and of those that run beside it do not fit the weight "
                "memory";
        return {};
      }
      isLoaded[i] = true;
    }
    emit(strip);
    if (isTooWide) {
      error = "a row of layer '" + network.layers[strip.layer].name +
              "' does not fit the accumulators";
      return {};
    }
  }
  return std::move(tasks);
}

std::vector<Task> etpu::lower(const Machine &machine, const Network &network,
                              const Plan &plan, const WeightSection &section,
                              const std::vector<Port> &ports, bool isResident,
                              std::string &error) {
  return Lowering(machine, network, plan, section, ports, isResident)
      .run(error);
}
