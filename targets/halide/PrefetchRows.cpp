//===- PrefetchRows.cpp - rows on their way before they are needed --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pass over lowered loops. What a strip of the output reads of a map is new
// to the caches, and read at once, before anything is added up:
//
//   for strip                      for strip
//     copy rows                      copy rows
//     for tile                       for tile
//       for terms         ->           for terms
//         sums += ...                    prefetch the next lines of strip + 1
//                                        sums += ...
//
// So is what a tile writes, at once after its sums. The steps of the loops over
// terms are counted while they run, in a register: some end earlier than
// others.
//===----------------------------------------------------------------------===//
#include "targets/halide/LoweredLoops.h"
#include "targets/halide/Prefetch.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow::halide;
using namespace Halide::Internal;
using Halide::Expr;

namespace {

/// Counts the steps of the innermost loops that read the weights, the most that
/// there can be.
class CountSteps : public IRVisitor {
public:
  explicit CountSteps(const std::string &weights) : weights(weights) {}
  int64_t steps = 0;
  bool readsWeights = false, hasLoop = false;

private:
  using IRVisitor::visit;
  void visit(const Load *op) override {
    readsWeights |= op->name == weights;
    IRVisitor::visit(op);
  }
  void visit(const LetStmt *op) override {
    lets[op->name] = substitute(lets, op->value);
    IRVisitor::visit(op);
  }
  void visit(const For *op) override {
    hasLoop = true;
    CountSteps inside(weights);
    inside.lets = lets;
    op->body.accept(&inside);
    if (!inside.readsWeights)
      return;
    readsWeights = true;
    Expr extent =
        find_constant_bound(substitute(lets, op->extent), Direction::Upper);
    auto most = extent.defined() ? as_const_int(extent) : std::nullopt;
    steps += most.value_or(1) * (inside.hasLoop ? inside.steps : 1);
  }

  const std::string &weights;
  std::map<std::string, Expr> lets;
};

/// Adds the prefetches of one step to its loops over terms.
class FetchInSteps : public IRMutator {
public:
  FetchInSteps(const MapPart &part, Expr begin, const std::string &counter,
               int64_t steps)
      : part(part), begin(std::move(begin)), counter(counter) {
    int64_t lines = llvm::divideCeil(int64_t(part.elements) * part.type.bytes(),
                                     kLineBytes);
    linesOfStep = llvm::divideCeil(lines, steps);
    stepsOfLine = std::max<int64_t>(steps / lines, 1);
  }
  /// Sets the counter.
  Halide::Internal::Stmt count(Expr steps) const {
    return Store::make(counter, std::move(steps), 0, Halide::Parameter(),
                       const_true(), ModulusRemainder());
  }

private:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const For *op) override;

  const MapPart &part;
  Expr begin;
  const std::string &counter;
  int linesOfStep, stepsOfLine;
};

class RowPrefetcher : public IRMutator {
public:
  explicit RowPrefetcher(MapPart part) : part(std::move(part)) {}

private:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const For *op) override;

  MapPart part;
};

} // namespace

Halide::Internal::Stmt FetchInSteps::visit(const For *op) {
  CountSteps inside(part.weights);
  op->body.accept(&inside);
  if (!inside.readsWeights || inside.hasLoop)
    return IRMutator::visit(op);
  Expr step = Load::make(Halide::Int(32), counter, 0, Halide::Buffer<>(),
                         Halide::Parameter(), const_true(), ModulusRemainder());
  int perLine = kLineBytes / part.type.bytes();
  Expr place = begin + step / stepsOfLine * (linesOfStep * perLine);
  std::vector<Halide::Internal::Stmt> body;
  for (int plane = 0; plane < part.planes; ++plane)
    for (int line = 0; line < linesOfStep; ++line)
      body.push_back(
          fetchLine(part.name, part.type,
                    place + (plane * part.planeElements + line * perLine)));
  body.push_back(count(step + 1));
  body.push_back(op->body);
  return withBody(op, Block::make(body));
}

Halide::Internal::Stmt RowPrefetcher::visit(const For *op) {
  if (op->name.compare(0, part.loop.size(), part.loop) != 0)
    return IRMutator::visit(op);
  CountSteps count(part.weights);
  op->body.accept(&count);
  FindFirstUse use(part.name);
  op->body.accept(&use);
  if (!count.steps || !use.index.defined())
    return op;
  // Vectors of narrow maps lie in pieces, and need no prefetch.
  Expr first = getFirst(use.index);
  if (!first.type().is_scalar())
    return op;
  Expr step = Variable::make(Halide::Int(32), op->name);
  Expr next = substitute(op->name, step + 1, first);
  std::string begin = unique_name("next"), counter = unique_name("step");
  FetchInSteps fetch(part, Variable::make(Halide::Int(32), begin), counter,
                     count.steps);
  Halide::Internal::Stmt body =
      Block::make(fetch.count(0), fetch.mutate(op->body));
  body = Allocate::make(counter, Halide::Int(32), Halide::MemoryType::Stack,
                        {1}, const_true(), body);
  return withBody(op,
                  LetStmt::make(begin, simplify(next + part.overlap), body));
}

void minnow::halide::addPrefetch(Halide::Func &output, const MapPart &part) {
  output.add_custom_lowering_pass(new RowPrefetcher(part));
}
