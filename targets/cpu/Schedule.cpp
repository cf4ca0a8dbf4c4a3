//===- Schedule.cpp - tiles, tasks and layouts from formulas --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A schedule for each kernel from its shapes and the register count: the tile
// with the least padded work for each load, the loop order that keeps the
// larger operand near, and a few equal tasks.
//===----------------------------------------------------------------------===//
#include "mlir/IR/Builders.h"
#include "targets/cpu/Kernels.h"
#include "targets/halide/View.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using halide::View;
using mlir::Operation;
using mlir::Value;

namespace {

/// A stage as the formulas see it.
struct StageShape {
  Operation *op;
  int64_t pixels;   // positions that a tile may take, neighbours in a row
  int64_t channels; // of the output
  int64_t depth;    // terms of each sum
  bool isPooled;    // a global pool sums up its tiles: they may not overlap
  int64_t constants = 0; // registers that are taken all the time
};

struct TileChoice {
  int64_t pixels = 1, vectors = 1;
};

/// How the output of a kernel is divided.
struct Split {
  SplitAxis axis = SplitAxis::None;
  int64_t tasks = 1;
};

class Scheduler {
public:
  Scheduler(const Isa &isa, const cost::Machine &machine, KernelOp kernel)
      : isa(isa), machine(machine), kernel(kernel),
        view(halide::getView(kernel)) {}
  ScheduleAttr run();

private:
  StageShape getShape(Operation *op);
  bool fits(int64_t pixels, int64_t vectors, int64_t constants);
  double estimateCycles(int64_t pixels, int64_t vectors);
  TileChoice chooseMatrixTile(const StageShape &shape);
  TileChoice chooseDepthwiseTile(const StageShape &shape);
  bool staysNear(const StageShape &shape);
  StageAttr chooseStage(const StageShape &shape);
  Split chooseSplit(llvm::ArrayRef<StageShape> shapes,
                    llvm::ArrayRef<StageAttr> stages);
  int64_t chooseStrip(const Split &split, llvm::ArrayRef<StageShape> shapes);

  const Isa &isa;
  const cost::Machine &machine;
  mutable KernelOp kernel; // a handle; its getters are not const
  View view;
};

} // namespace

static bool isMatrix(Operation *op) {
  return llvm::isa<Conv2DOp, LinearOp>(op);
}

/// The terms of each sum of a product.
static int64_t getDepth(Operation *op) {
  if (!isMatrix(op))
    return 1;
  auto filter = halide::getShape(op->getOperand(1));
  return halide::product(filter.drop_back());
}

StageShape Scheduler::getShape(Operation *op) {
  auto sizes = halide::getSizes(op->getResult(0), view);
  if (!sizes)
    return {op, 1, 1, 1, false};
  bool isPooled = llvm::any_of(op->getUsers(), llvm::IsaPred<Pool2DOp>);
  return {op, sizes->columns, sizes->channels, getDepth(op), isPooled};
}

/// The sums, a vector of weights for each column and what they are multiplied
/// by must be in registers: a vector of several steps for each position, or one
/// broadcast and one more for Halide's and LLVM's temporaries.
bool Scheduler::fits(int64_t pixels, int64_t vectors, int64_t constants) {
  if (isa.multipliesByLane)
    return pixels * vectors + vectors + pixels + constants <= isa.registers;
  return pixels * vectors + vectors + 1 + constants < isa.registers;
}

/// Half cycles that one term of a tile's sums takes. Two multiply-adds start a
/// cycle with a latency of four: fewer than eight sums wait for each other.
double Scheduler::estimateCycles(int64_t pixels, int64_t vectors) {
  double products = std::max(double(pixels * vectors), 8.0);
  // Weights in pairs of vectors, inputs in vectors of four terms, and the loop:
  // what counts is the instructions.
  if (isa.multipliesByLane)
    return products + vectors / 2.0 + pixels / 4.0 + 0.5;
  // Two loads a cycle too.
  double loads = double(pixels + vectors);
  return std::max(products, loads) + loads * 0.25;
}

TileChoice Scheduler::chooseMatrixTile(const StageShape &shape) {
  TileChoice best;
  double least = INFINITY;
  for (int64_t vectors = 1; vectors <= 6; ++vectors)
    for (int64_t pixels = 1; pixels <= 14; ++pixels) {
      if (!fits(pixels, vectors, shape.constants) || pixels > shape.pixels ||
          (shape.isPooled && shape.pixels % pixels))
        continue;
      int64_t panel = vectors * isa.vectorFloats;
      double rows = double(llvm::alignTo(shape.pixels, pixels)) / shape.pixels;
      double columns =
          double(llvm::alignTo(shape.channels, panel)) / shape.channels;
      double cost =
          rows * columns * estimateCycles(pixels, vectors) / (pixels * vectors);
      // Without masked stores the last vectors go element by element.
      if (isa.multipliesByLane && shape.channels % panel)
        cost *= 2;
      if (cost < least) {
        least = cost;
        best = {pixels, vectors};
      }
    }
  return best;
}

TileChoice Scheduler::chooseDepthwiseTile(const StageShape &shape) {
  // A divisor of the row, so that borders cut the first and last tile only.
  TileChoice tile{std::min<int64_t>(shape.pixels, 4), 1};
  for (int64_t pixels : {7, 8, 6, 5, 4})
    if (shape.pixels % pixels == 0) {
      tile.pixels = pixels;
      break;
    }
  // Half of the registers are left to the taps.
  if (4 * tile.pixels <= isa.registers &&
      shape.channels % (2 * isa.vectorFloats) == 0)
    tile.vectors = 2;
  return tile;
}

/// Whether the weights stay in the core's own caches while they pass once a
/// tile of positions; those of 4 MB would come from far away each time.
bool Scheduler::staysNear(const StageShape &shape) {
  const cost::MemoryLevel &near =
      machine.memory[std::min(1u, machine.levels - 1)];
  return double(shape.depth * shape.channels) * sizeof(float) <= near.bytes;
}

StageAttr Scheduler::chooseStage(const StageShape &shape) {
  TileChoice tile;
  LoopOrder order = LoopOrder::ChannelsOuter;
  if (isMatrix(shape.op)) {
    tile = chooseMatrixTile(shape);
    if (shape.channels > shape.depth && staysNear(shape))
      order = LoopOrder::PixelsOuter;
  } else if (auto attention = llvm::dyn_cast<AttentionOp>(shape.op)) {
    StageShape head = shape;
    head.channels = attention.getValueWidth();
    // The exponential's, which LLVM keeps in registers where there are many.
    head.constants = isa.registers >= 32 ? 8 : 0;
    tile = chooseMatrixTile(head);
  } else if (llvm::isa<DepthwiseConv2DOp, Pool2DOp>(shape.op)) {
    tile = chooseDepthwiseTile(shape);
  }
  return StageAttr::get(kernel.getContext(), tile.pixels, tile.vectors, order);
}

/// The best of few tasks that divide `size` into parts of at least `least`; 1
/// if there is none.
static int64_t chooseTasks(int64_t size, int64_t least = 1) {
  for (int64_t tasks : {4, 6, 5, 8, 7, 3, 2})
    if (size % tasks == 0 && size / tasks >= least)
      return tasks;
  return 1;
}

/// The fewest rows of one task: what two neighbours both compute, because a
/// window of one stage overlaps on the stage before, is kept below a third.
static int64_t getLeastRows(llvm::ArrayRef<StageShape> shapes) {
  double least = 1;
  for (const StageShape &shape : shapes.drop_front(!shapes.empty()))
    if (auto conv = llvm::dyn_cast<DepthwiseConv2DOp>(shape.op)) {
      double stride = conv.getStrides()[0];
      double overlap = halide::getShape(conv.getFilter())[0] - stride;
      least = std::max(least, 3 * overlap / stride);
    }
  return std::ceil(least);
}

Split Scheduler::chooseSplit(llvm::ArrayRef<StageShape> shapes,
                             llvm::ArrayRef<StageAttr> stages) {
  uint64_t work = 0;
  for (Operation &op : kernel.getBody().front().without_terminator())
    work += llvm::cast<PrimitiveOpInterface>(op).getMacs() +
            halide::product(halide::getShape(op.getResult(0)));
  constexpr uint64_t kLeastWork = 200'000; // about 5 us
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  auto sizes = halide::getSizes(result, view);
  if (!sizes || work < kLeastWork)
    return {};
  int64_t length = view == View::Elements ? sizes->channels
                   : view == View::Pixels ? sizes->columns
                                          : sizes->rows;
  // Channels of small maps: only whole tiles of a kernel of one stage, for
  // else each task would compute all that comes before.
  bool oneStage = shapes.size() == 1 || llvm::isa<Pool2DOp>(shapes.back().op);
  bool hasHeads = llvm::any_of(shapes, [](const StageShape &shape) {
    return llvm::isa<AttentionOp>(shape.op);
  });
  int64_t width =
      stages.empty() ? 1 : stages[0].getVectors() * isa.vectorFloats;
  if (view != View::Elements && length < 64 && oneStage && !hasHeads &&
      sizes->channels % width == 0) {
    int64_t tasks = chooseTasks(sizes->channels / width);
    if (tasks > 1)
      return {SplitAxis::Channels, tasks};
  }
  int64_t tasks = chooseTasks(length, getLeastRows(shapes));
  if (tasks == 1)
    return {};
  return {SplitAxis::Rows, tasks};
}

/// Rows of the output for which all stages run in turn.
int64_t Scheduler::chooseStrip(const Split &split,
                               llvm::ArrayRef<StageShape> shapes) {
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  auto sizes = halide::getSizes(result, view);
  int64_t rows = sizes ? sizes->rows : 1;
  if (split.axis == SplitAxis::Rows && view == View::Maps)
    rows /= split.tasks;
  // The rows around which a full convolution lays its border stay near.
  bool hasBorder = !shapes.empty() && llvm::isa<Conv2DOp>(shapes[0].op);
  return shapes.size() > 1 || hasBorder ? 1 : rows;
}

ScheduleAttr Scheduler::run() {
  llvm::SmallVector<StageShape> shapes;
  llvm::SmallVector<StageAttr> stages;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (halide::isComputing(&op))
      shapes.push_back(getShape(&op));
  for (const StageShape &shape : shapes)
    stages.push_back(chooseStage(shape));
  Split split = chooseSplit(shapes, stages);
  int64_t strip = chooseStrip(split, shapes);
  return ScheduleAttr::get(kernel.getContext(), split.axis, split.tasks, strip,
                           stages);
}

/// Gives the filter of `op` its panels, and pads the bias where it ends inside
/// of one.
static void setPanels(KernelOp kernel, Operation *op, int64_t panel) {
  auto set = [&](Value value) {
    auto argument = llvm::dyn_cast_if_present<mlir::BlockArgument>(value);
    if (argument)
      kernel.setLayout(
          argument.getArgNumber(),
          LayoutAttr::get(kernel.getContext(), LayoutKind::Panels, {panel}));
  };
  set(op->getOperand(1));
  int64_t channels = halide::getShape(op->getResult(0)).back();
  if (channels % panel && op->getNumOperands() > 2)
    set(op->getOperand(2));
}

void cpu::setSchedule(const Isa &isa, KernelOp kernel, ScheduleAttr schedule) {
  kernel.setScheduleAttr(schedule);
  for (Operation &op : kernel.getBody().front())
    if (isMatrix(&op))
      setPanels(kernel, &op,
                halide::getStageAttr(kernel, &op).getVectors() *
                    isa.vectorFloats);
}

void cpu::schedule(const Isa &isa, const cost::Machine &machine,
                   KernelOp kernel) {
  setSchedule(isa, kernel, Scheduler(isa, machine, kernel).run());
}
