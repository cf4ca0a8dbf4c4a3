//===- QuantizeTest.cpp - a network calibrated, made even, quantized ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An inverted bottleneck with random weights whose channels differ in size as
// batch norms make them, run by the reference before and after.
//===----------------------------------------------------------------------===//
#include "passes/Quantize.h"
#include "dialects/mobile/Mobile.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Equalize.h"
#include "passes/Passes.h"
#include "targets/reference/Evaluate.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace minnow;

static const char *kNetwork = R"(
func.func @net(%x: tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %y = mobile.uib(%in = %x : tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32> {
    %we = mobile.get_weight @expand.weight : tensor<1x1x8x32xf32>
    %be = mobile.get_weight @expand.bias : tensor<32xf32>
    %wd = mobile.get_weight @middle.weight : tensor<3x3x32xf32>
    %bd = mobile.get_weight @middle.bias : tensor<32xf32>
    %wp = mobile.get_weight @project.weight : tensor<1x1x32x8xf32>
    %e = mobile.conv2d %in, %we bias %be act relu6
        : tensor<1x8x8x8xf32>, tensor<1x1x8x32xf32>, tensor<32xf32> -> tensor<1x8x8x32xf32>
    %d = mobile.depthwise_conv2d %e, %wd bias %bd pad [1, 1, 1, 1] act relu
        : tensor<1x8x8x32xf32>, tensor<3x3x32xf32>, tensor<32xf32> -> tensor<1x8x8x32xf32>
    %p = mobile.conv2d %d, %wp : tensor<1x8x8x32xf32>, tensor<1x1x32x8xf32> -> tensor<1x8x8x8xf32>
    %r = mobile.add %p, %in : tensor<1x8x8x8xf32>, tensor<1x8x8x8xf32> -> tensor<1x8x8x8xf32>
    mobile.yield %r : tensor<1x8x8x8xf32>
  }
  return %y : tensor<1x8x8x8xf32>
}
)";

/// The same without a residual, so that a map crosses the edge of the block.
static const char *kStem = R"(
func.func @net(%x: tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %we = mobile.get_weight @expand.weight : tensor<1x1x8x32xf32>
  %be = mobile.get_weight @expand.bias : tensor<32xf32>
  %e = mobile.conv2d %x, %we bias %be act relu6
      : tensor<1x8x8x8xf32>, tensor<1x1x8x32xf32>, tensor<32xf32> -> tensor<1x8x8x32xf32>
  %y = mobile.uib(%in = %e : tensor<1x8x8x32xf32>) -> tensor<1x8x8x8xf32> {
    %wd = mobile.get_weight @middle.weight : tensor<3x3x32xf32>
    %bd = mobile.get_weight @middle.bias : tensor<32xf32>
    %wp = mobile.get_weight @project.weight : tensor<1x1x32x8xf32>
    %d = mobile.depthwise_conv2d %in, %wd bias %bd pad [1, 1, 1, 1] act relu
        : tensor<1x8x8x32xf32>, tensor<3x3x32xf32>, tensor<32xf32> -> tensor<1x8x8x32xf32>
    %p = mobile.conv2d %d, %wp : tensor<1x8x8x32xf32>, tensor<1x1x32x8xf32> -> tensor<1x8x8x8xf32>
    mobile.yield %p : tensor<1x8x8x8xf32>
  }
  return %y : tensor<1x8x8x8xf32>
}
)";

namespace {

class Network : public testing::Test {
protected:
  explicit Network(std::string text = kNetwork) {
    context.loadDialect<mlir::func::FuncDialect, mobile::MobileDialect>();
    std::mt19937 engine(5);
    auto uniform = [&] { return float(engine() / 4294967296.0 * 2 - 1); };
    std::vector<std::pair<std::string, std::vector<float>>> weights;
    auto add = [&](std::string name, std::string shape, size_t count,
                   auto size) {
      std::vector<float> numbers(count);
      for (size_t i = 0; i < count; ++i)
        numbers[i] = uniform() * size(i);
      text += "mobile.weight @" + name + " dense_resource<" + name +
              "> : tensor<" + shape + "xf32>\n";
      weights.emplace_back(name, numbers);
    };
    // The channels of the two inner maps shrink by a factor of 60.
    auto shrinking = [](size_t i) {
      return std::pow(60.0f, -float(i % 32) / 31);
    };
    add("expand.weight", "1x1x8x32", 256, shrinking);
    add("expand.bias", "32", 32, shrinking);
    add("middle.weight", "3x3x32", 288,
        [&](size_t i) { return 0.3f / shrinking(i); });
    add("middle.bias", "32", 32, [](size_t) { return 0.3f; });
    add("project.weight", "1x1x32x8", 256, [](size_t) { return 0.5f; });
    text += "{-# dialect_resources: { builtin: {";
    for (auto &[name, numbers] : weights) {
      text += (name == weights[0].first ? "" : ",") + name + ": \"0x04000000" +
              llvm::toHex(llvm::StringRef(
                  reinterpret_cast<const char *>(numbers.data()),
                  numbers.size() * sizeof(float))) +
              "\"";
    }
    text += "} } #-}";
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    for (int i = 0; i < 8; ++i) {
      inputs.emplace_back(8 * 8 * 8);
      for (float &element : inputs.back())
        element = 2 * uniform();
    }
  }

  mlir::func::FuncOp getNetwork() {
    return *module->getOps<mlir::func::FuncOp>().begin();
  }

  Calibration calibrate(bool hasMoments) {
    auto evaluator = llvm::cantFail(NetworkEvaluator::create(*module));
    Calibration calibration(getNetwork(), inputs.size(), hasMoments);
    for (const Elements &input : inputs)
      llvm::cantFail(evaluator->run(
          {input.data()}, [&](mlir::Value value, const void *elements) {
            return calibration.add(
                value, static_cast<const float *>(elements),
                [&](mlir::Value other) { return evaluator->get(other); });
          }));
    return calibration;
  }

  /// The outputs of all inputs, one after another.
  Elements run() {
    auto evaluator = llvm::cantFail(NetworkEvaluator::create(*module));
    mlir::Value result =
        getNetwork().getBody().front().getTerminator()->getOperand(0);
    Elements outputs;
    for (const Elements &input : inputs) {
      llvm::cantFail(
          evaluator->run({input.data()}, [](mlir::Value, const void *) {
            return llvm::Error::success();
          }));
      auto *elements = static_cast<const float *>(evaluator->get(result));
      outputs.insert(outputs.end(), elements, elements + 8 * 8 * 8);
    }
    return outputs;
  }

  /// Quantizes, runs what is left on storage types, and compares with `wanted`.
  double getSqnr(const Elements &wanted, bool perChannel, bool hasMoments,
                 bool equalize = true) {
    Calibration calibration = calibrate(true);
    calibration.annotate({});
    EXPECT_TRUE(
        mlir::succeeded(quantizeNetwork(getNetwork(), {perChannel, equalize},
                                        hasMoments ? &calibration : nullptr)));
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
    mlir::PassManager passes(&context);
    passes.addPass(createLowerQuant());
    EXPECT_TRUE(mlir::succeeded(passes.run(*module)));
    double signal = 0, noise = 0;
    for (auto [want, have] : llvm::zip_equal(wanted, run())) {
      signal += want * want;
      noise += (want - have) * (want - have);
    }
    return 10 * std::log10(signal / noise);
  }

  /// How much larger the largest channel of the maps of 32 is than the least.
  double getRatio() {
    Calibration calibration = calibrate(false);
    double ratio = 0;
    module->walk([&](mobile::Conv2DOp conv) {
      auto largest = calibration.getLargest(conv.getResult());
      if (largest.size() == 32)
        ratio = *std::max_element(largest.begin(), largest.end()) /
                *std::min_element(largest.begin(), largest.end());
    });
    return ratio;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Elements> inputs;
};

struct Stem : Network {
  Stem() : Network(kStem) {}
};

} // namespace

TEST_F(Network, IsTheSameAfterEqualizing) {
  Elements before = run();
  ASSERT_TRUE(mlir::succeeded(
      equalize(getNetwork(), /*perChannel=*/false, calibrate(false))));
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  Elements after = run();
  for (auto [a, b] : llvm::zip_equal(before, after))
    EXPECT_NEAR(a, b, 1e-4);
}

TEST_F(Network, EqualizingMakesChannelsAlike) {
  EXPECT_GT(getRatio(), 20);
  ASSERT_TRUE(mlir::succeeded(
      equalize(getNetwork(), /*perChannel=*/true, calibrate(false))));
  EXPECT_LT(getRatio(), 1.01);
}

TEST_F(Stem, IsTheSameAfterEqualizingAcrossTheEdgeOfABlock) {
  Elements before = run();
  EXPECT_GT(getRatio(), 20);
  ASSERT_TRUE(mlir::succeeded(
      equalize(getNetwork(), /*perChannel=*/true, calibrate(false))));
  EXPECT_LT(getRatio(), 1.01);
  for (auto [a, b] : llvm::zip_equal(before, run()))
    EXPECT_NEAR(a, b, 1e-4);
}

TEST_F(Network, QuantizesToNearest) {
  Elements wanted = run();
  EXPECT_GT(getSqnr(wanted, /*perChannel=*/true, /*hasMoments=*/false), 20);
}

TEST_F(Network, EqualizingSavesFiltersOfOneScale) {
  Elements wanted = run();
  mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
  double uneven = getSqnr(wanted, false, true);
  module = std::move(copy);
  ASSERT_TRUE(mlir::succeeded(equalize(getNetwork(), false, calibrate(false))));
  EXPECT_GT(getSqnr(wanted, false, true), uneven + 6);
}

/// The first convolution's channels change their size; the depthwise one takes
/// that back.
TEST_F(Stem, FactorsSaveFiltersOfOneScale) {
  Elements wanted = run();
  mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
  double kept = getSqnr(wanted, false, true, /*equalize=*/false);
  module = std::move(copy);
  double fitted = getSqnr(wanted, false, true);
  EXPECT_GT(fitted, kept + 1.5);
}
