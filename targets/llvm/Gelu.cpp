//===- Gelu.cpp - GELU by tables in registers -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gelu(v) - v / 2 is the same for v and -v, and |v| / 2 from 5.2 on within
// 6e-7. Before that it is a cubic of |v| in each of 31 pieces, within 7e-7.
//===----------------------------------------------------------------------===//
#include "targets/llvm/Gelu.h"
#include "llvm/Analysis/VectorUtils.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/PatternMatch.h"
#include "llvm/Transforms/Utils/Local.h"
#include <cmath>

using namespace llvm;
using namespace minnow;

namespace {

constexpr int kLanes = 16, kPieces = 2 * kLanes, kTerms = 4;

/// The cubics' terms, of rising powers, by piece. The first is that of all
/// behind the last.
using Tables = std::array<std::array<float, kPieces>, kTerms>;

} // namespace

/// The cubic through `values` at `places`, by Newton's differences.
static std::array<double, kTerms>
interpolate(const std::array<double, kTerms> &places,
            std::array<double, kTerms> values) {
  for (int order = 1; order < kTerms; ++order)
    for (int i = kTerms - 1; i >= order; --i)
      values[i] = (values[i] - values[i - 1]) / (places[i] - places[i - order]);
  std::array<double, kTerms> terms{};
  for (int i = kTerms - 1; i >= 0; --i) { // terms * (v - place) + value
    for (int power = kTerms - 1; power > 0; --power)
      terms[power] = terms[power - 1] - terms[power] * places[i];
    terms[0] = values[i] - terms[0] * places[i];
  }
  return terms;
}

static Tables makeTables() {
  // A cubic that meets its neighbours and errs least within.
  const double inner = std::sqrt(2.) - 1;
  Tables tables{};
  tables[1][0] = 0.5f;
  for (int piece = 1; piece < kPieces; ++piece) {
    double middle = (piece - 1) * double(kGeluPiece);
    double first = std::max(middle - kGeluPiece / 2, 0.),
           last = middle + kGeluPiece / 2;
    std::array<double, kTerms> places, values;
    for (auto [i, at] : enumerate(std::array{-1., -inner, inner, 1.})) {
      places[i] = (first + last) / 2 + at * (last - first) / 2;
      values[i] = places[i] / 2 * std::erf(places[i] / std::sqrt(2.));
    }
    for (auto [power, term] : enumerate(interpolate(places, values)))
      tables[power][piece] = term;
  }
  return tables;
}

/// GELU of the vector of kLanes floats `v`.
static Value *lookUp(IRBuilder<> &builder, Value *v) {
  static const Tables tables = makeTables();
  Type *type = v->getType();
  auto number = [&](float value) { return ConstantFP::get(type, value); };
  auto fma = [&](Value *a, Value *b, Value *c) {
    return builder.CreateIntrinsic(Intrinsic::fma, {type}, {a, b, c});
  };
  Value *size = builder.CreateUnaryIntrinsic(Intrinsic::fabs, v);
  Value *piece =
      builder.CreateBitCast(fma(size, number(kGeluFactor), number(kGeluAddend)),
                            FixedVectorType::get(builder.getInt32Ty(), kLanes));
  Value *sum = nullptr;
  for (const auto &table : reverse(tables)) {
    auto half = [&](int first) {
      return ConstantDataVector::get(builder.getContext(),
                                     ArrayRef(table).slice(first, kLanes));
    };
    Value *term =
        builder.CreateIntrinsic(Intrinsic::x86_avx512_vpermi2var_ps_512,
                                {half(0), piece, half(kLanes)});
    sum = sum ? fma(sum, size, term) : term;
  }
  return fma(v, number(0.5f), sum);
}

/// GELU of a vector of any size, or of a float.
static Value *lookUpAny(IRBuilder<> &builder, Value *v) {
  auto *vector = dyn_cast<FixedVectorType>(v->getType());
  if (!vector) {
    Type *one = FixedVectorType::get(v->getType(), 1);
    v = builder.CreateInsertElement(PoisonValue::get(one), v, uint64_t(0));
    return builder.CreateExtractElement(lookUpAny(builder, v), uint64_t(0));
  }
  int lanes = vector->getNumElements();
  SmallVector<Value *> parts;
  for (int first = 0; first < lanes; first += kLanes) {
    SmallVector<int> mask(kLanes, PoisonMaskElem);
    int count = std::min(kLanes, lanes - first);
    std::iota(mask.begin(), mask.begin() + count, first);
    Value *part = lookUp(builder, builder.CreateShuffleVector(v, mask));
    std::iota(mask.begin(), mask.begin() + count, 0);
    mask.resize(count);
    parts.push_back(builder.CreateShuffleVector(part, mask));
  }
  return concatenateVectors(builder, parts);
}

PreservedAnalyses LookUpGeluPass::run(Function &function,
                                      FunctionAnalysisManager &) {
  using namespace PatternMatch;
  SmallVector<WeakTrackingVH> dead;
  for (Instruction &instruction : instructions(function)) {
    Value *v;
    if (!match(&instruction, m_Intrinsic<Intrinsic::fma>(
                                 m_Value(v), m_SpecificFP(kGeluFactor),
                                 m_SpecificFP(kGeluAddend))))
      continue;
    IRBuilder<> builder(&instruction);
    instruction.replaceAllUsesWith(lookUpAny(builder, v));
    dead.push_back(&instruction);
  }
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(dead);
  return dead.empty() ? PreservedAnalyses::all() : PreservedAnalyses::none();
}
