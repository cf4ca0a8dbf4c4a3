//===- OnnxTest.cpp - ONNX operators and what becomes of them -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each test states a graph and the primitives expected of it.
//===----------------------------------------------------------------------===//
#include "test/compiler/import/OnnxModel.h"
#include <filesystem>
#include <fstream>

using namespace minnow::test;
using onnx::NodeProto, onnx::TensorProto;

/// The text of a graph of one operator on `x`, with output "y".
static std::string importOne(OnnxModel &model) {
  model.addOutput("y");
  return model.importText();
}

TEST(Onnx, ClassifierIsChannelsLastWithOneTranspose) {
  Imported imported = makeClassifier().import();
  const std::string &text = imported.text;
  EXPECT_EQ(imported.count("mobile.transpose"), 1u) << text;
  EXPECT_TRUE(contains(
      text, "func.func @test(%arg0: tensor<1x3x8x8xf32> {mobile.name = \"x\"})"
            " -> (tensor<1x2xf32> {mobile.name = \"y\"})"));
  EXPECT_TRUE(contains(
      text, "stride [2, 2] pad [1, 1, 1, 1] : tensor<1x8x8x3xf32>, "
            "tensor<3x3x3x4xf32>, tensor<4xf32> -> tensor<1x4x4x4xf32>"));
  EXPECT_TRUE(contains(text, "mobile.pool2d average"));
  EXPECT_TRUE(contains(text, "tensor<1x1x1x4xf32> -> tensor<1x4xf32>"));
  EXPECT_EQ(imported.macs(), 16u * 27 * 4 + 8);
}

TEST(Onnx, WeightsKeepTheirNamesAndAreTransposed) {
  Imported imported = makeClassifier().import();
  // [out, in, height, width] -> [height, width, in, out].
  auto w = imported.weight("w");
  ASSERT_EQ(w.size(), 108u);
  EXPECT_EQ(w[0], 0);
  EXPECT_EQ(w[1], 27); // out 1
  EXPECT_EQ(w[4], 9);  // in 1
  EXPECT_EQ(w[12], 1); // width 1
  EXPECT_EQ(imported.weight("b")[3], 3);
  auto fc = imported.weight("fc");
  ASSERT_EQ(fc.size(), 8u);
  EXPECT_EQ(fc[1], 4);
}

TEST(Onnx, DepthwiseConvolution) {
  OnnxModel model({1, 3, 8, 8});
  model.floats("w", {3, 1, 3, 3});
  set(model.add("Conv", {"x", "w"}, "y"), "group", 3);
  EXPECT_TRUE(contains(importOne(model),
                       "mobile.depthwise_conv2d %0, %1 : tensor<1x8x8x3xf32>, "
                       "tensor<3x3x3xf32> -> tensor<1x6x6x3xf32>"));
}

TEST(Onnx, AutomaticPadding) {
  for (auto [mode, pad] : {std::pair("SAME_UPPER", "pad [0, 1, 0, 1]"),
                           std::pair("SAME_LOWER", "pad [1, 0, 1, 0]")}) {
    OnnxModel model({1, 3, 8, 8});
    model.floats("w", {4, 3, 3, 3});
    NodeProto &conv = model.add("Conv", {"x", "w"}, "y");
    set(conv, "strides", {2, 2});
    setString(conv, "auto_pad", mode);
    EXPECT_TRUE(contains(importOne(model), pad));
  }
}

TEST(Onnx, OrderOfPaddings) {
  OnnxModel model({1, 3, 8, 8});
  model.floats("w", {4, 3, 3, 3});
  set(model.add("Conv", {"x", "w"}, "y"), "pads", {0, 1, 2, 3});
  // ONNX says top, left, bottom, right.
  EXPECT_TRUE(contains(importOne(model), "pad [0, 2, 1, 3]"));
}

TEST(Onnx, Activations) {
  const std::pair<const char *, const char *> rows[] = {
      {"Relu", "relu :"},
      {"Sigmoid", "sigmoid :"},
      {"HardSwish", "hard_swish :"},
      {"Gelu", "gelu :"},
      {"Erf", "erf :"}};
  for (auto [op, activation] : rows) {
    OnnxModel model({1, 4}, 20);
    model.add(op, {"x"}, "y");
    EXPECT_TRUE(
        contains(importOne(model),
                 std::string("mobile.activate %arg0 act ") + activation));
  }
}

TEST(Onnx, HardSigmoidOfAnySlope) {
  OnnxModel model({1, 4});
  setFloat(model.add("HardSigmoid", {"x"}, "a"), "alpha", 1.0f / 6);
  setFloat(model.add("HardSigmoid", {"a"}, "y"), "beta", 0.75f);
  model.addOutput("y");
  Imported imported = model.import();
  EXPECT_EQ(imported.count("mobile.activate"), 2u) << imported.text;
  // clamp(x / 5 + 3 / 4) is the hard sigmoid of 6/5 x + 3/2.
  EXPECT_EQ(imported.weight("y.scale").vec(), std::vector<float>{0.2f * 6});
  EXPECT_EQ(imported.weight("y.shift").vec(), std::vector<float>{1.5f});
}

TEST(Onnx, DifferencesAndQuotients) {
  OnnxModel model({1, 2});
  model.floats("c", {2}); // 0, 1
  model.add("Sub", {"x", "c"}, "a");
  model.add("Sub", {"c", "a"}, "b");
  model.add("Sub", {"a", "b"}, "d");
  model.add("Div", {"d", "c"}, "y");
  model.addOutput("y");
  Imported imported = model.import();
  EXPECT_EQ(imported.count("mobile.add"), 3u) << imported.text;
  EXPECT_EQ(imported.count("mobile.mul"), 3u) << imported.text;
  EXPECT_EQ(imported.weight("c.negated").vec(), (std::vector<float>{0, -1}));
  EXPECT_EQ(imported.weight("c.inverse").vec(),
            (std::vector<float>{INFINITY, 1}));
}

TEST(Onnx, OldSoftmaxIsOverAllThatFollows) {
  OnnxModel model({2, 3, 4}, 12);
  model.add("Softmax", {"x"}, "y");
  EXPECT_TRUE(
      contains(importOne(model), "mobile.softmax %0 : tensor<2x12xf32>"));
}

TEST(Onnx, AxesAsAttribute) {
  OnnxModel model({1, 6}, 11);
  set(model.add("Unsqueeze", {"x"}, "a"), "axes", std::vector<int64_t>{0, 3});
  set(model.add("Squeeze", {"a"}, "y"), "axes", std::vector<int64_t>{0});
  EXPECT_TRUE(contains(importOne(model), "-> tensor<1x6x1xf32>"));
}

TEST(Onnx, ClipWithBounds) {
  OnnxModel model({1, 4});
  model.scalar("zero", 0);
  model.scalar("six", 6);
  model.add("Clip", {"x", "zero", "six"}, "a");
  model.add("Clip", {"a", "zero"}, "y");
  std::string text = importOne(model);
  EXPECT_TRUE(contains(text, "act relu6"));
  EXPECT_TRUE(contains(text, "act relu :"));
}

TEST(Onnx, ClipToAnotherBoundIsScaledRelu6) {
  OnnxModel model({1, 4});
  model.scalar("zero", 0);
  model.scalar("three", 3);
  model.add("Clip", {"x", "zero", "three"}, "y");
  model.addOutput("y");
  Imported imported = model.import();
  EXPECT_EQ(imported.weight("y.scale").vec(), std::vector<float>{2});
  EXPECT_TRUE(contains(imported.text, "act relu6"));
}

TEST(Onnx, GatedSigmoidsAreActivations) {
  OnnxModel model({1, 4});
  model.add("Sigmoid", {"x"}, "s");
  model.add("Mul", {"x", "s"}, "a");
  setFloat(model.add("HardSigmoid", {"a"}, "h"), "alpha", 1.0f / 6);
  model.add("Mul", {"h", "a"}, "y");
  std::string text = importOne(model);
  EXPECT_TRUE(contains(text, "act silu"));
  EXPECT_TRUE(contains(text, "act hard_swish"));
  EXPECT_FALSE(contains(text, "sigmoid"));
}

TEST(Onnx, GateOfASqueezeAndExciteBlockIsRepeated) {
  OnnxModel model({1, 4, 8, 8});
  model.add("GlobalAveragePool", {"x"}, "p");
  model.add("Sigmoid", {"p"}, "s");
  model.add("Mul", {"s", "x"}, "y");
  EXPECT_TRUE(contains(importOne(model),
                       ": tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32> -> "
                       "tensor<1x8x8x4xf32>"));
}

TEST(Onnx, ConstantPerChannelIsAVector) {
  for (auto dims : {OnnxModel::Dims{4, 1, 1}, OnnxModel::Dims{1, 4, 1, 1}}) {
    OnnxModel model({1, 4, 8, 8});
    model.floats("gamma", dims);
    model.add("Mul", {"gamma", "x"}, "y");
    EXPECT_TRUE(contains(importOne(model),
                         ": tensor<1x8x8x4xf32>, tensor<4xf32> -> "
                         "tensor<1x8x8x4xf32>"));
  }
}

TEST(Onnx, ConstantOfAnyShapeThatRepeats) {
  OnnxModel model({1, 4, 8, 8});
  model.floats("rows", {8, 1});
  model.scalar("one", 1);
  model.add("Add", {"x", "rows"}, "a");
  model.add("Add", {"a", "one"}, "y");
  std::string text = importOne(model);
  EXPECT_TRUE(contains(text, "tensor<1x8x1x1xf32>"));
  EXPECT_TRUE(contains(text, "tensor<1x1x1x1xf32>"));
}

TEST(Onnx, BatchNormalization) {
  OnnxModel model({1, 4, 8, 8});
  for (const char *name : {"s", "o", "m", "v"})
    model.floats(name, {4});
  setFloat(model.add("BatchNormalization", {"x", "s", "o", "m", "v"}, "y"),
           "epsilon", 0.5f);
  EXPECT_TRUE(contains(importOne(model),
                       "epsilon 5.000000e-01 : tensor<1x8x8x4xf32>, "
                       "tensor<4xf32>"));
}

TEST(Onnx, Pooling) {
  OnnxModel model({1, 4, 8, 8});
  NodeProto &max = model.add("MaxPool", {"x"}, "a");
  set(max, "kernel_shape", {3, 3});
  set(max, "strides", {2, 2});
  set(max, "ceil_mode", 1);
  NodeProto &average = model.add("AveragePool", {"a"}, "y");
  set(average, "kernel_shape", {3, 3});
  set(average, "pads", {1, 1, 1, 1});
  set(average, "count_include_pad", 1);
  std::string text = importOne(model);
  // The last, partial window is made whole at the end of the input.
  EXPECT_TRUE(contains(text, "mobile.pool2d max %0 window [3, 3] stride [2, 2] "
                             "pad [0, 1, 0, 1]"));
  EXPECT_TRUE(contains(text, "window [3, 3] pad [1, 1, 1, 1] count_pad"));
}

TEST(Onnx, ReduceMeanOfAttributeAndInputAxes) {
  OnnxModel old({1, 4, 8, 8}, 13);
  NodeProto &mean = old.add("ReduceMean", {"x"}, "y");
  set(mean, "axes", {-1, -2});
  set(mean, "keepdims", 0);
  EXPECT_TRUE(
      contains(importOne(old), "tensor<1x1x1x4xf32> -> tensor<1x4xf32>"));
  OnnxModel current({1, 4, 8, 8}, 18);
  current.integers("axes", {2, 3});
  current.add("ReduceMean", {"x", "axes"}, "y");
  EXPECT_TRUE(contains(importOne(current), "mobile.pool2d average %0 window "
                                           "[8, 8]"));
}

TEST(Onnx, ReductionOfOtherAxesIsAPoolOfRows) {
  OnnxModel model({2, 3, 4}, 18);
  model.integers("axes", {0, 2});
  set(model.add("ReduceMax", {"x", "axes"}, "y"), "keepdims", 0);
  std::string text = importOne(model);
  EXPECT_TRUE(contains(text, "mobile.transpose %arg0 [0, 2, 1]"));
  EXPECT_TRUE(contains(text, "mobile.pool2d max"));
  EXPECT_TRUE(contains(text, "window [8, 1] : tensor<1x8x1x3xf32> -> "
                             "tensor<1x1x1x3xf32>"));
}

TEST(Onnx, SumIsTheMeanTimesTheCount) {
  OnnxModel model({1, 4, 8, 2}, 13);
  model.add("ReduceSum", {"x"}, "y");
  model.addOutput("y");
  EXPECT_EQ(model.import().weight("y.scale").vec(), std::vector<float>{64});
}

TEST(Onnx, ReductionOfNothing) {
  OnnxModel model({1, 4}, 18);
  set(model.add("ReduceMean", {"x"}, "a"), "noop_with_empty_axes", 1);
  model.add("Relu", {"a"}, "y");
  EXPECT_TRUE(contains(importOne(model), "mobile.activate %arg0 act relu"));
}

TEST(Onnx, PadOfTwoAxes) {
  OnnxModel model({1, 4, 8, 8}, 18);
  model.integers("pads", {1, 2, 3, 4});
  model.integers("axes", {2, -1});
  model.add("Pad", {"x", "pads", "", "axes"}, "y");
  EXPECT_TRUE(contains(importOne(model), "mobile.pad %0 pad [1, 3, 2, 4]"));
}

TEST(Onnx, FlattenOfAMapTransposesFirst) {
  OnnxModel model({1, 4, 8, 8});
  model.add("Relu", {"x"}, "a");
  model.add("Flatten", {"a"}, "y");
  std::string text = importOne(model);
  EXPECT_TRUE(contains(text, "mobile.transpose %1 [0, 3, 1, 2]"));
  EXPECT_TRUE(contains(text, "tensor<1x4x8x8xf32> -> tensor<1x256xf32>"));
}

TEST(Onnx, NhwcModelNeedsNoTranspose) {
  OnnxModel model({1, 8, 8, 3});
  model.floats("w", {4, 3, 3, 3});
  set(model.add("Transpose", {"x"}, "nchw"), "perm", {0, 3, 1, 2});
  model.add("Conv", {"nchw", "w"}, "c");
  set(model.add("Transpose", {"c"}, "y"), "perm", {0, 2, 3, 1});
  model.addOutput("y");
  EXPECT_EQ(model.import().count("mobile.transpose"), 0u);
}

TEST(Onnx, MapOutputIsTransposedBack) {
  OnnxModel model({1, 3, 8, 8});
  model.add("Relu", {"x"}, "y");
  EXPECT_TRUE(contains(importOne(model), "return %2 : tensor<1x3x8x8xf32>"));
}

TEST(Onnx, ShapesAndIdentities) {
  OnnxModel model({1, 6}, 13);
  model.integers("axis", {1});
  model.integers("target", {0, 2, -1});
  model.add("Identity", {"x"}, "a");
  model.add("Dropout", {"a"}, "b");
  model.add("Unsqueeze", {"b", "axis"}, "c");
  model.add("Squeeze", {"c", "axis"}, "d");
  model.add("Reshape", {"d", "target"}, "y");
  EXPECT_TRUE(contains(importOne(model),
                       "mobile.reshape %arg0 : tensor<1x6xf32> -> "
                       "tensor<1x2x3xf32>"));
}

TEST(Onnx, MatMulOfMoreThanTwoDimensions) {
  OnnxModel model({1, 5, 4});
  model.floats("w", {4, 3});
  model.floats("b", {3});
  model.add("MatMul", {"x", "w"}, "m");
  model.add("Add", {"m", "b"}, "a");
  set(model.add("Softmax", {"a"}, "y"), "axis", 1);
  std::string text = importOne(model);
  EXPECT_TRUE(contains(text, "mobile.linear"));
  EXPECT_TRUE(contains(text, "tensor<1x5x3xf32>, tensor<3xf32>"));
  // Softmax is over the last dimension, so the axis is brought there.
  EXPECT_TRUE(contains(text, "mobile.softmax %6 : tensor<1x3x5xf32>"));
}

TEST(Onnx, MatMulOfTwoValues) {
  OnnxModel model({4, 2, 3});
  set(model.add("Transpose", {"x"}, "t"), "perm", {0, 2, 1});
  model.add("MatMul", {"x", "t"}, "m");
  model.integers("start", {0});
  model.add("Unsqueeze", {"m", "start"}, "y");
  EXPECT_TRUE(contains(importOne(model),
                       "mobile.matmul %arg0, %0 : tensor<4x2x3xf32>, "
                       "tensor<4x3x2xf32> -> tensor<4x2x2xf32>"));
}

// The op repeats its right side only: (x' m')' is written instead.
TEST(Onnx, MatMulThatRepeatsItsLeftSide) {
  OnnxModel model({4, 2, 3});
  model.integers("one", {1, 1, 24});
  model.integers("matrix", {8, 3});
  model.add("Reshape", {"x", "one"}, "r");
  model.add("Reshape", {"r", "matrix"}, "m");
  set(model.add("Transpose", {"x"}, "t"), "perm", {0, 2, 1});
  model.add("MatMul", {"m", "t"}, "y");
  EXPECT_TRUE(contains(importOne(model),
                       "mobile.matmul %arg0, %1 : tensor<4x2x3xf32>, "
                       "tensor<1x3x8xf32> -> tensor<4x2x8xf32>"));
}

TEST(Onnx, MatMulOfVectors) {
  OnnxModel model({3});
  model.floats("w", {3, 2});
  model.floats("v", {2});
  model.add("MatMul", {"x", "w"}, "row");
  model.add("MatMul", {"row", "v"}, "number");
  model.add("Relu", {"number"}, "y");
  std::string text = importOne(model);
  EXPECT_TRUE(contains(text, "tensor<1x3xf32>, tensor<3x2xf32> -> "));
  EXPECT_TRUE(contains(text, "tensor<1x2xf32>, tensor<2x1xf32> -> "));
  EXPECT_TRUE(contains(text, "mobile.activate %5 act relu : tensor<f32>"));
}

TEST(Onnx, GemmOfFactorsAndATransposedInput) {
  OnnxModel model({2, 3});
  model.floats("w", {2, 4});
  model.floats("c", {4});
  NodeProto &gemm = model.add("Gemm", {"x", "w", "c"}, "y");
  set(gemm, "transA", 1);
  setFloat(gemm, "alpha", 0.5f);
  setFloat(gemm, "beta", 2);
  model.addOutput("y");
  Imported imported = model.import();
  EXPECT_TRUE(contains(imported.text, "mobile.transpose %arg0 [1, 0]"));
  EXPECT_EQ(imported.weight("w.alpha")[3], 1.5f);
  EXPECT_EQ(imported.weight("c.beta")[3], 6);
}

TEST(Onnx, GemmAddsAMatrix) {
  OnnxModel model({2, 3});
  model.floats("w", {3, 4});
  model.floats("c", {2, 1});
  model.add("Gemm", {"x", "w", "c"}, "y");
  EXPECT_TRUE(contains(importOne(model), "mobile.add %1, %2 : tensor<2x4xf32>, "
                                         "tensor<2x1xf32>"));
}

// The ops would take one number for a vector of length 1.
TEST(Onnx, OneNumberIsRepeatedToAVector) {
  OnnxModel model({5});
  model.scalar("two", 2);
  model.add("Mul", {"x", "two"}, "y");
  EXPECT_TRUE(contains(importOne(model), "mobile.mul %0, %1 : tensor<1x5xf32>, "
                                         "tensor<1x1xf32>"));
}

TEST(Onnx, NumbersOfSixtyFourBits) {
  OnnxModel model({1, 2});
  TensorProto &wide = model.initializer("wide");
  wide.set_data_type(TensorProto::DOUBLE);
  wide.add_dims(2);
  for (double x : {0.1, -1e300})
    wide.add_double_data(x);
  TensorProto &raw = model.initializer("raw");
  raw.set_data_type(TensorProto::DOUBLE);
  raw.add_dims(1);
  raw.set_raw_data(std::string("\0\0\0\0\0\0\xf8\x3f", 8));
  TensorProto &shape = model.initializer("shape");
  shape.set_data_type(TensorProto::UINT64);
  shape.add_dims(1);
  shape.add_uint64_data(2);
  model.add("Add", {"x", "wide"}, "a");
  model.add("Mul", {"a", "raw"}, "b");
  model.add("Reshape", {"b", "shape"}, "y");
  model.addOutput("y");
  Imported imported = model.import();
  EXPECT_EQ(imported.weight("wide").vec(),
            (std::vector<float>{0.1f, -INFINITY}));
  EXPECT_EQ(imported.weight("raw").vec(), std::vector<float>{1.5f});
  EXPECT_TRUE(contains(imported.text, "-> (tensor<2xf32>"));
}

TEST(Onnx, NumbersOfSixteenBitsAreWidened) {
  OnnxModel model({1, 3});
  TensorProto &half = model.initializer("half");
  half.set_data_type(TensorProto::FLOAT16);
  half.add_dims(3);
  for (int bits : {0x3c00, 0xc000, 0x0001})
    half.add_int32_data(bits);
  TensorProto &bfloat = model.initializer("bfloat");
  bfloat.set_data_type(TensorProto::BFLOAT16);
  bfloat.add_dims(3);
  bfloat.set_raw_data(std::string("\x80\x3f\x00\xc0\x80\x7f", 6));
  model.add("Add", {"x", "half"}, "a");
  model.add("Mul", {"a", "bfloat"}, "y");
  model.addOutput("y");
  Imported imported = model.import();
  EXPECT_EQ(imported.weight("half").vec(),
            (std::vector<float>{1, -2, 0x1p-24f}));
  EXPECT_EQ(imported.weight("bfloat").vec(),
            (std::vector<float>{1, -2, INFINITY}));
}

TEST(Onnx, ExternalDataUnderTheModelsFolder) {
  TemporaryFolder folder;
  OnnxModel model = makeClassifier();
  TensorProto &w = model.initializer("w");
  w.clear_float_data();
  w.set_data_location(TensorProto::EXTERNAL);
  for (auto [key, value] :
       {std::pair("location", "data/w.bin"), std::pair("offset", "4"),
        std::pair("length", "432")}) {
    auto *entry = w.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  std::filesystem::create_directory(folder / "data");
  std::vector<float> numbers(109);
  numbers[1] = 42;
  folder.write("data/w.bin",
               std::string(reinterpret_cast<char *>(numbers.data()),
                           numbers.size() * 4));
  Imported imported(folder.write("m.onnx", model.proto.SerializeAsString()),
                    {});
  ASSERT_EQ(imported.weight("w").size(), 108u) << imported.text;
  EXPECT_EQ(imported.weight("w")[0], 42);
}

TEST(Onnx, FreeDimensions) {
  OnnxModel model = makeClassifier();
  auto *shape = model.graph()
                    .mutable_input(0)
                    ->mutable_type()
                    ->mutable_tensor_type()
                    ->mutable_shape();
  shape->mutable_dim(0)->set_dim_param("batch");
  EXPECT_TRUE(contains(model.importText(), "%arg0: tensor<1x3x8x8xf32>"));
  shape->mutable_dim(2)->set_dim_param("height");
  EXPECT_TRUE(contains(model.importText(),
                       "input 'x' leaves the size of dimension 2 'height' "
                       "open; give it with --input-shape x:1,3,?,8"));
  // Some exporters write -1 for what is free.
  shape->mutable_dim(0)->set_dim_value(-1);
  shape->mutable_dim(3)->set_dim_value(-1);
  EXPECT_TRUE(contains(model.importText(),
                       "dimension 2 'height' and 3 open; give it with "
                       "--input-shape x:1,3,?,? (a number for each ?)"));
  minnow::ImportOptions options;
  options.inputShapes = {{"x", {1, 3, 16, 8}}};
  EXPECT_TRUE(contains(model.importText(options), "tensor<1x3x16x8xf32>"));
}

// Paddings as PyTorch writes them: zeros are appended to the pairs of the last
// dimensions, and the pairs are reversed and transposed into ONNX's order.
TEST(Onnx, PaddingComputedFromConstants) {
  OnnxModel model({1, 3, 8, 8});
  model.integers("pairs", {0, 1, 0, 2});
  model.integers("count", {4});
  model.integers("shape", {-1, 2});
  model.integers("first", {-1});
  model.integers("last", {INT64_MIN + 1});
  model.integers("axis", {0});
  model.integers("minus_one", {-1});
  model.integers("flat", {-1});
  model.add("ConstantOfShape", {"count"}, "zeros");
  set(model.add("Cast", {"zeros"}, "int_zeros"), "to", TensorProto::INT64);
  set(model.add("Concat", {"pairs", "int_zeros"}, "all"), "axis", 0);
  model.add("Reshape", {"all", "shape"}, "rows");
  model.add("Slice", {"rows", "first", "last", "axis", "minus_one"},
            "reversed");
  set(model.add("Transpose", {"reversed"}, "columns"), "perm", {1, 0});
  model.add("Reshape", {"columns", "flat"}, "pads");
  model.add("Pad", {"x", "pads"}, "y");
  EXPECT_TRUE(contains(importOne(model), "pad [0, 2, 0, 1]"));
}

TEST(Onnx, ShapeArithmetic) {
  OnnxModel model({1, 6, 1, 1});
  model.integers("zero", {0});
  model.initializer("zero").clear_dims();
  model.integers("axis", {0});
  model.scalar("two", 2);
  model.add("Shape", {"x"}, "shape");
  set(model.add("Gather", {"shape", "zero"}, "n"), "axis", 0);
  model.add("Unsqueeze", {"n", "axis"}, "rows");
  set(model.add("Cast", {"n"}, "f"), "to", TensorProto::FLOAT);
  model.add("Div", {"f", "two"}, "half"); // 0.5
  model.add("Ceil", {"half"}, "one");
  model.add("Mul", {"one", "two"}, "two_again");
  model.add("Sub", {"two_again", "half"}, "more"); // 1.5
  model.add("Floor", {"more"}, "floor");
  set(model.add("Cast", {"floor"}, "i"), "to", TensorProto::INT64);
  model.add("Neg", {"i"}, "minus");
  model.add("Unsqueeze", {"minus", "axis"}, "columns");
  set(model.add("Concat", {"rows", "columns"}, "target"), "axis", 0);
  model.add("Reshape", {"x", "target"}, "y");
  EXPECT_TRUE(contains(importOne(model), "-> tensor<1x6xf32>"));
}

TEST(Onnx, UnusedWeightsAreLeftOut) {
  OnnxModel model = makeClassifier();
  model.floats("unused", {5});
  model.add("Add", {"x", "unused_constant"}, "dead");
  model.scalar("unused_constant", 1);
  Imported imported = model.import();
  EXPECT_FALSE(contains(imported.text, "unused"));
  EXPECT_EQ(imported.count("mobile.weight"), 4u);
}

/// Files of the right size full of zeros stand for the graphs' weights.
TEST(Onnx, ExportedNetworks) {
  struct {
    const char *name;
    uint64_t macs;
  } rows[] = {{"mobilenetv4_conv_small.torchscript", 186005568},
              {"mobilenetv4_conv_small.dynamo", 186005568},
              {"mobilenet_v2.torchscript", 300774272},
              {"mobilenet_v2.dynamo", 300774272},
              {"efficientnet_lite0.torchscript", 385187552},
              {"efficientnet_lite0.dynamo", 385187552}};
  namespace fs = std::filesystem;
  TemporaryFolder folder;
  for (auto [name, macs] : rows) {
    std::string file = folder / (std::string(name) + ".onnx");
    fs::copy_file(std::string(GOLDEN_GRAPHS) + "/" + name + ".onnx", file);
    std::string data = folder / (std::string(name) + ".data");
    std::ofstream{data};
    fs::resize_file(data, 32 << 20);
    Imported imported(file, {});
    EXPECT_EQ(imported.macs(), macs) << imported.text;
    EXPECT_EQ(imported.count("mobile.transpose"), 1u) << name;
  }
}
