//===- Prefetch.h - what is read next comes in time -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each panel of a network's weights is read from far memory once an inference.
// While the positions of one panel are computed, the next panel comes; or, of a
// convolution with a window, the rows that the next strip of its output reads.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_PREFETCH_H
#define MINNOW_TARGETS_HALIDE_PREFETCH_H

#include "targets/halide/Form.h"
#include <Halide.h>

namespace minnow::halide {

/// Weights in panels, as an argument of the lowered function.
struct PanelWeights {
  std::string name;
  Halide::Type type;
  int panelElements; // of one panel, all its terms
  int partElements;  // of it, the terms that are added up at once
  int rowElements;   // of one of its terms, or groups of terms
  int panels = 1;
  bool isRepeated = false; // several times in a row
  // Of what lies behind the weights, in the order of the program's reads, to
  // fetch too, in equal parts while each panel is computed.
  int behindElements = 0;
};

/// What one step of a loop around sums reads or writes of a map, an argument of
/// the lowered function, and the step before does not.
struct MapPart {
  std::string name;
  Halide::Type type;
  std::string loop;    // the beginning of its name
  std::string weights; // what the sums read that are added up meanwhile
  int elements;        // of one plane
  int overlap = 0;     // elements before them that both steps read
  int planes = 1, planeElements = 0;
};

/// Makes the loops over terms in each step of such a loop prefetch the part of
/// the next one.
void addPrefetch(Halide::Func &output, const MapPart &part);

/// Makes `output`'s innermost loops over the terms of sums prefetch lines, or
/// its loops over the panels the next one.
void addPrefetch(Halide::Func &output, const PanelWeights &weights,
                 Fetch fetch);

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_PREFETCH_H
