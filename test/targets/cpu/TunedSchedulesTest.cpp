//===- TunedSchedulesTest.cpp - tables of measured schedules --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Round trips, entries that do not fit, and that all that the compiler has
// built in can be read.
//===----------------------------------------------------------------------===//
#include "targets/cpu/TunedSchedules.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"
#include "targets/cost/Machines.h"
#include "test/targets/cpu/Text.h"
#include <gtest/gtest.h>

using namespace minnow;
using namespace minnow::test;

namespace {

class TunedSchedules : public testing::Test {
protected:
  TunedSchedules() { context.loadDialect<mobile::MobileDialect>(); }

  mobile::KernelOp makeProduct(int64_t outputs) {
    KernelText text;
    Node in = text.argument({1, 4, 4, 16});
    modules.push_back(mlir::parseSourceString<mlir::ModuleOp>(
        text.finish(text.conv(in, {outputs})), &context));
    return *modules.back()->getOps<mobile::KernelOp>().begin();
  }
  mobile::ScheduleAttr makeSchedule(const std::string &text) {
    return llvm::cast<mobile::ScheduleAttr>(
        mlir::parseAttribute("#mobile.schedule" + text, &context));
  }

  mlir::MLIRContext context;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

TEST_F(TunedSchedules, SurviveAFile) {
  auto kernel = makeProduct(48), other = makeProduct(64);
  auto schedule = makeSchedule("<rows 4, strip 1, [<4 by 3, pixels_outer>]>");
  cpu::TunedSchedules table("abacus");
  table.insert(kernel, schedule);
  auto read = cpu::TunedSchedules::parse(table.print());
  ASSERT_TRUE(bool(read));
  EXPECT_EQ(read->getMachine(), "abacus");
  EXPECT_EQ(read->lookup(kernel), schedule);
  EXPECT_FALSE(read->lookup(other));
  EXPECT_EQ(read->print(), table.print());
}

TEST_F(TunedSchedules, LeaveOutWhatDoesNotFit) {
  auto kernel = makeProduct(48);
  for (const char *text :
       {"<rows 4, strip 1>", "<rows 0, strip 1, [<4 by 3, pixels_outer>]>",
        "<rows 4, strip 1, [<4 by 3, pixels_outer>, "
        "<4 by 3, pixels_outer>]>",
        "<rows 4, strip 1, [<4000 by 3, pixels_outer>]>"}) {
    cpu::TunedSchedules table("abacus");
    table.insert(kernel, makeSchedule(text));
    EXPECT_FALSE(table.lookup(kernel)) << text;
  }
}

TEST_F(TunedSchedules, RefuseOtherJson) {
  for (const char *text : {"", "[]", "{}", "{\"machine\": \"a\"}",
                           "{\"machine\": 1, \"schedules\": {}}",
                           "{\"machine\": \"a\", \"schedules\": {\"k\": 1}}"}) {
    auto table = cpu::TunedSchedules::parse(text);
    EXPECT_FALSE(bool(table)) << text;
    llvm::consumeError(table.takeError());
  }
}

TEST_F(TunedSchedules, AreNotBuiltInForAnUnknownMachine) {
  cost::Machine machine = {};
  EXPECT_EQ(cpu::getBuiltInSchedules(machine).getMachine(), "");
  machine.name = "like avx512";
  machine.schedules = "avx512";
  EXPECT_EQ(cpu::getBuiltInSchedules(machine).getMachine(), "avx512");
}

} // namespace
