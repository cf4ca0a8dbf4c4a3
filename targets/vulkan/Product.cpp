//===- Product.cpp - convolutions as products of matrices -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A lane sums up one quad of channels for some positions; a workgroup has lanes
// side by side along the channels, and groups of them along the positions.
// Weights are read by quads of channels, neighbours by neighbours. The inputs
// of a position are the same for all lanes: where the device can shuffle, the
// lanes of a cluster read one quad of them each and pass them on, since a load
// that all lanes repeat is the dearest instruction on some devices.
//
// A producer computes the inputs of the workgroup's positions into workgroup
// memory, as many channels at a time as fit.
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Kernels.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace minnow;
using namespace minnow::vulkan;
using namespace minnow::mobile;
using mlir::Value;
using Values = Shader::Values;

namespace {

/// How the result is divided.
struct Tile {
  unsigned lanes;    // along the channels, a quad each
  unsigned groups;   // along the positions, in one workgroup
  unsigned pixels;   // positions of a lane
  Patch patch{0, 0}; // of the positions, with a depthwise before
};

/// A position of the result that a lane computes.
struct Position {
  Value number;           // from 0 to the map's size; clamped for loads
  Value isValid;          // null: always
  Value batch, top, left; // of its window, for those that are no points
};

class ProductWriter {
public:
  ProductWriter(KernelOp kernel, const Gpu &gpu, const ShaderPlan &plan);
  llvm::Expected<Written> write();

private:
  // Index of the quad, or number, of the input of `position` under a tap.
  void findPositions();
  void findPatch();
  Values sumMap(Values sums);
  Values sumNumbers(Values sums);
  Values sumProduced(Values sums);
  void produceAttention(AttentionOp op);
  Values sumAttention(Values sums);
  Values sumQuads(Value count, double average, Value firstWeight,
                  mlir::ValueRange sums,
                  llvm::function_ref<Value(unsigned, Value)> load);
  Values multiply(Value firstWeight, Value quad, mlir::ValueRange sums,
                  llvm::function_ref<Value(unsigned)> input);
  Value loadNumber(const Position &position, Value y, Value x, int64_t channel);
  void storeResults(const Values &sums);
  void writeColumns(Value first);
  Position makeWindow(Value number);
  bool isShuffled() const { return shader.getGpu().cluster > 1; }

  static Tile chooseTile(const Gpu &gpu, const ShaderPlan &plan);
  static llvm::SmallVector<unsigned> getWidths(KernelOp kernel,
                                               const ShaderPlan &plan);

  KernelOp kernel;
  const ShaderPlan &plan;
  Window window;
  Tile tile;
  int64_t quads; // of channels of the result
  Shader shader;
  Value thread, lane, column, weightColumn, clusterLane, clusterBase;
  llvm::SmallVector<Position> positions;
  Value patchRow, patchColumn, patchBatch;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// The positions of a lane: few tiles, since each reads all weights, but little
/// waste in the last. Measured on lavapipe, a tile costs as 20 + pixels.
static unsigned choosePixels(int64_t positions, unsigned most) {
  unsigned best = 1;
  double bestCost = 1e30;
  for (unsigned pixels = 1; pixels <= most; ++pixels) {
    double cost = double(llvm::divideCeil(positions, pixels)) * (20 + pixels);
    if (cost < bestCost) {
      bestCost = cost;
      best = pixels;
    }
  }
  return best;
}

Tile ProductWriter::chooseTile(const Gpu &gpu, const ShaderPlan &plan) {
  Window window = getWindow(plan.main);
  int64_t quads = window.channels / 4, count = window.countPositions();
  Tile tile;
  if (plan.producer && llvm::isa<DepthwiseConv2DOp>(plan.producer)) {
    tile.patch = choosePatch(window.width, window.height, gpu.mostPixels);
    tile.pixels = tile.patch.width * tile.patch.height;
    tile.groups = 1;
    tile.lanes = std::min<int64_t>(
        {kInvocations,
         int64_t(llvm::alignTo<8>(std::max(quads, window.inputChannels / 4))),
         int64_t(llvm::alignDown(kSharedBytes / 16 / tile.pixels, 8))});
    return tile;
  }
  if (plan.producer && llvm::isa<AttentionOp>(plan.producer)) {
    tile.groups = 1;
    tile.lanes = kInvocations;
    tile.pixels =
        kInvocations / llvm::cast<AttentionOp>(plan.producer).getHeads();
    return tile;
  }
  tile.pixels = choosePixels(count, gpu.mostPixels);
  tile.lanes = std::min<int64_t>(kInvocations, llvm::alignTo<8>(quads));
  tile.groups = std::min<int64_t>(kInvocations / tile.lanes,
                                  llvm::divideCeil(count, tile.pixels));
  // A small map still is work for several cores.
  auto countGroups = [&] {
    return llvm::divideCeil(quads, tile.lanes) *
           llvm::divideCeil(count, tile.pixels * tile.groups);
  };
  while (countGroups() < 8 && tile.groups > 1)
    tile.groups /= 2;
  while (countGroups() < 8 && tile.lanes > 8)
    tile.lanes = llvm::alignTo<8>(tile.lanes / 2);
  return tile;
}

llvm::SmallVector<unsigned> ProductWriter::getWidths(KernelOp kernel,
                                                     const ShaderPlan &plan) {
  llvm::SmallVector<unsigned> widths(kernel.getNumArguments() + 1, 4);
  if (getWindow(plan.main).inputChannels % 4 != 0) {
    Value input =
        plan.producer ? plan.producer->getOperand(0) : plan.main->getOperand(0);
    widths[llvm::cast<mlir::BlockArgument>(input).getArgNumber()] = 1;
  }
  return widths;
}

/// What lies in workgroup memory: for each position the quads of a chunk, or
/// all heads of attention.
static unsigned getSharedQuads(const ShaderPlan &plan, const Tile &tile) {
  if (tile.patch.width)
    return tile.lanes * tile.pixels;
  if (plan.producer && llvm::isa<AttentionOp>(plan.producer))
    return tile.pixels * getWindow(plan.main).inputChannels / 4;
  return 0;
}

ProductWriter::ProductWriter(KernelOp kernel, const Gpu &gpu,
                             const ShaderPlan &plan)
    : kernel(kernel), plan(plan), window(getWindow(plan.main)),
      tile(chooseTile(gpu, plan)), quads(window.channels / 4),
      shader(kernel, gpu, getWidths(kernel, plan), tile.lanes * tile.groups,
             getSharedQuads(plan, tile)) {}

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

/// The window of position `number` of the result.
Position ProductWriter::makeWindow(Value number) {
  Position position;
  position.number = number;
  Value x = shader.rem(number, window.width),
        line = shader.div(number, window.width);
  position.batch = shader.div(line, window.height);
  position.top = shader.add(
      shader.mul(shader.rem(line, window.height), window.strideHeight),
      -window.padTop);
  position.left =
      shader.add(shader.mul(x, window.strideWidth), -window.padLeft);
  return position;
}

/// Consecutive positions.
void ProductWriter::findPositions() {
  int64_t count = window.countPositions();
  Value group = shader.add(shader.mul(shader.getGroup(1), tile.groups),
                           shader.div(thread, tile.lanes));
  Value first = shader.mul(group, tile.pixels);
  bool isExact = count % (tile.pixels * tile.groups) == 0;
  for (unsigned i = 0; i < tile.pixels; ++i) {
    Value number = shader.add(first, i);
    Value isValid = isExact ? Value() : shader.isInside(number, count);
    if (!isExact)
      number = shader.min(number, shader.index(count - 1));
    // Those of single channels find their windows by lanes.
    Position position;
    position.number = number;
    if (!window.isPointwise() && window.inputChannels % 4 == 0)
      position = makeWindow(number);
    position.isValid = isValid;
    positions.push_back(position);
  }
}

/// The positions of a patch, for a producer that works on one.
void ProductWriter::findPatch() {
  int64_t across = llvm::divideCeil(window.width, tile.patch.width),
          down = llvm::divideCeil(window.height, tile.patch.height);
  Value number = shader.getGroup(1);
  patchColumn = shader.mul(shader.rem(number, across), tile.patch.width);
  patchRow = shader.mul(shader.rem(shader.div(number, across), down),
                        tile.patch.height);
  patchBatch = shader.div(number, across * down);
  for (unsigned i = 0; i < tile.pixels; ++i) {
    Value y = shader.add(patchRow, i / tile.patch.width),
          x = shader.add(patchColumn, i % tile.patch.width);
    Position position;
    position.isValid = shader.both(shader.isInside(y, window.height),
                                   shader.isInside(x, window.width));
    position.number = shader.add(
        shader.mul(shader.add(shader.mul(patchBatch, window.height), y),
                   window.width),
        x);
    positions.push_back(position);
  }
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Adds the products of quad `quad` of the inputs, whose first weights lie in
/// row `firstWeight` + 4 * quad of the filter.
Values ProductWriter::multiply(Value firstWeight, Value quad,
                               mlir::ValueRange sums,
                               llvm::function_ref<Value(unsigned)> input) {
  Value filter = plan.main->getOperand(1);
  Values weights, result(sums);
  Value row = shader.add(firstWeight, shader.mul(quad, 4));
  for (int64_t i = 0; i < 4; ++i)
    weights.push_back(
        shader.load(filter, shader.add(shader.mul(shader.add(row, i), quads),
                                       weightColumn)));
  for (unsigned p = 0; p < tile.pixels; ++p) {
    Value numbers = input(p);
    for (unsigned i = 0; i < 4; ++i)
      result[p] = shader.fma(shader.splat(shader.extract(numbers, i)),
                             weights[i], result[p]);
  }
  return result;
}

/// Adds the products of `count` quads of inputs, `average` on average, which
/// `load` gives by position and number.
Values
ProductWriter::sumQuads(Value count, double average, Value firstWeight,
                        mlir::ValueRange sums,
                        llvm::function_ref<Value(unsigned, Value)> load) {
  if (!isShuffled())
    return shader.loop(
        count, average, sums, [&](Value quad, mlir::ValueRange sums) {
          return multiply(firstWeight, quad, sums,
                          [&](unsigned p) { return load(p, quad); });
        });
  unsigned cluster = shader.getGpu().cluster;
  Value rounds = shader.div(shader.add(count, int64_t(cluster - 1)), cluster);
  double averageRounds = std::ceil(average / cluster);
  auto round = [&](Value number, mlir::ValueRange sums) -> Values {
    Value first = shader.mul(number, cluster);
    Value own =
        shader.min(shader.add(first, clusterLane), shader.add(count, -1));
    Values inputs;
    for (unsigned p = 0; p < tile.pixels; ++p)
      inputs.push_back(load(p, own));
    Value left = shader.min(shader.sub(count, first), shader.index(cluster));
    return shader.loop(left, average / averageRounds, sums,
                       [&](Value i, mlir::ValueRange sums) {
                         Value from = shader.add(clusterBase, i);
                         return multiply(firstWeight, shader.add(first, i),
                                         sums, [&](unsigned p) {
                                           return shader.shuffle(inputs[p],
                                                                 from);
                                         });
                       });
  };
  return shader.loop(rounds, averageRounds, sums, round);
}

/// Adds the products of a map of quads.
Values ProductWriter::sumMap(Values sums) {
  Value input = plan.main->getOperand(0);
  int64_t inputQuads = window.inputChannels / 4;
  if (window.isPointwise())
    return sumQuads(
        shader.index(inputQuads), inputQuads, shader.index(0), sums,
        [&](unsigned p, Value quad) {
          return shader.load(
              input,
              shader.add(shader.mul(positions[p].number, inputQuads), quad));
        });
  int64_t taps = window.kernelHeight * window.kernelWidth;
  return shader.loop(taps, sums, [&](Value tap, mlir::ValueRange sums) {
    Value tapRow = shader.div(tap, window.kernelWidth),
          tapColumn = shader.rem(tap, window.kernelWidth);
    Values starts, inside;
    for (const Position &position : positions) {
      Value y = shader.add(position.top, tapRow),
            x = shader.add(position.left, tapColumn);
      inside.push_back(shader.both(shader.isInside(y, window.inputHeight),
                                   shader.isInside(x, window.inputWidth)));
      Value at = shader.add(
          shader.mul(
              shader.add(shader.mul(position.batch, window.inputHeight), y),
              window.inputWidth),
          x);
      starts.push_back(shader.select(inside.back(), shader.mul(at, inputQuads),
                                     shader.index(0)));
    }
    return sumQuads(shader.index(inputQuads), inputQuads,
                    shader.mul(tap, window.inputChannels), sums,
                    [&](unsigned p, Value quad) {
                      Value loaded =
                          shader.load(input, shader.add(starts[p], quad));
                      return shader.select(inside[p], loaded, shader.quad(0));
                    });
  });
}

/// One number of the input, 0 outside of the map.
Value ProductWriter::loadNumber(const Position &position, Value y, Value x,
                                int64_t channel) {
  bool isPlanar = plan.producer != nullptr;
  Value input =
      isPlanar ? plan.producer->getOperand(0) : plan.main->getOperand(0);
  Value inside = shader.both(shader.isInside(y, window.inputHeight),
                             shader.isInside(x, window.inputWidth));
  Value line =
      isPlanar ? shader.add(shader.mul(position.batch, window.inputChannels),
                            channel)
               : position.batch;
  Value at =
      shader.add(shader.mul(shader.add(shader.mul(line, window.inputHeight), y),
                            window.inputWidth),
                 x);
  if (!isPlanar)
    at = shader.add(shader.mul(at, window.inputChannels), channel);
  Value loaded = shader.load(input, shader.select(inside, at, shader.index(0)));
  return shader.select(inside, loaded, shader.number(0));
}

/// Adds the products of a map of few channels, such as an image. The lanes of a
/// cluster read a position each.
Values ProductWriter::sumNumbers(Values sums) {
  Value filter = plan.main->getOperand(1);
  unsigned cluster = shader.getGpu().cluster;
  llvm::SmallVector<Position> read;
  if (isShuffled()) {
    Value first = positions[0].number;
    for (unsigned i = 0; i < tile.pixels; i += cluster)
      read.push_back(
          makeWindow(shader.min(shader.add(shader.add(first, i), clusterLane),
                                shader.index(window.countPositions() - 1))));
  } else {
    for (const Position &position : positions)
      read.push_back(makeWindow(position.number));
  }
  int64_t taps = window.kernelHeight * window.kernelWidth;
  return shader.loop(taps, sums, [&](Value tap, mlir::ValueRange sums) {
    Values result(sums);
    Value tapRow = shader.div(tap, window.kernelWidth),
          tapColumn = shader.rem(tap, window.kernelWidth);
    for (int64_t c = 0; c < window.inputChannels; ++c) {
      Value row = shader.add(shader.mul(tap, window.inputChannels), c);
      Value weight =
          shader.load(filter, shader.add(shader.mul(row, quads), weightColumn));
      Values numbers;
      for (const Position &position : read)
        numbers.push_back(loadNumber(position, shader.add(position.top, tapRow),
                                     shader.add(position.left, tapColumn), c));
      for (unsigned p = 0; p < tile.pixels; ++p) {
        Value number =
            isShuffled() ? shader.shuffle(numbers[p / cluster],
                                          shader.add(clusterBase, p % cluster))
                         : numbers[p];
        result[p] = shader.fma(shader.splat(number), weight, result[p]);
      }
    }
    return result;
  });
}

/// Adds the products of what a depthwise convolution gives.
Values ProductWriter::sumProduced(Values sums) {
  auto producer = llvm::cast<DepthwiseConv2DOp>(plan.producer);
  int64_t inputQuads = window.inputChannels / 4;
  int64_t chunks = llvm::divideCeil(inputQuads, tile.lanes);
  // Lanes beyond the channels of the result compute for the others only.
  Value isUsed = shader.isInside(
      isShuffled() ? shader.sub(column, clusterLane) : column, quads);
  return shader.loop(chunks, sums, [&](Value chunk, mlir::ValueRange sums) {
    Value first = shader.mul(chunk, tile.lanes);
    Value quad =
        shader.min(shader.add(first, lane), shader.index(inputQuads - 1));
    Values produced = makeDepthwise(shader, producer, tile.patch, patchBatch,
                                    patchRow, patchColumn, quad);
    if (chunks > 1)
      shader.barrier();
    for (auto [p, value] : llvm::enumerate(produced))
      shader.storeShared(value, shader.add(lane, p * tile.lanes));
    shader.barrier();
    Value count = shader.min(shader.sub(shader.index(inputQuads), first),
                             shader.index(tile.lanes));
    count = shader.select(isUsed, count, shader.index(0));
    return sumQuads(count, double(inputQuads) / chunks, shader.mul(first, 4),
                    sums, [&](unsigned p, Value quad) {
                      return shader.loadShared(
                          shader.add(quad, p * tile.lanes));
                    });
  });
}

/// Computes all heads of the workgroup's queries, a lane a query of a head.
void ProductWriter::produceAttention(AttentionOp op) {
  int64_t heads = op.getHeads(), valueQuads = op.getValueWidth() / 4;
  Value query = shader.add(shader.mul(shader.getGroup(1), tile.pixels),
                           shader.div(thread, heads));
  Value safe = shader.min(query, shader.index(op.getNumQueries() - 1));
  Values values = makeAttention(shader, op, shader.index(0), safe,
                                shader.rem(thread, heads));
  Value start = shader.mul(thread, valueQuads);
  for (auto [i, value] : llvm::enumerate(values))
    shader.storeShared(value, shader.add(start, i));
  shader.barrier();
}

Values ProductWriter::sumAttention(Values sums) {
  int64_t inputQuads = window.inputChannels / 4;
  return sumQuads(shader.index(inputQuads), inputQuads, shader.index(0), sums,
                  [&](unsigned p, Value quad) {
                    return shader.loadShared(shader.add(quad, p * inputQuads));
                  });
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void ProductWriter::storeResults(const Values &sums) {
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  Value bias = getBias(plan.main);
  Value offset = bias ? shader.load(bias, weightColumn) : Value();
  for (auto [p, position] : llvm::enumerate(positions)) {
    Value sum = offset ? shader.addf(sums[p], offset) : sums[p];
    sum = shader.activate(sum, getActivation(plan.main));
    Value isValid = position.isValid;
    if (quads % tile.lanes != 0) {
      Value isColumn = shader.isInside(column, quads);
      isValid = isValid ? shader.both(isValid, isColumn) : isColumn;
    }
    auto store = [&, position = position] {
      shader.forget();
      shader.define(plan.main->getResult(0), sum);
      shader.store(shader.evaluate(result, position.number, column, quads),
                   shader.add(shader.mul(position.number, quads), column));
    };
    if (isValid)
      shader.ifThen(isValid, store);
    else
      store();
  }
}

/// Sums and stores the columns of a workgroup, from `first` on.
void ProductWriter::writeColumns(Value first) {
  column = shader.add(first, lane);
  weightColumn =
      quads % tile.lanes ? shader.min(column, shader.index(quads - 1)) : column;
  Values sums(tile.pixels, shader.quad(0));
  if (tile.patch.width)
    sums = sumProduced(sums);
  else if (plan.producer && llvm::isa<AttentionOp>(plan.producer))
    sums = sumAttention(sums);
  else if (window.inputChannels % 4 != 0)
    sums = sumNumbers(sums);
  else
    sums = sumMap(sums);
  storeResults(sums);
}

llvm::Expected<Written> ProductWriter::write() {
  thread = shader.getThread();
  lane = tile.groups == 1 ? thread : shader.rem(thread, tile.lanes);
  if (isShuffled()) {
    clusterLane = shader.getClusterLane();
    clusterBase = shader.getClusterBase();
  }
  tile.patch.width ? findPatch() : findPositions();
  Grid grid;
  grid.x = llvm::divideCeil(quads, tile.lanes);
  grid.y = tile.patch.width
               ? window.batch *
                     llvm::divideCeil(window.width, tile.patch.width) *
                     llvm::divideCeil(window.height, tile.patch.height)
               : llvm::divideCeil(window.countPositions(),
                                  tile.pixels * tile.groups);
  auto attention = llvm::dyn_cast_or_null<AttentionOp>(plan.producer);
  if (attention) {
    // Dear to compute, so once for all columns.
    produceAttention(attention);
    shader.loop(grid.x, {}, [&](Value block, mlir::ValueRange) {
      writeColumns(shader.mul(block, tile.lanes));
      return Values();
    });
    grid.x = 1;
  } else {
    writeColumns(shader.mul(shader.getGroup(0), tile.lanes));
  }
  return shader.finish(grid);
}

llvm::Expected<Written> vulkan::writeProduct(KernelOp kernel, const Gpu &gpu,
                                             const ShaderPlan &plan) {
  return ProductWriter(kernel, gpu, plan).write();
}
