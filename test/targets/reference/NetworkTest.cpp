//===- NetworkTest.cpp - networks run primitive by primitive --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A network with a block and a weight in it, and the errors.
//===----------------------------------------------------------------------===//
#include "Testing.h"

using namespace minnow;
using namespace minnow::test;

/// An inverted bottleneck with weights of 1 and 0.5; see the blobs.
static const char *kNetwork = R"(
func.func @net(%x: tensor<1x2x2x1xf32>) -> (tensor<1x2x2x1xf32>, tensor<1x4xf32>) {
  %y = mobile.uib(%in = %x : tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32> {
    %we = mobile.get_weight @expand : tensor<1x1x1x2xf32>
    %wp = mobile.get_weight @project : tensor<1x1x2x1xf32>
    %e = mobile.conv2d %in, %we act relu
        : tensor<1x2x2x1xf32>, tensor<1x1x1x2xf32> -> tensor<1x2x2x2xf32>
    %p = mobile.conv2d %e, %wp
        : tensor<1x2x2x2xf32>, tensor<1x1x2x1xf32> -> tensor<1x2x2x1xf32>
    %r = mobile.add %p, %in
        : tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32> -> tensor<1x2x2x1xf32>
    mobile.yield %r : tensor<1x2x2x1xf32>
  }
  %z = mobile.activate %y act relu : tensor<1x2x2x1xf32>
  %f = mobile.reshape %z : tensor<1x2x2x1xf32> -> tensor<1x4xf32>
  return %y, %f : tensor<1x2x2x1xf32>, tensor<1x4xf32>
}
mobile.weight @expand dense_resource<expand> : tensor<1x1x1x2xf32>
mobile.weight @project dense_resource<project> : tensor<1x1x2x1xf32>
)";

static const char *kNumbers = R"(
{-#
  dialect_resources: {
    builtin: {
      expand: "0x040000000000803F0000803F",
      project: "0x040000000000003F0000803F"
    }
  }
#-}
)";

TEST(Network, RunsBlocksAndWeights) {
  auto module = parse(std::string(kNetwork) + kNumbers);
  std::vector<Elements> outputs =
      llvm::cantFail(evaluateNetwork(*module, {{1, -2, 3, -4}}));
  // x + 1.5 * relu(x)
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0], (Elements{2.5, -2, 7.5, -4}));
  EXPECT_EQ(outputs[1], (Elements{2.5, 0, 7.5, 0}));
}

TEST(Network, SaysWhatIsWrong) {
  auto message = [](const std::string &text, std::vector<Elements> inputs) {
    auto module = parse(text);
    return llvm::toString(evaluateNetwork(*module, inputs).takeError());
  };
  EXPECT_EQ(message("", {}), "expected one network in the module, found 0");
  EXPECT_EQ(message(std::string(kNetwork) + kNumbers, {}),
            "network @net takes 1 inputs, found 0");
  EXPECT_EQ(message(std::string(kNetwork) + kNumbers, {{1, 2}}),
            "input 0 of @net takes 4 elements, found 2");
  EXPECT_EQ(message(kNetwork, {{1, 2, 3, 4}}),
            "weight @expand has no numbers; a printed module elides them, take "
            "the bytecode");
}

TEST(Network, KernelsThatDifferInNameOnlyAreOne) {
  auto module = parse("mobile.kernel @a(%x: tensor<3xf32>) -> tensor<3xf32> {"
                      "  %r = mobile.activate %x act relu : tensor<3xf32>"
                      "  mobile.yield %r : tensor<3xf32> }"
                      "mobile.kernel @b(%y: tensor<3xf32>) -> tensor<3xf32> {"
                      "  %s = mobile.activate %y act relu : tensor<3xf32>"
                      "  mobile.yield %s : tensor<3xf32> }");
  auto evaluator = llvm::cantFail(Evaluator::create());
  Tensor x = makeRandom({3}), y({3});
  for (auto kernel : module->getOps<mobile::KernelOp>())
    llvm::cantFail(evaluator->run(kernel, {x.data.data(), y.data.data()}));
  EXPECT_EQ(evaluator->getNumCompiled(), 1u);

  auto kernel = *module->getOps<mobile::KernelOp>().begin();
  EXPECT_EQ(llvm::toString(evaluator->run(kernel, {x.data.data()})),
            "kernel @a takes and gives 2 tensors, found 1 buffers");
}
