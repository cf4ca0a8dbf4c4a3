//===- SlidingTest.cpp - rows of inner stages are computed once -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads from the lowered loops how many rows each stage computes. Results would
// be right, and slow, if each strip computed anew what the one before it had.
//===----------------------------------------------------------------------===//
#include "targets/halide/Region.h"
#include "targets/halide/Schedules.h"
#include "test/targets/cpu/Harness.h"
#include "test/targets/cpu/Text.h"
#include <gtest/gtest.h>

using namespace minnow;
using namespace minnow::test;

namespace {

using Halide::Expr;

/// Walks through the strips of a function; loops over rows are added up.
class RowCounter : public Halide::Internal::IRVisitor {
public:
  std::map<std::string, int64_t> rows; // by the name of the stage

private:
  using IRVisitor::visit;

  Expr evaluate(const Expr &value) const {
    return Halide::Internal::simplify(
        Halide::Internal::substitute(known, value));
  }

  void bind(const std::string &name, const Expr &value,
            const Halide::Internal::Stmt &body) {
    known[name] = value;
    body.accept(this);
    known.erase(name);
  }

  void visit(const Halide::Internal::LetStmt *op) override {
    bind(op->name, evaluate(op->value), op->body);
  }

  void visit(const Halide::Internal::IfThenElse *op) override {
    auto taken = Halide::Internal::as_const_uint(evaluate(op->condition));
    if (!taken || *taken)
      op->then_case.accept(this);
    if (op->else_case.defined() && (!taken || !*taken))
      op->else_case.accept(this);
  }

  void visit(const Halide::Internal::For *op) override {
    auto min = Halide::Internal::as_const_int(evaluate(op->min)),
         extent = Halide::Internal::as_const_int(evaluate(op->extent));
    size_t row = op->name.find(".s0.y");
    bool isStrips = op->name.find(".s0.y.ys") != std::string::npos;
    if (min && extent && isStrips)
      for (int64_t i = 0; i < *extent; ++i)
        bind(op->name, int(*min + i), op->body);
    else if (min && extent && row != std::string::npos)
      rows[op->name.substr(0, row)] += std::max<int64_t>(*extent, 0);
    else
      op->body.accept(this);
  }

  std::map<std::string, Expr> known;
};

/// The rows of each stage but the last.
std::vector<int64_t> countRows(KernelText &text, const Node &result,
                               const std::string &schedule) {
  CompiledKernel compiled(text.finish(result), "haswell", schedule);
  if (!compiled.getError().empty())
    throw std::runtime_error(compiled.getError());
  halide::Form form = {"x86-64-linux-avx2-fma", 8};
  auto pipeline = halide::buildPipeline(compiled.getKernel(), form);
  halide::applySchedule(pipeline, compiled.getKernel(), form);
  Halide::Target target(form.target + "-no_asserts-no_bounds_query");
  Halide::Module module =
      pipeline.output.compile_to_module(pipeline.arguments, "kernel", target);
  RowCounter counter;
  module.functions().front().body.accept(&counter);
  std::vector<int64_t> rows;
  for (const halide::Stage &stage : llvm::ArrayRef(pipeline.stages).drop_back())
    rows.push_back(counter.rows[stage.root.name()]);
  return rows;
}

} // namespace

TEST(Sliding, BeforeTwoDepthwise) {
  KernelText text;
  Node out = text.argument({1, 24, 8, 16});
  out = text.conv(out, {16, 1, 1, {}, "relu"});
  out = text.depthwise(out, {0, 5});
  out = text.conv(out, {16, 1, 1, {}, "relu"});
  out = text.depthwise(out, {0, 5, 2});
  auto rows =
      countRows(text, out,
                "#mobile.schedule<none 1, strip 1, [<4 by 2, channels_outer>, "
                "<4 by 2, channels_outer>, <4 by 2, channels_outer>, "
                "<4 by 2, channels_outer>]>");
  // The windows reach over the map's ends, and there nothing is summed up.
  EXPECT_LE(rows[0], 24 + 4 + 3);
  EXPECT_GE(rows[0], 24);
  EXPECT_LE(rows[2], 24 + 3);
}

TEST(Sliding, BeforeTwoFullConvolutions) {
  KernelText text;
  Node out = text.argument({1, 3, 48, 48});
  out = text.transpose(out, {0, 2, 3, 1});
  for (int i = 0; i < 3; ++i)
    out = text.conv(out, {16, 3, 2, {}, "relu"});
  auto rows =
      countRows(text, out,
                "#mobile.schedule<none 1, strip 1, [<4 by 2, channels_outer>, "
                "<4 by 2, channels_outer>, <4 by 2, channels_outer>]>");
  EXPECT_LE(rows[0], 24 + 3);
  EXPECT_GE(rows[0], 24);
  EXPECT_LE(rows[1], 12 + 1);
}
