//===- Grouping.h - what of a network is one kernel -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The decision half of form-groups: asks the target and the cost model about
// the segments of a network, cuts it by Partition.h, and says of each choice
// what it gains. Changes nothing but the order of the primitives; analyze uses
// it as form-groups does.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES_GROUPING_H
#define MINNOW_PASSES_GROUPING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Partition.h"
#include "targets/Target.h"

namespace minnow {

/// Brings a network into the form that a Grouping takes: blocks inlined, one
/// sequence of primitives in depth-first order, each result a primitive's own.
/// Fails with a diagnostic where it holds what no kernel can.
llvm::LogicalResult prepareNetwork(mlir::func::FuncOp network);

/// Primitives that become one kernel, and what the cost model says of it.
struct Group {
  llvm::ArrayRef<mlir::Operation *> ops;
  cost::KernelShape shape;
  cost::Estimate estimate;
};

/// A choice between one kernel and several.
struct FusionDecision {
  llvm::ArrayRef<mlir::Operation *> ops; // those of the one kernel
  bool fused;                            // what was chosen
  bool allowed;                          // the target takes them as one kernel
  double together; // seconds as one kernel; 0 if it is not allowed
  double apart;    // seconds as several
  std::string why;

  /// Predicted seconds that one kernel saves; negative where it loses.
  double getGain() const { return allowed ? apart - together : 0; }
};

/// What the cut aims at. The last two are for measuring what the first decides.
enum class GroupingGoal {
  Time,    // the least predicted time
  Memory,  // the smallest arena, then the least time
  Blocks,  // each block one kernel, where the target takes it as one
  Separate // no kernel computes more than one thing
};

/// The goal of a name as --form-groups=goal= takes it.
std::optional<GroupingGoal> parseGroupingGoal(llvm::StringRef name);

/// A network's primitives, cut into kernels.
class Grouping {
public:
  /// `network` went through prepareNetwork, and outlives this.
  Grouping(mlir::func::FuncOp network, const Target &target, GroupingGoal goal);

  /// The kernels in the order of their calls.
  llvm::ArrayRef<Group> getGroups() const { return groups; }

  /// One decision for each group of several computing primitives, against its
  /// best cut into kernels of one each; one for each block that is not one
  /// kernel; and one for each two neighbours among the groups of which the
  /// second reads the first's result, but for those inside of a block.
  std::vector<FusionDecision> explain() const;

private:
  llvm::ArrayRef<mlir::Operation *> getOps(unsigned begin, unsigned end) const {
    return llvm::ArrayRef(ops).slice(begin, end - begin);
  }
  Group makeGroup(unsigned begin, unsigned end) const;
  bool isClosed(unsigned begin, unsigned end) const;
  uint64_t getLiveBytes(unsigned begin, unsigned end) const;
  void findBlocks();
  int findBlock(unsigned begin, unsigned end) const;
  void findCandidates();
  std::vector<Segment> chooseCandidates() const;
  FusionDecision decide(bool fused, const Segment &whole,
                        llvm::ArrayRef<Segment> parts) const;
  std::vector<Segment> separate(const Segment &segment) const;
  bool areNeighbours(const Segment &first, const Segment &second) const;

  const Target &target;
  GroupingGoal goal;
  double networkBytes;
  llvm::SmallVector<mlir::Operation *> ops;
  llvm::SmallVector<int> blockOf; // by index; -1: none
  // The last reader of each primitive's result, by index.
  llvm::SmallVector<unsigned> lastUse;
  llvm::SmallVector<bool> isResult; // of the network
  std::vector<Segment> blocks;      // from the first primitive to the last
  std::vector<Segment> candidates, chosen;
  std::vector<Group> groups;
};

} // namespace minnow

#endif // MINNOW_PASSES_GROUPING_H
