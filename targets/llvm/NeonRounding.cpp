//===- NeonRounding.cpp - rounding within the conversion ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Halide rounds, then converts towards zero.
//===----------------------------------------------------------------------===//
#include "targets/llvm/Neon.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicsAArch64.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"

using namespace llvm;
using namespace minnow;

/// The vector whose rounding is `value`, or that of which it is some lanes.
static Value *getRounded(Value *value, IRBuilder<> &builder) {
  using namespace PatternMatch;
  Value *whole, *from;
  if (match(value, m_Intrinsic<Intrinsic::roundeven>(m_Value(from))))
    return from;
  auto *lanes = dyn_cast<ShuffleVectorInst>(value);
  if (!lanes || !match(value, m_Shuffle(m_Value(whole), m_Poison())) ||
      !match(whole, m_Intrinsic<Intrinsic::roundeven>(m_Value(from))))
    return nullptr;
  return builder.CreateShuffleVector(from, lanes->getShuffleMask());
}

PreservedAnalyses RoundInConversionPass::run(Function &function,
                                             FunctionAnalysisManager &) {
  SmallVector<WeakTrackingVH> dead;
  for (Instruction &instruction : instructions(function)) {
    auto *call = dyn_cast<IntrinsicInst>(&instruction);
    if (!call || call->getIntrinsicID() != Intrinsic::aarch64_neon_fcvtzs)
      continue;
    IRBuilder<> builder(call);
    Value *from = getRounded(call->getArgOperand(0), builder);
    if (!from)
      continue;
    call->replaceAllUsesWith(
        builder.CreateIntrinsic(Intrinsic::aarch64_neon_fcvtns,
                                {call->getType(), from->getType()}, {from}));
    dead.push_back(call);
  }
  bool changed = !dead.empty();
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(dead);
  return changed ? PreservedAnalyses::none() : PreservedAnalyses::all();
}
