//===- Scheduler.h - gives the stages their loops ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared by the files that do so for stages of one kind.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_SCHEDULER_H
#define MINNOW_TARGETS_HALIDE_SCHEDULER_H

#include "targets/halide/Schedules.h"
#include <numeric>

namespace minnow::halide {

/// Terms of a sum that are unrolled where a lane can multiply: two vectors of
/// NEON cost fewer instructions than one, and hide the loads.
constexpr int kTermsOfBlock = 8;

/// Terms of a sum that are unrolled where no lane can multiply: what a loop
/// costs besides its sums is then little even where another thread shares the
/// core's front end.
constexpr int kUnrolledTerms = 4;

/// The widest vector, a power of two, that divides `channels`.
inline int getDividingVector(int channels, int widest) {
  return std::gcd(channels, widest);
}

/// The sizes of what one stage computes, and its tile.
struct Tile {
  int channels, columns; // of the root, in one task
  int vector;            // channels of one vector
  int vectors;           // of one tile
  int pixels;            // of one tile
  bool channelsOuter;
  bool isCut;             // some task has fewer channels
  int stored = 0;         // channels that are stored at once; 0: a vector
  int block = 0;          // pixels whose copies are made at once; 0: all
  bool isGrouped = false; // results belong to groups of columns
  bool isGuarded = false; // and the last tile may not be moved within them
  int rows = 1;           // of one tile
  int joined = 1; // pixels whose channels, all in the tile, are stored at once

  int width() const { return vector * vectors; }
  bool isRagged() const { return isCut || channels % width() != 0; }
};

/// Gives one pipeline the loops that its kernel's schedule asks for.
class Scheduler {
public:
  Scheduler(Pipeline &pipeline, mobile::KernelOp kernel, const Form &form)
      : pipeline(pipeline), kernel(kernel), form(form) {}
  void run();

private:
  Tile getTile(const Stage &stage, mobile::StageAttr attribute) const;
  /// Splits the root's loops; returns the one whose body is a tile.
  Halide::Var tileRoot(Halide::Func root, const Tile &tile, bool isOutput);
  void schedulePanels(const Tile &tile);
  void scheduleStage(Stage &stage, const Tile &tile);
  void scheduleSums(Stage &stage, const Tile &tile, Halide::Var at);
  void scheduleUpdate(Stage &stage, const Tile &tile);
  /// Loads vectors of the operand along its `terms` in each step of `at`.
  void loadTerms(Halide::Func operand, Halide::Var terms, Halide::Func sums,
                 Halide::RVar at);
  void scheduleWinograd(Stage &stage, const Tile &tile);
  void scheduleParts(Stage &stage, const Tile &tile);
  void setIntegerTile(const Stage &stage, Tile &tile) const;
  void setJoinedPixels(Tile &tile) const;
  bool isPanels(const Stage &stage) const {
    return pipeline.panels.defined() &&
           stage.root.name() == pipeline.panels.name();
  }
  int getLoadedTerms(const Stage &stage, const Tile &tile) const;
  void scheduleByteMatrix(Stage &stage, const Tile &tile, Halide::Var at);
  int unrollSteps(const Stage &stage, const Tile &tile, Halide::Stage update,
                  Halide::RVar inner, Halide::RVar outer);
  void scheduleByteTaps(Stage &stage, const Tile &tile, Halide::Var at);
  void scheduleCorrection(Stage &stage, const Tile &tile);
  void scheduleExcess(Stage &stage, const Tile &tile);
  void scheduleCopy(Stage &stage, const Tile &tile);
  void schedulePlanes(Stage &stage);
  void scheduleInside(Stage &stage);
  void scheduleGroups(Stage &stage);
  void schedulePool(Stage &stage, const Tile &tile, Stage *inner,
                    const Tile *innerTile);
  void scheduleSoftmax(Stage &stage, const Tile &tile);
  void scheduleAttention(Stage &stage, const Tile &tile);
  void scheduleWeights(Attention &parts, Halide::Func root, const Tile &tile);
  void orderTerms(Halide::Func products, Halide::Var lanes,
                  Halide::Func operand, const Halide::RDom &k);
  void scheduleQueries(Attention &parts, Halide::Func root, const Tile &tile);
  void packBytes(Attention &parts, const Tile &tile);
  int getAttentionRows(const Tile &tile) const;
  /// Places what an inner stage keeps in memory.
  void storeRoot(Stage &stage, const Tile &tile);
  void scheduleBorder(Stage &stage);
  void scheduleBlock(Stage &stage, const Tile &tile);
  void storeForStrip(Halide::Func func, int liveRows, int allRows);

  Pipeline &pipeline;
  mobile::KernelOp kernel;
  const Form &form;
  Halide::Var ci{"ci"}, co{"co"}, cv{"cv"}, xi{"xi"}, xo{"xo"}, yi{"yi"},
      ys{"ys"};
  Halide::Var xb{"xb"}, xv{"xv"}, yr{"yr"}, ho{"ho"}, mi{"mi"}, mo{"mo"},
      mv{"mv"};
};

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_SCHEDULER_H
