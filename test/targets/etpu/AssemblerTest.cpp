//===- AssemblerTest.cpp - binary, ops and text say the same --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/etpu/Assembler.h"
#include "mlir/Parser/Parser.h"
#include "test/targets/etpu/Networks.h"
#include <gtest/gtest.h>

using namespace minnow;
using namespace minnow::etpu;

namespace {

class Programs : public testing::TestWithParam<unsigned> {};

/// From a compiled binary to ops, to text, and back to the same bytes.
TEST_P(Programs, SurviveTheRoundTrip) {
  std::string refused;
  std::string code =
      compileNetwork(Machine(), makeNetwork(GetParam()), refused).code;
  ASSERT_EQ(refused, "");
  mlir::MLIRContext context;
  context.loadDialect<ir::EtpuDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> module(
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context)));
  auto program = disassemble(*module, "network", code);
  ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
  std::string text;
  llvm::raw_string_ostream(text) << *module;

  auto parsed = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  ASSERT_TRUE(parsed);
  auto again = assemble(*parsed->getOps<ir::ProgramOp>().begin());
  ASSERT_TRUE(mlir::succeeded(again));
  EXPECT_TRUE(*again == code);
}

INSTANTIATE_TEST_SUITE_P(Seeded, Programs, testing::Range(1u, 9u));

} // namespace
