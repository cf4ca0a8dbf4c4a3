//===- LoweredLoops.h - what lowered loops read and write -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared by the passes that add prefetches.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_TARGETS_HALIDE_LOWEREDLOOPS_H
#define MINNOW_TARGETS_HALIDE_LOWEREDLOOPS_H

#include <Halide.h>

namespace minnow::halide {

constexpr int kLineBytes = 64;

/// The first of the places that a vector is read from.
inline Halide::Expr getFirst(Halide::Expr index) {
  const auto *ramp = index.as<Halide::Internal::Ramp>();
  return ramp ? ramp->base : index;
}

inline Halide::Internal::Stmt withBody(const Halide::Internal::For *loop,
                                       Halide::Internal::Stmt body) {
  return Halide::Internal::For::make(loop->name, loop->min, loop->extent,
                                     loop->for_type, loop->partition_policy,
                                     loop->device_api, std::move(body));
}

/// The prefetch of the line of `argument` at the element `place`.
inline Halide::Internal::Stmt fetchLine(const std::string &argument,
                                        Halide::Type type, Halide::Expr place) {
  using Halide::Internal::Call;
  Halide::Expr base =
      Halide::Internal::Variable::make(Halide::Handle(), argument);
  return Halide::Internal::Evaluate::make(Call::make(
      type, Call::prefetch, {base, Halide::Internal::simplify(place), 1, 1},
      Call::Intrinsic));
}

/// Finds where a loop's body reads or writes an argument first: at the first
/// step of all loops inside of it.
class FindFirstUse : public Halide::Internal::IRVisitor {
public:
  explicit FindFirstUse(const std::string &argument) : argument(argument) {}
  Halide::Expr index;

private:
  using IRVisitor::visit;
  void visit(const Halide::Internal::Load *op) override {
    find(op);
    IRVisitor::visit(op);
  }
  void visit(const Halide::Internal::Store *op) override {
    find(op);
    IRVisitor::visit(op);
  }
  template <typename Access> void find(const Access *op) {
    if (op->name == argument && !index.defined())
      index = substitute(values, op->index);
  }
  void visit(const Halide::Internal::For *op) override {
    values[op->name] = substitute(values, op->min);
    IRVisitor::visit(op);
  }
  void visit(const Halide::Internal::LetStmt *op) override {
    values[op->name] = substitute(values, op->value);
    IRVisitor::visit(op);
  }

  const std::string &argument;
  std::map<std::string, Halide::Expr> values;
};

} // namespace minnow::halide

#endif // MINNOW_TARGETS_HALIDE_LOWEREDLOOPS_H
