//===- Schedule.cpp - tiles, tasks and layouts ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A schedule for each kernel: one that was measured where there is one, else
// from its shapes and the register count: the tile with the least padded work
// for each load, the loop order that keeps the larger operand near, and a few
// equal tasks.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Layout.h"
#include "mlir/IR/Builders.h"
#include "targets/cpu/Depthwise.h"
#include "targets/cpu/Kernels.h"
#include "targets/cpu/Tiles.h"
#include "targets/cpu/TunedSchedules.h"
#include "targets/halide/Object.h"
#include "targets/halide/View.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using halide::View;
using mlir::Operation;
using mlir::Value;

namespace {

/// How the output of a kernel is divided.
struct Split {
  SplitAxis axis = SplitAxis::None;
  int64_t tasks = 1;
};

class Scheduler {
public:
  Scheduler(const Isa &isa, const cost::Machine &machine, KernelOp kernel)
      : isa(isa), machine(machine), kernel(kernel),
        view(halide::getView(kernel)), blocks(findByteDepthwise(isa, kernel)) {}
  ScheduleAttr run();

private:
  bool staysNear(const StageShape &shape);
  bool takesQuarter(const StageShape &shape, int64_t vectors) const;
  LoopOrder chooseDepthwiseOrder(Operation *op) const;
  Tile chooseWinogradTile(const StageShape &shape, int64_t pixels) const;
  StageAttr chooseStage(const StageShape &shape, int64_t pixels);
  Tile choosePanels(const StageShape &shape, int64_t pixels) const;
  int64_t getMostTasks();
  int64_t getLeastCopied(llvm::ArrayRef<StageShape> shapes);
  int64_t getLength();
  bool prefersChannels(llvm::ArrayRef<StageShape> shapes);
  Split chooseSplit(llvm::ArrayRef<StageShape> shapes,
                    llvm::ArrayRef<StageAttr> stages);
  int64_t chooseStrip(const Split &split, llvm::ArrayRef<StageShape> shapes,
                      llvm::ArrayRef<StageAttr> stages);

  const Isa &isa;
  const cost::Machine &machine;
  mutable KernelOp kernel; // a handle; its getters are not const
  View view;
  DepthwiseConv2DOp blocks;     // null for other kernels
  bool dividesChannels = false; // else tasks divide the rows
};

} // namespace

/// How much longer `parts`, `each` of them a task, take on two and on four
/// threads than they would if all were busy to the end; on average.
static double getImbalance(int64_t parts, int64_t each) {
  double sum = 0;
  for (int64_t threads : {2, 4}) {
    int64_t rounds = llvm::divideCeil(llvm::divideCeil(parts, each), threads);
    sum += double(rounds * each * threads) / parts;
  }
  return sum / 2;
}

/// Numbers of tasks in order of preference: few leave no task to a thread that
/// is ahead of the others, many start anew too often.
constexpr int64_t kTasks[] = {4,  6, 8, 5, 7,  10, 12, 14,
                              16, 2, 3, 9, 11, 13, 15};

/// The number of tasks with the least imbalance of those for which
/// `suits(tasks, parts of each)`; 1 if there is none.
template <typename Suits>
static int64_t chooseBalanced(int64_t parts, Suits suits) {
  int64_t best = 1;
  double lowest = INFINITY;
  for (int64_t tasks : kTasks) {
    int64_t each = llvm::divideCeil(parts, tasks);
    if (!suits(tasks, each) || getImbalance(parts, each) >= lowest)
      continue;
    best = tasks;
    lowest = getImbalance(parts, each);
  }
  return best;
}

/// The best of few tasks, `most` or fewer, that divide `size` into parts of at
/// least `least`; 1 if there is none.
static int64_t chooseTasks(int64_t size, int64_t least = 1,
                           int64_t most = INT64_MAX) {
  return chooseBalanced(size, [&](int64_t tasks, int64_t each) {
    return size % tasks == 0 && each >= least && tasks <= most;
  });
}

/// The best of few tasks that divide `size` into parts of whole `width`s, the
/// last of which may be less; 1 if there is none.
static int64_t divideEvenly(int64_t size, int64_t width) {
  int64_t parts = llvm::divideCeil(size, width);
  return chooseBalanced(parts, [&](int64_t tasks, int64_t each) {
    return int64_t(llvm::divideCeil(parts, each)) == tasks;
  });
}

/// Whether tasks may divide the channels: where more than one stage computes,
/// each task would compute all that comes before the last.
static bool canSplitChannels(llvm::ArrayRef<StageShape> shapes) {
  return !llvm::isa<AttentionOp>(shapes[0].op) &&
         (shapes.size() == 1 || llvm::isa<Pool2DOp>(shapes.back().op));
}

/// Whether `op` reads more weights than positions. Tasks that divide the
/// positions would each read them all.
static bool readsMoreWeights(Operation *op) {
  return isMatrix(op) &&
         halide::product(halide::getShape(op->getOperand(1))) >
             halide::product(halide::getShape(op->getOperand(0)));
}

/// The best number of tasks for `channels`; only a product alone and blocks of
/// bytes can leave less to the last one.
static int64_t divideChannels(int64_t channels, int64_t width, bool isProduct) {
  if (isProduct)
    return divideEvenly(channels, width);
  return channels % width ? 1 : chooseTasks(channels / width);
}

/// Whether the weights stay in the core's own caches while they pass once a
/// tile of positions; those of 4 MB would come from far away each time.
bool Scheduler::staysNear(const StageShape &shape) {
  const cost::MemoryLevel &near =
      machine.memory[std::min(1u, machine.levels - 1)];
  return double(shape.depth * shape.channels) * sizeof(float) <= near.bytes;
}

/// Whether a panel of the weights and the next one take half of the core's own
/// caches or more: the input, which each panel reads anew, does not stay.
bool Scheduler::takesQuarter(const StageShape &shape, int64_t vectors) const {
  const cost::MemoryLevel &near =
      machine.memory[std::min(1u, machine.levels - 1)];
  int64_t bytes = shape.depth * vectors * isa.vectorFloats * sizeof(float);
  return view == View::Pixels && shape.pixels > 1 &&
         !halide::isIntegerProduct(shape.op) && 4.0 * bytes >= near.bytes;
}

/// A product of bytes that copies what it reads does so in each task: the whole
/// input if tasks divide the channels. So they divide rows, or positions as
/// long as each has this many for the weights that it reads; 0 for other
/// kernels.
int64_t Scheduler::getLeastCopied(llvm::ArrayRef<StageShape> shapes) {
  bool copies = shapes.size() == 1 && isMatrix(shapes[0].op) &&
                view != View::Elements &&
                halide::copiesInput(shapes[0].op, isa.getForm());
  constexpr int64_t kLeastRows = 7, kLeastPositions = 32;
  return !copies ? 0 : view == View::Pixels ? kLeastPositions : kLeastRows;
}

/// Whether tasks divide the channels. Kernels after one another should divide
/// alike: what one thread wrote comes to another's caches at a third of the
/// rate of the third level. Products of large maps divide the rows, since each
/// position reads all channels; so do depthwise convolutions between them. Of
/// small maps the weights are what should be read once.
bool Scheduler::prefersChannels(llvm::ArrayRef<StageShape> shapes) {
  constexpr int64_t kSmallMap = 160;
  const StageShape &first = shapes[0];
  if (!canSplitChannels(shapes))
    return false;
  int64_t length = getLength(), copied = getLeastCopied(shapes);
  if (copied && chooseTasks(length, copied) > 1)
    return false;
  if (halide::isIntegerProduct(first.op))
    return length < 64 || readsMoreWeights(first.op);
  if (!isMatrix(first.op))
    return length * first.pixels < kSmallMap;
  return length < 64 || (readsMoreWeights(first.op) &&
                         (length < kSmallMap || !staysNear(first)));
}

/// Channels inside read and write whole rows of the map, as they lie. Blocks of
/// channels that are copied first were measured to be faster where windows move
/// on by more than one, and for maps that fill the core's own caches.
LoopOrder Scheduler::chooseDepthwiseOrder(Operation *op) const {
  auto depthwise = llvm::dyn_cast<DepthwiseConv2DOp>(op);
  // Else LLVM keeps the taps of all unrolled rows, and spills them.
  if (depthwise && isa.multipliesByLane && halide::isIntegerProduct(op))
    return LoopOrder::PixelsOuter;
  double near = machine.memory[std::min(1u, machine.levels - 1)].bytes;
  bool isInside = depthwise && !isa.multipliesByLane &&
                  halide::product(depthwise.getStrides()) == 1 &&
                  2.0 * sizeof(float) *
                          halide::product(halide::getShape(op->getResult(0))) <=
                      near;
  return isInside ? LoopOrder::PixelsOuter : LoopOrder::ChannelsOuter;
}

/// The tile of a product of which tasks divide the panels: with few wide ones
/// threads wait for each other. A third of the price is that of one thread.
Tile Scheduler::choosePanels(const StageShape &shape, int64_t pixels) const {
  auto getPrice = [&](const Tile &tile) {
    int64_t width = tile.vectors * isa.vectorFloats;
    int64_t parts = llvm::divideCeil(shape.channels, width);
    int64_t tasks = divideChannels(shape.channels, width, !shape.isPooled);
    return tile.cost *
           (1 + 2 * getImbalance(parts, llvm::divideCeil(parts, tasks))) / 3;
  };
  auto tiles = getMatrixTiles(isa, shape, pixels);
  return *llvm::min_element(tiles, [&](const Tile &a, const Tile &b) {
    return getPrice(a) < getPrice(b);
  });
}

/// The best tile whose terms, ten of each channel for two columns, take little
/// of the nearest cache: they are written there before they are read.
Tile Scheduler::chooseWinogradTile(const StageShape &shape,
                                   int64_t pixels) const {
  auto filter = halide::getShape(shape.op->getOperand(1));
  double bytes = 10 * filter[2] * sizeof(float);
  StageShape sums = shape; // the largest of two by two taps
  sums.depth = 4 * filter[2];
  auto tiles = getMatrixTiles(isa, sums, pixels / 2);
  auto found = llvm::find_if(tiles, [&](const Tile &tile) {
    return tile.pixels * bytes <= machine.memory[0].bytes / 4;
  });
  Tile tile = found == tiles.end() ? tiles.front() : *found;
  tile.pixels *= 2;
  return tile;
}

StageAttr Scheduler::chooseStage(const StageShape &shape, int64_t pixels) {
  Tile tile;
  LoopOrder order = LoopOrder::ChannelsOuter;
  ProductForm form = ProductForm::Direct;
  if (prefersWinograd(isa, shape.op) &&
      halide::suitsWinograd(kernel, shape.op)) {
    form = ProductForm::Winograd;
    order = LoopOrder::PixelsOuter; // terms of a tile serve all channels
    tile = chooseWinogradTile(shape, pixels);
  } else if (isMatrix(shape.op)) {
    tile = dividesChannels && !halide::isIntegerProduct(shape.op)
               ? choosePanels(shape, pixels)
               : getMatrixTiles(isa, shape, pixels).front();
    // A panel that is fetched in time costs nothing for all positions.
    if (!isa.prefetches && shape.channels > shape.depth && staysNear(shape))
      order = LoopOrder::PixelsOuter;
    if (isa.prefetches && takesQuarter(shape, tile.vectors))
      order = LoopOrder::TermsOuter;
  } else if (llvm::isa<AttentionOp>(shape.op)) {
    tile = getMatrixTiles(isa, shape, pixels).front();
  } else if (blocks) {
    tile = {4, mobile::TapBlocks::kChannels / isa.vectorFloats};
  } else if (llvm::isa<DepthwiseConv2DOp, Pool2DOp>(shape.op)) {
    order = chooseDepthwiseOrder(shape.op);
    tile = chooseDepthwiseTile(isa, shape, order);
  }
  return StageAttr::get(kernel.getContext(), tile.pixels, tile.vectors, order,
                        form);
}

/// The fewest rows of one task: what two neighbours both read, because windows
/// overlap, is kept below two thirds; what both compute, because the window of
/// a stage overlaps on the stage before, below a third.
static int64_t getLeastRows(llvm::ArrayRef<StageShape> shapes) {
  double least = 1;
  for (const StageShape &shape : shapes)
    if (auto conv = llvm::dyn_cast<DepthwiseConv2DOp>(shape.op)) {
      double stride = conv.getStrides()[0];
      double overlap = halide::getShape(conv.getFilter())[0] - stride;
      bool isFirst = shape.op == shapes[0].op;
      least = std::max(least, (isFirst ? 1.5 : 3) * overlap / stride);
    }
  return std::ceil(least);
}

static uint64_t getMacs(Operation &op) {
  return llvm::cast<PrimitiveOpInterface>(op).getMacs();
}

/// The most tasks for which the keys and values of an attention, which each
/// task computes anew, add no more than a tenth to the work.
int64_t Scheduler::getMostTasks() {
  auto whole = halide::findWholeValues(kernel);
  uint64_t all = 0, repeated = 0;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    all += getMacs(op);
    if (whole.contains(op.getResult(0)))
      repeated += getMacs(op);
  }
  return repeated ? 1 + all / 10 / repeated : INT64_MAX;
}

/// What tasks divide if not channels: rows of the output, or all positions.
int64_t Scheduler::getLength() {
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  auto sizes = halide::getSizes(result, view);
  if (!sizes)
    return 1;
  return view == View::Elements ? sizes->channels
         : view == View::Pixels ? sizes->columns
                                : sizes->rows;
}

/// Whether a stage makes two rows at a time.
static bool isPaired(llvm::ArrayRef<StageAttr> stages) {
  return llvm::any_of(stages, [](StageAttr stage) {
    return stage.getForm() == ProductForm::Winograd;
  });
}

Split Scheduler::chooseSplit(llvm::ArrayRef<StageShape> shapes,
                             llvm::ArrayRef<StageAttr> stages) {
  uint64_t work = 0;
  for (Operation &op : kernel.getBody().front().without_terminator())
    work += getMacs(op) + halide::product(halide::getShape(op.getResult(0)));
  constexpr uint64_t kLeastWork = 100'000; // about 2 us
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  auto sizes = halide::getSizes(result, view);
  if (!sizes || work < kLeastWork)
    return {};
  if (dividesChannels) {
    bool isProduct = shapes.size() == 1 && (isMatrix(shapes[0].op) || blocks);
    int64_t width = stages[0].getVectors() * isa.vectorFloats;
    int64_t tasks = divideChannels(sizes->channels, width, isProduct);
    if (tasks > 1)
      return {SplitAxis::Channels, tasks};
  }
  int64_t least = std::max(getLeastRows(shapes), getLeastCopied(shapes));
  // Forms that make pairs of rows divide these; behind another stage, into
  // tasks of more than one strip.
  int64_t rows = isPaired(stages) ? 2 : 1;
  if (rows > 1 && !isPaired(stages.take_front()))
    least = std::max(least, 2 * rows);
  int64_t tasks = chooseTasks(getLength() / rows, llvm::divideCeil(least, rows),
                              getMostTasks());
  if (tasks == 1)
    return {};
  return {SplitAxis::Rows, tasks};
}

static DepthwiseConv2DOp getOnlyDepthwise(llvm::ArrayRef<StageShape> shapes) {
  return shapes.size() == 1 ? llvm::dyn_cast<DepthwiseConv2DOp>(shapes[0].op)
                            : DepthwiseConv2DOp();
}

/// The most rows whose block is near while its channels are computed; all of
/// them if a block of few would copy most of its input twice.
static int64_t chooseBlockRows(DepthwiseConv2DOp op, int64_t rows,
                               int64_t channels) {
  int64_t overlap = halide::getShape(op.getFilter())[0] - op.getStrides()[0];
  for (int64_t strip = rows; strip * op.getStrides()[0] > overlap; --strip)
    if (rows % strip == 0 &&
        halide::getBlockBytes(op, strip, channels) <= halide::kMostBlockBytes)
      return strip;
  return rows;
}

/// Rows of the output for which all stages run in turn.
int64_t Scheduler::chooseStrip(const Split &split,
                               llvm::ArrayRef<StageShape> shapes,
                               llvm::ArrayRef<StageAttr> stages) {
  Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  auto sizes = halide::getSizes(result, view);
  int64_t rows = sizes ? sizes->rows : 1;
  if (split.axis == SplitAxis::Rows && view == View::Maps)
    rows /= split.tasks;
  auto depthwise = getOnlyDepthwise(shapes);
  if (depthwise && !halide::isIntegerProduct(depthwise) &&
      !isa.multipliesByLane && stages[0].getOrder() == LoopOrder::ChannelsOuter)
    return chooseBlockRows(depthwise, rows,
                           stages[0].getVectors() * isa.vectorFloats);
  // The rows that a full convolution reads again and again stay near.
  bool hasBorder = !shapes.empty() && (llvm::isa<Conv2DOp>(shapes[0].op) ||
                                       halide::isIntegerProduct(shapes[0].op));
  if (isPaired(stages))
    return 2;
  return shapes.size() > 1 || hasBorder ? 1 : rows;
}

ScheduleAttr Scheduler::run() {
  llvm::SmallVector<StageShape> shapes;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (halide::isComputing(&op))
      shapes.push_back(getStageShape(isa, view, &op));
  dividesChannels = !shapes.empty() && prefersChannels(shapes);
  auto choose = [&](int64_t tasks) {
    llvm::SmallVector<StageAttr> stages;
    for (const StageShape &shape : shapes)
      stages.push_back(chooseStage(
          shape, shape.pixels % tasks ? shape.pixels : shape.pixels / tasks));
    return stages;
  };
  auto stages = choose(1);
  Split split = chooseSplit(shapes, stages);
  // A task's part of the positions is what tiles must divide well.
  if (view == View::Pixels && split.axis == SplitAxis::Rows)
    stages = choose(split.tasks);
  int64_t strip = chooseStrip(split, shapes, stages);
  return ScheduleAttr::get(kernel.getContext(), split.axis, split.tasks, strip,
                           stages);
}

/// Gives the filter of `op` its panels, and pads the bias where it ends inside
/// of one.
static void setPanels(KernelOp kernel, Operation *op, int64_t panel) {
  auto set = [&](Value value, LayoutKind kind) {
    auto argument = llvm::dyn_cast_if_present<mlir::BlockArgument>(value);
    if (argument)
      kernel.setLayout(argument.getArgNumber(),
                       LayoutAttr::get(kernel.getContext(), kind, {panel}));
  };
  StageAttr stage = halide::getStageAttr(kernel, op);
  bool isWinograd = stage && stage.getForm() == ProductForm::Winograd;
  set(op->getOperand(1),
      isWinograd ? LayoutKind::Winograd : LayoutKind::Panels);
  int64_t channels = halide::getShape(op->getResult(0)).back();
  if (channels % panel && op->getNumOperands() > 2)
    set(op->getOperand(2), LayoutKind::Panels);
}

/// The channels of a panel of the weights. The product of one position reads
/// each of them once: a panel for each vector of the tile makes as many streams
/// as that, which come faster from far memory than one.
static int64_t getPanel(const Isa &isa, const StageShape &shape,
                        StageAttr stage) {
  int64_t width = stage.getVectors() * isa.vectorFloats;
  bool isStreamed =
      shape.pixels == 1 && !isa.multipliesByLane && shape.channels % width == 0;
  return isStreamed ? isa.vectorFloats : width;
}

/// Gives a filter of bytes the order in which groups of neighbours along the
/// sum are multiplied at once.
static void setByteLayout(const Isa &isa, KernelOp kernel, Operation *op) {
  auto filter = llvm::dyn_cast<mlir::BlockArgument>(op->getOperand(1));
  if (!filter)
    return;
  auto set = [&](const auto &layout) {
    kernel.setLayout(filter.getArgNumber(), layout.get(kernel.getContext()));
  };
  bool isWide = isa.dotOperand == halide::DotOperand::Wide;
  if (auto conv = findByteDepthwise(isa, kernel)) {
    set(TapBlocks{conv.getStrides()[1]});
    return;
  }
  if (auto conv = llvm::dyn_cast<DepthwiseConv2DOp>(op)) {
    set(Taps{int64_t(isa.dotWidth), conv.getStrides()[1], isWide ? 2 : 1});
    return;
  }
  // Weights that are used for few positions stay as they are until then.
  auto result = halide::getShape(op->getResult(0));
  bool isReused = halide::product(result.drop_back()) >= 16;
  bool isUnsigned = isa.dotOperand == halide::DotOperand::Unsigned;
  int64_t dot = isa.dotWidth;
  auto shape = halide::getShape(filter);
  int64_t run = shape[shape.size() - 2];
  if (shape.size() == 4 && run % dot)
    run *= shape[1];
  int64_t vectors = halide::getStageAttr(kernel, op).getVectors();
  set(Dots{vectors * isa.vectorFloats, dot, run, isWide && isReused ? 2 : 1,
           isUnsigned ? 128 : 0});
}

void cpu::setSchedule(const Isa &isa, KernelOp kernel, ScheduleAttr schedule) {
  kernel.setScheduleAttr(schedule);
  View view = halide::getView(kernel);
  for (Operation &op : kernel.getBody().front())
    if (halide::isIntegerProduct(&op)) {
      setByteLayout(isa, kernel, &op);
      if (isMatrix(&op))
        halide::padVectors(kernel, &op, isa.vectorFloats);
    } else if (isMatrix(&op))
      setPanels(kernel, &op,
                getPanel(isa, getStageShape(isa, view, &op),
                         halide::getStageAttr(kernel, &op)));
}

llvm::Expected<KernelCode> cpu::emit(const Isa &isa, KernelOp kernel,
                                     llvm::StringRef symbol) {
  return findByteDepthwise(isa, kernel)
             ? emitByteDepthwise(isa, kernel, symbol)
             : halide::emitObject(isa.getForm(), isa.spec, kernel, symbol);
}

bool cpu::isFast(const Isa &isa, KernelOp kernel, std::string *why) {
  return findByteDepthwise(isa, kernel) ||
         halide::hasStages(isa.getForm(), kernel, why);
}

ScheduleAttr cpu::chooseSchedule(const Isa &isa, const cost::Machine &machine,
                                 KernelOp kernel) {
  return Scheduler(isa, machine, kernel).run();
}

void cpu::schedule(const Isa &isa, const cost::Machine &machine,
                   KernelOp kernel) {
  ScheduleAttr tuned = getBuiltInSchedules(machine).lookup(kernel);
  setSchedule(isa, kernel,
              tuned ? tuned : chooseSchedule(isa, machine, kernel));
}
