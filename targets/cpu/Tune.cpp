//===- Tune.cpp - schedules by measurement --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Starts from the formulas' schedule and changes one thing at a time: the tile
// and the order of each stage, then the strip. How tasks divide the result
// stays, since it should suit the kernels before and after. Candidates run in
// turn, so that all see the same machine, and the least time of each counts:
// what disturbs it only adds.
//===----------------------------------------------------------------------===//
#include "targets/cpu/Depthwise.h"
#include "targets/cpu/HostKernel.h"
#include "targets/cpu/Kernels.h"
#include "targets/cpu/Tiles.h"
#include "llvm/ADT/SetVector.h"

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
  stages[index] = StageAttr::get(best.getContext(), tile.pixels, tile.vectors,
                                 order, stages[index].getForm());
  return ScheduleAttr::get(best.getContext(), best.getSplit(), best.getTasks(),
                           best.getStrip(), stages);
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
  } else if (findByteDepthwise(isa, kernel)) {
    StageAttr only = best.getStages()[index];
    tiles = {{only.getPixels(), only.getVectors()}};
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
  bool isDepthwise = shapes.size() == 1 &&
                     llvm::isa<DepthwiseConv2DOp>(shapes[0].op) &&
                     !findByteDepthwise(isa, kernel);
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
  for (ScheduleAttr candidate : llvm::to_vector(all)) {
    mlir::OwningOpRef<KernelOp> clone(kernel.clone());
    setSchedule(isa, *clone, candidate);
    if (!isFast(isa, *clone, /*why=*/nullptr)) {
      all.remove(candidate);
      continue;
    }
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
  // A choice that is only chance is none.
  size_t fastest = llvm::min_element(least) - least.begin();
  if (least[fastest] < 0.985 * least[0])
    best = all[fastest];
  return llvm::Error::success();
}

Expected<ScheduleAttr> Tuner::run() {
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
