//===- NetworkFuzzer.cpp - descriptions of networks under the fuzzer ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Users write such files by hand, so their faults are no rarity. The weights
// are seeded, and descriptions that want very many of them are passed over:
// making them is as slow as their number asks.
//===----------------------------------------------------------------------===//
#include "compiler/import/Import.h"
#include "compiler/import/networks/Description.h"
#include "test/fuzz/Modules.h"

using namespace minnow;
using namespace minnow::importer;

static constexpr int64_t maxWeights = int64_t(1) << 20;

/// How many weights the description at `path` asks for; 0 if it is none.
static int64_t countWeights(llvm::StringRef path) {
  Faults faults(path.str());
  auto network = readDescription("", path, faults);
  fuzz::checkMessages(faults.take());
  if (mlir::failed(network))
    return 0;
  int64_t total = 0;
  for (const auto &[key, shape] : network->tensors())
    total += countElements(shape).value_or(maxWeights);
  return total;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const fuzz::InputFile file("network.json");
  file.write(data, size);
  if (countWeights(file.path()) > maxWeights)
    return 0;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  ImportOptions options;
  options.weights = "random:1";
  auto module = importModel(context, file.path(), options);
  if (module)
    fuzz::raise(**module);
  else
    fuzz::checkMessages(module.takeError());
  return 0;
}
