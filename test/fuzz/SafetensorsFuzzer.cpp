//===- SafetensorsFuzzer.cpp - the reader of weights under the fuzzer -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A network of two tensors is what the file is asked for, so that the seeds,
// which hold these two, lead to their bytes.
//===----------------------------------------------------------------------===//
#include "compiler/import/networks/WeightSource.h"
#include "test/fuzz/Modules.h"

using namespace minnow;
using namespace minnow::importer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const fuzz::InputFile file("weights.safetensors");
  static const TensorList wanted = {{"conv.weight", {2, 3}}, {"bn.bias", {4}}};
  file.write(data, size);
  Faults faults("network");
  auto source = openSafetensors(file.path(), faults);
  if (mlir::succeeded(source) && mlir::succeeded((*source)->check(wanted)))
    for (const auto &[key, shape] : wanted)
      if (HostTensor tensor = (*source)->read(key, shape);
          countElements(shape) != int64_t(tensor.size()))
        fuzz::fail("a tensor has not its shape's numbers", key);
  fuzz::checkMessages(faults.take());
  return 0;
}
