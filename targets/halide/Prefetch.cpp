//===- Prefetch.cpp - weights on their way before they are read -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pass over lowered loops, because Halide's own directive fetches the same
// piece for each tile of positions:
//
//   for panel                      for panel
//     for tile                       for tile
//       for terms         ->           for terms
//         sums += ...                    prefetch the next lines of panel + 1
//                                        sums += ...
//
// so that the tiles of one panel divide the lines of the next among them; or,
// where one instruction fetches a block, at the first tile of each panel.
//===----------------------------------------------------------------------===//
#include "targets/halide/Prefetch.h"
#include "targets/halide/LoweredLoops.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow::halide;
using namespace Halide::Internal;
using Halide::Expr;

namespace {

/// More lines than this in one step of the loop would crowd out its loads.
constexpr int kMostLines = 4;

/// But what lies behind comes from so far that a step may lose more.
constexpr int kMostLinesBehind = 8;

/// The first place in a loop's body where the weights are read.
class FindRead : public IRVisitor {
public:
  explicit FindRead(const std::string &weights) : weights(weights) {}
  Expr index;
  bool hasLoop = false;

private:
  using IRVisitor::visit;
  void visit(const Load *op) override {
    if (op->name == weights && !index.defined())
      index = op->index;
    IRVisitor::visit(op);
  }
  void visit(const For *op) override {
    hasLoop = true;
    IRVisitor::visit(op);
  }

  const std::string &weights;
};

class Prefetcher : public IRMutator {
public:
  explicit Prefetcher(PanelWeights weights) : weights(std::move(weights)) {}

private:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const For *op) override;
  Halide::Internal::Stmt visit(const LetStmt *op) override;
  bool moves(const For *loop, Expr index) const;
  Expr getNext(Expr begin, size_t panels) const;
  void fetch(Expr first, int lines,
             std::vector<Halide::Internal::Stmt> &body) const;
  Halide::Internal::Stmt addLines(const For *op, Expr index) const;

  PanelWeights weights;
  std::vector<const For *> loops; // around the statement, the innermost last
  std::map<std::string, Expr> lets;
};

} // namespace

Halide::Internal::Stmt Prefetcher::visit(const LetStmt *op) {
  lets[op->name] = substitute(lets, op->value);
  return IRMutator::visit(op);
}

/// Whether `index` is another one at the next step of `loop`.
bool Prefetcher::moves(const For *loop, Expr index) const {
  return expr_uses_var(substitute(lets, index), loop->name);
}

/// Where the weights begin that are read after the panel at `begin`: those of
/// the next step of the loop over panels, number `panels` of those around;
/// after its last step those of the next part of the sums, or after the last
/// part the first ones of the panel behind, with which the next task begins.
Expr Prefetcher::getNext(Expr begin, size_t panels) const {
  auto advance = [](const For *loop, Expr index) {
    Expr step = Variable::make(Halide::Int(32), loop->name);
    return substitute(loop->name, step + 1, index);
  };
  const For *loop = loops[panels];
  begin = substitute(lets, begin);
  Expr next = simplify(advance(loop, begin) - begin) + begin;
  Expr behind = next - (weights.panelElements - weights.partElements);
  if (panels > 0)
    behind =
        advance(loops[panels - 1], substitute(loop->name, loop->min, begin));
  Expr isLast = Variable::make(Halide::Int(32), loop->name) ==
                simplify(loop->min + loop->extent - 1);
  return select(isLast, behind, next);
}

/// Adds the prefetches of `lines` from the element `first` on to `body`.
void Prefetcher::fetch(Expr first, int lines,
                       std::vector<Halide::Internal::Stmt> &body) const {
  int perLine = kLineBytes / weights.type.bytes();
  for (int line = 0; line < lines; ++line)
    body.push_back(
        fetchLine(weights.name, weights.type, first + line * perLine));
}

/// The body of the loop over terms with the prefetch of its share of lines; as
/// it is where the loops around are not those of panels and tiles alone.
Halide::Internal::Stmt Prefetcher::addLines(const For *op, Expr index) const {
  int64_t steps = 1;
  Expr step = Variable::make(Halide::Int(32), op->name) - op->min;
  auto extent = as_const_int(op->extent);
  if (!extent)
    return op->body;
  steps = *extent;
  // From inside: tiles, then panels, then nothing.
  size_t i = loops.size();
  for (; i > 0 && !moves(loops[i - 1], index); --i) {
    auto tiles = as_const_int(loops[i - 1]->extent);
    if (!tiles)
      return op->body;
    step += (Variable::make(Halide::Int(32), loops[i - 1]->name) -
             loops[i - 1]->min) *
            int(steps);
    steps *= *tiles;
  }
  bool hasParts = i > 0 && weights.partElements < weights.panelElements;
  if ((i > 1 && !weights.isRepeated && !hasParts) || steps == *extent)
    return op->body;
  int perLine = kLineBytes / weights.type.bytes();
  int64_t all = llvm::divideCeil(weights.partElements, perLine);
  int lines = llvm::divideCeil(all, steps);
  if (lines > kMostLines)
    return op->body;
  Expr begin = substitute(op->name, op->min, index);
  Expr next = hasParts ? getNext(begin, i - 1) : begin + weights.panelElements;
  std::vector<Halide::Internal::Stmt> body;
  fetch(next + step * (lines * perLine), lines, body);
  if (weights.behindElements) {
    Expr panel = substitute(lets, begin) / weights.panelElements;
    int more =
        std::min<int64_t>(llvm::divideCeil(weights.behindElements,
                                           weights.panels * steps * perLine),
                          kMostLinesBehind);
    fetch(weights.panels * weights.panelElements +
              (panel * int(steps) + step) * (more * perLine),
          more, body);
  }
  body.push_back(op->body);
  return Block::make(body);
}

Halide::Internal::Stmt Prefetcher::visit(const For *op) {
  FindRead read(weights.name);
  op->body.accept(&read);
  if (!read.index.defined())
    return op;
  if (!read.hasLoop) {
    if (!moves(op, read.index))
      return op;
    return withBody(op, addLines(op, getFirst(read.index)));
  }
  loops.push_back(op);
  Halide::Internal::Stmt result = IRMutator::visit(op);
  loops.pop_back();
  return result;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

namespace {

class BlockPrefetcher : public IRMutator {
public:
  explicit BlockPrefetcher(PanelWeights weights)
      : weights(std::move(weights)) {}

private:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const For *op) override;
  Halide::Internal::Stmt fetch(Expr first) const;

  PanelWeights weights;
  Expr isFirst = const_true(); // step of all loops around
};

} // namespace

/// The fetch of the panel that begins at the element `first`. An instruction
/// counts the bytes of a row and the rows by 16 bits each: rows are a byte
/// short, else Halide would make one of them all.
Halide::Internal::Stmt BlockPrefetcher::fetch(Expr first) const {
  Expr base = Variable::make(Halide::Handle(), weights.name);
  int row = weights.rowElements;
  return Evaluate::make(
      Call::make(weights.type, Call::prefetch,
                 {base, first, row - 1, 1, weights.panelElements / row, row},
                 Call::Intrinsic));
}

Halide::Internal::Stmt BlockPrefetcher::visit(const For *op) {
  FindFirstUse read(weights.name);
  op->body.accept(&read);
  if (!read.index.defined())
    return op;
  Expr index = getFirst(read.index);
  Expr step = Variable::make(Halide::Int(32), op->name);
  Expr next = substitute(op->name, step + 1, index);
  if (is_const(simplify(next - index), weights.panelElements)) {
    Halide::Internal::Stmt body =
        IfThenElse::make(simplify(isFirst), fetch(simplify(next)));
    return withBody(op, Block::make(body, op->body));
  }
  Expr outer = isFirst;
  isFirst = isFirst && step == op->min;
  Halide::Internal::Stmt result = IRMutator::visit(op);
  isFirst = outer;
  return result;
}

void minnow::halide::addPrefetch(Halide::Func &output,
                                 const PanelWeights &weights, Fetch fetch) {
  if (fetch == Fetch::Panel)
    output.add_custom_lowering_pass(new BlockPrefetcher(weights));
  else
    output.add_custom_lowering_pass(new Prefetcher(weights));
}
