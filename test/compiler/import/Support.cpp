//===- Support.cpp - what the tests of import share -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files and text; see Support.h.
//===----------------------------------------------------------------------===//
#include "test/compiler/import/Support.h"
#include "dialects/mobile/Mobile.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace minnow;
using namespace minnow::test;

TemporaryFolder::TemporaryFolder() {
  std::string name = testing::TempDir() + "/minnow-import-XXXXXX";
  path = mkdtemp(name.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

std::string TemporaryFolder::write(const std::string &name,
                                   const std::string &bytes) const {
  std::ofstream(*this / name, std::ios::binary) << bytes;
  return *this / name;
}

Imported::Imported(const std::string &model, const ImportOptions &options) {
  llvm::raw_string_ostream stream(text);
  auto result = importModel(context, model, options);
  if (!result) {
    stream << llvm::toString(result.takeError());
    return;
  }
  module = std::move(*result);
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
  mlir::OpPrintingFlags flags;
  module->print(stream, flags.elideLargeResourceString(0));
}

uint64_t Imported::macs() {
  uint64_t sum = 0;
  if (module)
    module->walk([&](mobile::PrimitiveOpInterface op) { sum += op.getMacs(); });
  return sum;
}

size_t Imported::count(llvm::StringRef name) {
  size_t found = 0;
  if (module)
    module->walk([&](mlir::Operation *op) {
      found += op->getName().getStringRef() == name;
    });
  return found;
}

llvm::ArrayRef<float> Imported::weight(llvm::StringRef name) {
  if (!module)
    return {};
  auto op = module->lookupSymbol<mobile::WeightOp>(name);
  if (!op)
    return {};
  llvm::ArrayRef<char> bytes = op.getBytes();
  return {reinterpret_cast<const float *>(bytes.data()),
          bytes.size() / sizeof(float)};
}

testing::AssertionResult minnow::test::contains(const std::string &text,
                                                const std::string &part) {
  if (text.find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "expected to find\n  " << part << "\nin\n"
         << text;
}
