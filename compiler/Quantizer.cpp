//===- Quantizer.cpp - from a network in f32 to one in int8 ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/Quantizer.h"
#include "compiler/CalibrationInputs.h"
#include "compiler/Diagnostics.h"
#include "compiler/QuantizerCache.h"
#include "passes/Equalize.h"
#include "targets/reference/Evaluate.h"

using namespace minnow;
using llvm::Error;
using llvm::Expected;

/// Runs the network on all inputs of the folder.
static Expected<Calibration> calibrate(mlir::ModuleOp module,
                                       mlir::func::FuncOp network,
                                       const CalibrationInputs &inputs,
                                       const QuantizerOptions &options,
                                       bool hasMoments) {
  auto evaluator = NetworkEvaluator::create(module);
  if (!evaluator)
    return evaluator.takeError();
  Calibration calibration(network, inputs.getNumFiles(), hasMoments);
  auto get = [&](mlir::Value value) { return (*evaluator)->get(value); };
  auto see = [&](mlir::Value value, const void *elements) {
    return calibration.add(value, static_cast<const float *>(elements), get);
  };
  for (size_t i = 0; i < inputs.getNumFiles(); ++i) {
    auto read = inputs.read(i);
    if (!read)
      return read.takeError();
    for (const std::vector<float> &input : *read)
      if (Error error = (*evaluator)->run(input.data(), see))
        return error;
    if (options.progress)
      options.progress(i + 1, inputs.getNumFiles());
  }
  return calibration;
}

/// By a calibration of its own: afterwards no statistics fit any more.
static Error evenChannels(mlir::ModuleOp module, mlir::func::FuncOp network,
                          const CalibrationInputs &inputs,
                          const QuantizerOptions &options) {
  if (!options.quantization.equalize)
    return Error::success();
  auto calibration = calibrate(module, network, inputs, options,
                               /*hasMoments=*/false);
  if (!calibration)
    return calibration.takeError();
  DiagnosticCollector diagnostics(module.getContext());
  if (mlir::failed(minnow::equalize(network, options.quantization.perChannel,
                                    *calibration)))
    return diagnostics.take("equalisation failed without a reason");
  return Error::success();
}

Error minnow::quantize(mlir::ModuleOp module, const QuantizerOptions &options) {
  DiagnosticCollector diagnostics(module.getContext());
  auto networks = llvm::to_vector(module.getOps<mlir::func::FuncOp>());
  if (networks.size() != 1)
    return llvm::createStringError("the module has no network to quantize: it "
                                   "is past the stage raise");
  if (options.calibration.empty())
    return isQuantized(networks[0])
               ? Error::success()
               : llvm::createStringError(
                     "an int8 network is made from a model in f32 with "
                     "--calibrate DIR, a folder of photos or .npy files");
  if (isQuantized(networks[0]))
    return llvm::createStringError("the network is quantized already; leave "
                                   "out the calibration");
  auto inputs = CalibrationInputs::create(options.calibration, networks[0]);
  if (!inputs)
    return inputs.takeError();
  auto cache = QuantizerCache::create(module, *inputs, options);
  if (!cache)
    return cache.takeError();
  if (auto report = cache->load(module)) {
    if (options.report)
      options.report(*report);
    return Error::success();
  }
  if (Error error = evenChannels(module, networks[0], *inputs, options))
    return error;
  auto calibration = calibrate(module, networks[0], *inputs, options,
                               /*hasMoments=*/true);
  if (!calibration)
    return calibration.takeError();
  calibration->annotate(options.range);
  auto report =
      quantizeNetwork(networks[0], options.quantization, &*calibration);
  if (mlir::failed(report))
    return diagnostics.take("quantization failed without a reason");
  cache->store(module, *report);
  if (options.report)
    options.report(*report);
  return Error::success();
}
