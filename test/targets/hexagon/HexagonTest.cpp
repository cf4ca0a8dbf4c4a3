//===- HexagonTest.cpp - kernels for Hexagon are exact --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random kernels under qemu-hexagon against the reference of the fixed form on
// this machine, bit by bit. MINNOW_BYTE_KERNELS says how many, MINNOW_BYTE_SEED
// which is the first.
//===----------------------------------------------------------------------===//
#include "mlir/Parser/Parser.h"
#include "targets/Target.h"
#include "targets/llvm/Object.h"
#include "targets/reference/Evaluate.h"
#include "test/targets/cpu/Cases.h"
#include "test/targets/cpu/Operands.h"
#include "test/targets/cpu/TemporaryFile.h"
#include "llvm/Support/Program.h"
#include <gtest/gtest.h>

using namespace minnow;
using namespace minnow::test;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

/// The operands of one kernel, row-major and as its layouts have them.
struct Operands {
  std::vector<std::string> plain, packed;
};

} // namespace

static Operands makeOperands(mobile::KernelOp kernel, unsigned seed) {
  std::mt19937 random(seed);
  Operands operands;
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    mlir::BlockArgument argument = kernel.getBody().getArgument(i);
    auto type = llvm::cast<mlir::RankedTensorType>(argument.getType());
    std::string plain;
    for (double number : makeNumbers(argument, seed, random)) {
      int32_t integer = int32_t(number);
      plain.append(reinterpret_cast<char *>(&integer),
                   type.getElementTypeBitWidth() / 8);
    }
    std::string packed = plain;
    if (mobile::LayoutAttr layout = kernel.getLayout(i)) {
      size_t elementBytes = type.getElementTypeBitWidth() / 8;
      packed.assign(llvm::product_of(layout.getPhysicalShape(type.getShape())) *
                        elementBytes,
                    0);
      layout.pack(plain, type.getShape(), elementBytes,
                  {packed.data(), packed.size()});
    }
    operands.plain.push_back(std::move(plain));
    operands.packed.push_back(std::move(packed));
  }
  return operands;
}

/// A program of the kernel's `object` and the runner.
static Expected<std::string> link(StringRef object) {
  auto runner = llvm::MemoryBuffer::getFile(MINNOW_HEXAGON_RUNNER);
  if (!runner)
    return llvm::createStringError("cannot read " MINNOW_HEXAGON_RUNNER);
  return linkExecutable({object, (*runner)->getBuffer()});
}

/// Runs `code` on `operands` in qemu.
static Expected<std::string>
emulate(const KernelCode &code, const Operands &operands, size_t resultBytes) {
  auto linked = link(code.object);
  if (!linked)
    return linked.takeError();
  TemporaryFile program, input, output;
  program.write(*linked);
  std::string text;
  auto number = [&](uint32_t value) {
    text.append(reinterpret_cast<char *>(&value), sizeof value);
  };
  number(code.scratchBytes);
  number(operands.packed.size() + 1);
  auto add = [&](StringRef bytes) {
    number(bytes.size());
    text += bytes;
  };
  for (const std::string &bytes : operands.packed)
    add(bytes);
  add(std::string(resultBytes, '\x55'));
  input.write(text);
  auto emulator = llvm::sys::findProgramByName("qemu-hexagon");
  std::string message;
  int status = llvm::sys::ExecuteAndWait(
      *emulator, {*emulator, program.path()}, std::nullopt,
      {input.path(), output.path(), StringRef("")}, /*SecondsToWait=*/120,
      /*MemoryLimit=*/0, &message);
  if (status != 0)
    return llvm::createStringError("qemu-hexagon ended with " +
                                   llvm::Twine(status) + " " + message);
  return output.read();
}

static size_t getBytes(mlir::Type type) {
  auto tensor = llvm::cast<mlir::RankedTensorType>(type);
  return tensor.getNumElements() * tensor.getElementTypeBitWidth() / 8;
}

/// Compiles and runs the kernel in `text`; what is wrong with it, or nothing.
static std::string checkText(const std::string &text, unsigned seed) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<mobile::MobileDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  auto target = createTarget({"hexagon", "", "", ""});
  if (!module || !target)
    return "no module or target\n" + text;
  auto kernel = *module->getOps<mobile::KernelOp>().begin();
  auto plain = kernel.clone();
  (*target)->schedule(kernel);
  std::string print;
  llvm::raw_string_ostream(print) << *module;
  auto code = (*target)->emit(kernel, "kernel");
  if (!code)
    return llvm::toString(code.takeError()) + "\n" + print;
  if (code->reference)
    return "goes the slow way: " + code->note + "\n" + print;
  Operands operands = makeOperands(kernel, seed);
  size_t bytes = getBytes(kernel.getResultTypes()[0]);
  auto result = emulate(*code, operands, bytes);
  if (!result)
    return llvm::toString(result.takeError()) + "\n" + print;
  std::string expected(bytes, 0);
  std::vector<void *> buffers;
  for (std::string &each : operands.plain)
    buffers.push_back(each.data());
  buffers.push_back(expected.data());
  Error failed = evaluate(plain, buffers);
  plain.erase();
  if (failed)
    return llvm::toString(std::move(failed));
  if (*result == expected)
    return "";
  size_t differences = 0, first = 0;
  for (size_t i = 0; i < bytes && i < result->size(); ++i)
    if ((*result)[i] != expected[i] && differences++ == 0)
      first = i;
  return std::to_string(differences) + " of " + std::to_string(bytes) +
         " bytes differ, first " + std::to_string(first) + ": " +
         std::to_string((*result)[first]) + " instead of " +
         std::to_string(expected[first]) + "\n" + print;
}

static std::string check(const Case &made, unsigned seed) {
  KernelText text(/*fixed=*/true);
  return checkText(text.finish(build(text, made)), seed);
}

namespace {

class HexagonTest : public testing::Test {
protected:
  void SetUp() override {
    if (!llvm::sys::findProgramByName("qemu-hexagon"))
      GTEST_SKIP() << "there is no qemu-hexagon";
  }
};

} // namespace

static void fail(const std::string &what) { ADD_FAILURE() << what; }

TEST_F(HexagonTest, RandomKernelsAreExact) {
  checkCases(makeCase, 40, check, fail);
}

TEST_F(HexagonTest, RandomBlocksAreExact) {
  checkCases(makeBlock, 8, check, fail);
}

// Fewer channels than the tile has, at the end of the taps.
TEST_F(HexagonTest, ReadsFewTapsBehindTheLast) {
  Case made{Kind::Depthwise, 1, 1, 264, 264, 7, 2, /*uneven=*/false, 3};
  EXPECT_EQ(check(made, 1016), "");
}
