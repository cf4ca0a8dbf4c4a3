//===- Tune.cpp - schedules by measurement --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Starts from the formulas' schedule and changes one thing at a time: how tasks
// divide the result, then the tile and the order of each stage, then the strip.
// Candidates run in turn, so that all see the same machine, and the least time
// of each counts: what disturbs it only adds.
//===----------------------------------------------------------------------===//
#include "targets/cpu/HostKernel.h"
#include "targets/cpu/Kernels.h"
#include "targets/cpu/Tiles.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using llvm::Expected;
using mlir::Operation;

namespace {

class Tuner {
public:
  Tuner(const Isa &isa, const cost::Machine &machine, KernelOp kernel);
  Expected<ScheduleAttr> run();

private:
  using Candidates = llvm::SmallSetVector<ScheduleAttr, 16>;

  ScheduleAttr withStage(size_t index, Tile tile, LoopOrder order) const;
  Candidates getSplits() const;
  Candidates getDepthwiseSplits() const;
  Candidates getStages(size_t index) const;
  Candidates getStrips() const;
  /// Makes the fastest of `candidates` the best, if it is clearly faster.
  llvm::Error improve(const Candidates &candidates);

  const Isa &isa;
  const cost::Machine &machine;
  KernelOp kernel;
  halide::View view;
  llvm::SmallVector<StageShape> shapes;
  std::vector<char> others; // a network's other data, of twice the near caches
  ScheduleAttr best;
};

} // namespace

Tuner::Tuner(const Isa &isa, const cost::Machine &machine, KernelOp kernel)
    : isa(isa), machine(machine), kernel(kernel), view(halide::getView(kernel)),
      others(2 *
             size_t(machine.memory[std::min(1u, machine.levels - 1)].bytes)),
      best(chooseSchedule(isa, machine, kernel)) {
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (halide::isComputing(&op))
      shapes.push_back(getStageShape(isa, view, &op));
}

ScheduleAttr Tuner::withStage(size_t index, Tile tile, LoopOrder order) const {
  llvm::SmallVector<StageAttr> stages(best.getStages());
  stages[index] =
      StageAttr::get(best.getContext(), tile.pixels, tile.vectors, order);
  return ScheduleAttr::get(best.getContext(), best.getSplit(), best.getTasks(),
                           best.getStrip(), stages);
}

/// Rows or channels, each with its order of the loops.
Tuner::Candidates Tuner::getDepthwiseSplits() const {
  Candidates candidates;
  auto shape = halide::getShape(shapes[0].op->getResult(0));
  StageAttr stage = best.getStages()[0];
  auto add = [&](SplitAxis axis, int64_t tasks, int64_t strip) {
    for (LoopOrder order : {LoopOrder::ChannelsOuter, LoopOrder::PixelsOuter})
      candidates.insert(
          ScheduleAttr::get(best.getContext(), axis, tasks, strip,
                            StageAttr::get(best.getContext(), stage.getPixels(),
                                           stage.getVectors(), order)));
  };
  for (int64_t tasks : {2, 4, 7}) {
    if (shape[1] % tasks == 0)
      add(SplitAxis::Rows, tasks, shape[1] / tasks);
    if (shape[3] % (tasks * stage.getVectors() * isa.vectorFloats) == 0)
      add(SplitAxis::Channels, tasks, best.getStrip());
  }
  return candidates;
}

/// As many tasks or more on the other axis, for a product alone.
Tuner::Candidates Tuner::getSplits() const {
  Candidates candidates;
  if (shapes.size() == 1 && llvm::isa<DepthwiseConv2DOp>(shapes[0].op) &&
      best.getTasks() > 1 && view == halide::View::Maps)
    return getDepthwiseSplits();
  if (shapes.size() != 1 || !isMatrix(shapes[0].op) || best.getTasks() == 1 ||
      view != halide::View::Pixels)
    return candidates;
  const StageShape &shape = shapes[0];
  auto add = [&](SplitAxis axis, int64_t tasks, Tile tile, LoopOrder order) {
    auto stage =
        StageAttr::get(best.getContext(), tile.pixels, tile.vectors, order);
    candidates.insert(ScheduleAttr::get(best.getContext(), axis, tasks,
                                        best.getStrip(), stage));
  };
  LoopOrder order = best.getStages()[0].getOrder();
  for (int64_t tasks : {2, 4})
    if (shape.pixels % tasks == 0)
      add(SplitAxis::Rows, tasks,
          getMatrixTiles(isa, shape, shape.pixels / tasks).front(), order);
  for (int64_t tasks : {2, 3, 4, 5, 6, 8})
    for (Tile tile : getMatrixTiles(isa, shape, shape.pixels))
      if (shape.channels % (tasks * tile.vectors * isa.vectorFloats) == 0) {
        add(SplitAxis::Channels, tasks, tile, order);
        break;
      }
  return candidates;
}

/// The best two of each number of vectors: which number reads weights best
/// depends on the caches, which the price of a tile does not know.
static std::vector<Tile> keepVaried(llvm::ArrayRef<Tile> tiles) {
  constexpr size_t kOfEach = 2;
  std::map<int64_t, std::vector<Tile>> kept;
  for (Tile tile : tiles)
    if (kept[tile.vectors].size() < kOfEach)
      kept[tile.vectors].push_back(tile);
  std::vector<Tile> varied;
  for (auto &[vectors, some] : kept)
    llvm::append_range(varied, some);
  return varied;
}

Tuner::Candidates Tuner::getStages(size_t index) const {
  const StageShape &shape = shapes[index];
  bool isChannels = best.getSplit() == SplitAxis::Channels;
  std::vector<Tile> tiles;
  if (isMatrix(shape.op) || llvm::isa<AttentionOp>(shape.op)) {
    bool isDivided = view == halide::View::Pixels &&
                     best.getSplit() == SplitAxis::Rows &&
                     shape.pixels % best.getTasks() == 0;
    tiles = getMatrixTiles(
        isa, shape, isDivided ? shape.pixels / best.getTasks() : shape.pixels,
        /*spare=*/0);
    llvm::erase_if(tiles, [&](Tile tile) {
      return isChannels && shape.channels % (best.getTasks() * tile.vectors *
                                             isa.vectorFloats);
    });
    tiles = keepVaried(tiles);
  } else if (llvm::isa<DepthwiseConv2DOp>(shape.op)) {
    for (int64_t pixels : {2, 3, 4, 5, 6, 7, 8, 10, 14, 16})
      for (int64_t vectors : {1, 2})
        if (pixels <= shape.pixels && pixels * vectors <= isa.registers * 3 / 4)
          tiles.push_back({pixels, vectors});
  }
  Candidates candidates;
  int64_t vectors = 0;
  for (Tile tile : tiles) {
    candidates.insert(withStage(index, tile, LoopOrder::ChannelsOuter));
    bool isFirst = std::exchange(vectors, tile.vectors) != tile.vectors;
    if (isFirst || !isMatrix(shape.op))
      candidates.insert(withStage(index, tile, LoopOrder::PixelsOuter));
  }
  return candidates;
}

Tuner::Candidates Tuner::getStrips() const {
  Candidates candidates;
  bool isDepthwise =
      shapes.size() == 1 && llvm::isa<DepthwiseConv2DOp>(shapes[0].op);
  if ((shapes.size() > 1 || isDepthwise) && view == halide::View::Maps)
    for (int64_t strip : {1, 2, 4, 7, 8, 14, 16})
      candidates.insert(ScheduleAttr::get(best.getContext(), best.getSplit(),
                                          best.getTasks(), strip,
                                          best.getStages()));
  return candidates;
}

llvm::Error Tuner::improve(const Candidates &candidates) {
  Candidates all;
  all.insert(best);
  all.insert(candidates.begin(), candidates.end());
  if (all.size() == 1)
    return llvm::Error::success();
  std::vector<std::unique_ptr<HostKernel>> kernels;
  for (ScheduleAttr candidate : all) {
    mlir::OwningOpRef<KernelOp> clone(kernel.clone());
    setSchedule(isa, *clone, candidate);
    auto compiled = HostKernel::create(isa, *clone);
    if (!compiled)
      return compiled.takeError();
    kernels.push_back(std::move(*compiled));
  }
  constexpr int kRounds = 40;
  std::vector<double> least(kernels.size(), INFINITY);
  for (int round = 0; round < kRounds; ++round)
    for (auto [seconds, each] : llvm::zip(least, kernels))
      seconds = std::min(seconds, each->run(others));
  // A number of tasks that two threads cannot share costs them time.
  for (auto [candidate, seconds] : llvm::zip(all, least))
    seconds *=
        llvm::alignTo(candidate.getTasks(), 2) / double(candidate.getTasks());
  // A choice that is only chance is none.
  size_t fastest = llvm::min_element(least) - least.begin();
  if (least[fastest] < 0.985 * least[0])
    best = all[fastest];
  return llvm::Error::success();
}

Expected<ScheduleAttr> Tuner::run() {
  if (llvm::Error error = improve(getSplits()))
    return error;
  for (size_t i = 0; i < shapes.size(); ++i)
    if (llvm::Error error = improve(getStages(i)))
      return error;
  if (llvm::Error error = improve(getStrips()))
    return error;
  return best;
}

Expected<ScheduleAttr> cpu::tune(const Isa &isa, const cost::Machine &machine,
                                 KernelOp kernel) {
  return Tuner(isa, machine, kernel).run();
}
