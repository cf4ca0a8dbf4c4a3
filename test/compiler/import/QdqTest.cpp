//===- QdqTest.cpp - quantized ONNX models --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What becomes of QuantizeLinear and DequantizeLinear, and of wrong ones.
//===----------------------------------------------------------------------===//
#include "test/compiler/import/OnnxModel.h"
#include <cmath>

using namespace minnow::test;
using onnx::TensorProto;

/// `values` as elements of `type`, of one or of no dimension.
static TensorProto &integers(OnnxModel &model, const std::string &name,
                             TensorProto::DataType type,
                             std::vector<int32_t> values,
                             OnnxModel::Dims dims = {}) {
  TensorProto &tensor = *model.graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (int64_t size : dims)
    tensor.add_dims(size);
  for (int32_t value : values)
    tensor.add_int32_data(value);
  return tensor;
}

static void setScales(TensorProto &tensor, std::vector<float> values) {
  tensor.clear_dims();
  tensor.add_dims(values.size());
  tensor.clear_float_data();
  for (float value : values)
    tensor.add_float_data(value);
}

/// x [1, 2, 4, 4] -> pair 'q', 'dq' -> Conv of the quantized filter "w" [2, 2,
/// 1, 1] and bias "b" -> pair 'q2', 'dq2' -> y. Nodes 0 to 6.
static OnnxModel makeQuantized() {
  OnnxModel model({1, 2, 4, 4});
  model.scalar("s", 0.5f);
  integers(model, "z", TensorProto::UINT8, {125});
  integers(model, "w", TensorProto::INT8, {1, -127, 3, 4}, {2, 2, 1, 1});
  setScales(model.scalar("ws", 0), {0.25f, 0.125f});
  integers(model, "wz", TensorProto::INT8, {0, 0}, {2});
  integers(model, "b", TensorProto::INT32, {1000, -7}, {2});
  setScales(model.scalar("bs", 0), {0.125f, 0.0625f});
  integers(model, "bz", TensorProto::INT32, {0, 0}, {2});
  model.scalar("s2", 0.75f);
  integers(model, "z2", TensorProto::UINT8, {0});
  model.add("QuantizeLinear", {"x", "s", "z"}, "q");
  model.add("DequantizeLinear", {"q", "s", "z"}, "dq");
  set(model.add("DequantizeLinear", {"w", "ws", "wz"}, "wf"), "axis", 0);
  set(model.add("DequantizeLinear", {"b", "bs", "bz"}, "bf"), "axis", 0);
  model.add("Conv", {"dq", "wf", "bf"}, "c");
  model.add("QuantizeLinear", {"c", "s2", "z2"}, "q2");
  model.add("DequantizeLinear", {"q2", "s2", "z2"}, "y");
  model.addOutput("y");
  return model;
}

TEST(Qdq, IntegersKeepTheirScales) {
  Imported imported = makeQuantized().import();
  const std::string &text = imported.text;
  EXPECT_TRUE(contains(text, "mobile.quantize %arg0 : tensor<1x2x4x4xf32> -> "
                             "tensor<1x2x4x4x!quant.uniform<u8:f32, "
                             "5.000000e-01:125>>"));
  // The channels of a filter are its last dimension.
  EXPECT_TRUE(contains(
      text, "mobile.get_weight @w : tensor<1x1x2x2x!quant.uniform<i8<-127:127>:"
            "f32:3, {2.500000e-01,1.250000e-01}>>"));
  EXPECT_TRUE(contains(text,
                       "mobile.get_weight @b : tensor<2x!quant.uniform<i32:f32:"
                       "0, {1.250000e-01,6.250000e-02}>>"));
  EXPECT_TRUE(contains(text, "!quant.uniform<u8:f32, 7.500000e-01>"));
  EXPECT_EQ(imported.count("mobile.quantize"), 2u);
  EXPECT_EQ(imported.count("mobile.dequantize"), 4u);
}

TEST(Qdq, ZeroPointsMayBeLeftOut) {
  OnnxModel model = makeQuantized();
  for (int i : {0, 1, 2, 3, 5, 6})
    model.node(i).mutable_input()->RemoveLast();
  std::string text = model.importText();
  EXPECT_TRUE(contains(text, "!quant.uniform<u8:f32, 5.000000e-01>"));
  EXPECT_TRUE(
      contains(text, "i8<-127:127>:f32:3, {2.500000e-01,1.250000e-01}"));
}

TEST(Qdq, ConstantsAreQuantizedAtCompileTime) {
  OnnxModel model({1, 4, 4, 4});
  model.floats("w", {4, 4, 1, 1});
  model.scalar("s", 0.5f);
  integers(model, "z", TensorProto::INT8, {0});
  model.add("QuantizeLinear", {"w", "s", "z"}, "wq");
  model.add("DequantizeLinear", {"wq", "s", "z"}, "wf");
  model.add("Conv", {"x", "wf"}, "y");
  model.addOutput("y");
  Imported imported = model.import();
  EXPECT_TRUE(contains(imported.text, "mobile.get_weight @wq : tensor<1x1x4x4x"
                                      "!quant.uniform<i8<-127:127>:f32, "
                                      "5.000000e-01>>"));
}

class BrokenQdq : public testing::TestWithParam<Fault> {};

TEST_P(BrokenQdq, IsOneMessage) {
  OnnxModel model = makeQuantized();
  GetParam().breakModel(model);
  std::string text = model.importText();
  EXPECT_TRUE(contains(text, GetParam().message));
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

static const Fault faults[] = {
    {"ZeroScale",
     [](OnnxModel &model) { setScales(model.initializer("ws"), {0.25f, 0}); },
     "DequantizeLinear 'wf_node': the scale of channel 1 is 0.000000; it must "
     "be a positive finite number"},
    {"NanScale",
     [](OnnxModel &model) { setScales(model.initializer("s2"), {NAN}); },
     "QuantizeLinear 'q2_node': the scale is nan"},
    {"ScalesThatDiffer",
     [](OnnxModel &model) { model.node(1).set_input(1, "s2"); },
     "DequantizeLinear 'dq_node': reads scale 0.750000, zero point 125, and "
     "its input was quantized with 0.500000 and 125"},
    {"FewerZeroPoints",
     [](OnnxModel &model) { model.node(2).set_input(2, "z"); },
     "DequantizeLinear 'wf_node': has 2 scales and 1 zero points"},
    {"ScalesOfAnotherDimension",
     [](OnnxModel &model) { set(model.node(2), "axis", 2); },
     "DequantizeLinear 'wf_node': has 2 scales for dimension 2 of the shape "
     "[2, 2, 1, 1]"},
    {"AxisBeyond", [](OnnxModel &model) { set(model.node(2), "axis", 4); },
     "DequantizeLinear 'wf_node': axis 4"},
    {"MixedTypes",
     [](OnnxModel &model) {
       model.initializer("wz").set_data_type(TensorProto::UINT8);
     },
     "DequantizeLinear 'wf_node': mixes precisions: x and its zero point have "
     "different types"},
    {"SixteenBits",
     [](OnnxModel &model) {
       model.initializer("z").set_data_type(TensorProto::UINT16);
     },
     "QuantizeLinear 'q_node': the zero point is of 16 bits; only INT8 and "
     "UINT8 are supported"},
    {"ScalesOfAnActivation",
     [](OnnxModel &model) {
       model.node(0).set_input(1, "ws");
       model.node(0).set_input(2, "wz");
     },
     "QuantizeLinear 'q_node': has 2 scales; a value computed at run time can "
     "have one only"},
    {"Blocks", [](OnnxModel &model) { set(model.node(2), "block_size", 2); },
     "DequantizeLinear 'wf_node': quantizes in blocks of 2"},
    {"NotQuantized", [](OnnxModel &model) { model.node(1).set_input(0, "x"); },
     "DequantizeLinear 'dq_node': its input is not quantized"},
    {"QuantizedTwice",
     [](OnnxModel &model) { model.node(5).set_input(0, "q"); },
     "QuantizeLinear 'q2_node': its input is quantized already"},
    {"QuantizedOutput",
     [](OnnxModel &model) { model.graph().mutable_output(0)->set_name("q2"); },
     "output 'q2' is quantized; end the network with a DequantizeLinear"},
};

INSTANTIATE_TEST_SUITE_P(Faults, BrokenQdq, testing::ValuesIn(faults),
                         nameOfFault);
