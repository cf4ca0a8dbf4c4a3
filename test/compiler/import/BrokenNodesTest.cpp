//===- BrokenNodesTest.cpp - what import says of bad ONNX nodes -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes and inputs that an operator does not allow or that are not
// supported, and constants that cannot be computed.
//===----------------------------------------------------------------------===//
#include "test/compiler/import/OnnxModel.h"

using namespace minnow::test;
using onnx::TensorProto;
using Model = OnnxModel;

class BrokenNodes : public testing::TestWithParam<Fault> {};

TEST_P(BrokenNodes, HasOneMessage) { expectOneMessage(GetParam()); }

/// Puts a node that reads "c" behind the convolution.
static void insertAfterConv(Model &model, const std::string &type,
                            Model::Names inputs) {
  inputs.insert(inputs.begin(), "c");
  model.add(type, std::move(inputs), "inserted");
  // Behind the convolution, before what reads it.
  auto &nodes = *model.graph().mutable_node();
  for (int i = nodes.size() - 1; i > 1; --i)
    nodes.SwapElements(i, i - 1);
  *model.node(2).mutable_input(0) = "inserted";
}

static const Fault nodeFaults[] = {
    {"Groups", [](Model &m) { set(m.node(0), "group", 2); },
     "Conv 'conv': group 2 with filter [4, 3, 3, 3] on 3 channels"},
    {"Dilations", [](Model &m) { set(m.node(0), "dilations", {2, 2}); },
     "dilations [2, 2] are not supported"},
    {"ZeroStride", [](Model &m) { set(m.node(0), "strides", {0, 1}); },
     "strides [0, 1] must be 2 numbers, each from 1 to 1048576"},
    {"HugeStride", [](Model &m) { set(m.node(0), "strides", {huge, huge}); },
     "must be 2 numbers"},
    {"NegativePads", [](Model &m) { set(m.node(0), "pads", {-1, 0, 0, 0}); },
     "pads [-1, 0, 0, 0] must be 4 numbers"},
    {"ShortPads", [](Model &m) { set(m.node(0), "pads", {1, 1}); },
     "pads [1, 1] must be 4 numbers"},
    {"OtherKernel", [](Model &m) { set(m.node(0), "kernel_shape", {5, 5}); },
     "kernel_shape [5, 5] is not that of the filter [4, 3, 3, 3]"},
    {"AutoPad", [](Model &m) { setString(m.node(0), "auto_pad", "NEARLY"); },
     "auto_pad 'NEARLY' is unknown"},
    {"AttributeType", [](Model &m) { set(m.node(0), "strides", 2); },
     "attribute 'strides' is not of the type INTS"},
    {"FilterChannels",
     [](Model &m) {
       m.initializer("w").set_dims(0, 3);
       m.initializer("w").set_dims(1, 4);
     },
     "layer 'conv': filter takes 4 channels, input has 3"},
    {"FilterRank",
     [](Model &m) {
       m.initializer("w").clear_dims();
       m.initializer("w").add_dims(108);
     },
     "the filter has the shape [108], expected [out, in, height, width]"},
    {"FilterTooLarge",
     [](Model &m) {
       inputType(m).mutable_shape()->mutable_dim(2)->set_dim_value(1);
       set(m.node(0), "pads", {0, 0, 0, 0});
     },
     "layer 'conv': the window of 3 exceeds the padded input of 1 rows"},
    {"BiasSize", [](Model &m) { *m.node(0).mutable_input(2) = "fc_b"; },
     "layer 'conv': bias has 2 values, expected 4"},
    {"BiasRank", [](Model &m) { *m.node(0).mutable_input(2) = "fc"; },
     "layer 'conv': 'fc' has the shape [2, 4], expected one dimension"},
    {"FilterAtRunTime", [](Model &m) { *m.node(0).mutable_input(1) = "x"; },
     "input 1, 'x', is computed at run time; it must be a constant"},
    {"ConstantData", [](Model &m) { *m.node(1).mutable_input(0) = "w"; },
     "input 0, 'w', is a constant; it must depend on an input"},
    {"ConvOfAMatrix",
     [](Model &m) {
       inputType(m).mutable_shape()->mutable_dim()->DeleteSubrange(2, 2);
     },
     "the input has the shape [1, 3], expected [batch, channels"},
    {"GemmSize", [](Model &m) { set(m.node(4), "transB", int64_t(0)); },
     "layer 'gemm': filter takes 2 channels, input has 4"},
    {"GemmAddend", [](Model &m) { *m.node(4).mutable_input(2) = "b"; },
     "constant 'b' of shape [4] does not repeat to the shape [1, 2]"},
    {"GemmOfAMap", [](Model &m) { *m.node(4).mutable_input(0) = "p"; },
     "layer 'gemm': the input has the shape [1, 4, 1, 1], expected [rows"},
    {"GemmFilter", [](Model &m) { *m.node(4).mutable_input(1) = "b"; },
     "Gemm 'gemm': input 1 has the shape [4], expected a matrix"},
    {"FlattenAxis", [](Model &m) { set(m.node(3), "axis", 9); },
     "Flatten 'f_node': axis 9 does not exist in 4 dimensions"},
    {"ClipBounds",
     [](Model &m) {
       m.scalar("one", 1);
       insertAfterConv(m, "Clip", {"one"});
     },
     "only 0 to a number above it, or without upper bound, is supported"},
    {"ClipBoundIsAVector", [](Model &m) { insertAfterConv(m, "Clip", {"b"}); },
     "input 1, 'b', must be one number"},
    {"NewerThanTheModel", [](Model &m) { insertAfterConv(m, "Gelu", {}); },
     "Gelu 'inserted_node': exists from operator set 20 on; the model uses 17"},
    {"TooManyInputs", [](Model &m) { insertAfterConv(m, "Relu", {"b"}); },
     "Relu 'inserted_node': has 2 inputs, expected at most 1"},
    {"AddedShapes", [](Model &m) { insertAfterConv(m, "Add", {"x"}); },
     "shapes [1, 4, 4, 4] and [1, 3, 8, 8] do not match"},
    {"AddedConstant", [](Model &m) { insertAfterConv(m, "Add", {"fc_b"}); },
     "constant 'fc_b' of shape [2] does not repeat to the shape [1, 4, 4, 4]"},
    {"MatMulOfValues", [](Model &m) { insertAfterConv(m, "MatMul", {"x"}); },
     "dimension 1 of rhs is 3, expected 1 or lhs's 4"},
    {"BatchNormSize",
     [](Model &m) {
       insertAfterConv(m, "BatchNormalization", {"b", "b", "b", "fc_b"});
     },
     "BatchNormalization 'inserted_node': input 4 has the shape [2], expected "
     "one number for each of 4 channels"},
    {"ReshapeSize",
     [](Model &m) {
       m.integers("shape", {1, 5});
       insertAfterConv(m, "Reshape", {"shape"});
     },
     "cannot reshape [1, 4, 4, 4] to [1, 5]"},
    {"ReshapeOfTwoUnknowns",
     [](Model &m) {
       m.integers("shape", {-1, -1});
       insertAfterConv(m, "Reshape", {"shape"});
     },
     "cannot reshape [1, 4, 4, 4] to [-1, -1]"},
    {"ReshapeOverflow",
     [](Model &m) {
       m.integers("shape", {huge, huge, 2});
       insertAfterConv(m, "Reshape", {"shape"});
     },
     "cannot reshape"},
    {"ReshapeAtRunTime", [](Model &m) { insertAfterConv(m, "Reshape", {"x"}); },
     "input 1, 'x', is computed at run time"},
    {"SqueezeOfMore",
     [](Model &m) {
       m.integers("axes", {1});
       insertAfterConv(m, "Squeeze", {"axes"});
     },
     "cannot squeeze dimension 1 of [1, 4, 4, 4], which is not 1"},
    {"AxisTwice",
     [](Model &m) {
       m.integers("axes", {0, 0});
       insertAfterConv(m, "Unsqueeze", {"axes"});
     },
     "axis 0 is given twice"},
    {"PermutationOfOtherRank",
     [](Model &m) {
       insertAfterConv(m, "Transpose", {});
       set(m.node(1), "perm", {0, 0, 1, 2});
     },
     "perm [0, 0, 1, 2] is no permutation"},
    {"PadOfChannels",
     [](Model &m) {
       m.integers("pads", {0, 1, 0, 0, 0, 0, 0, 0});
       insertAfterConv(m, "Pad", {"pads"});
     },
     "only height and width can be padded"},
    {"PadMode",
     [](Model &m) {
       m.integers("pads", {0, 0, 1, 1, 0, 0, 0, 0});
       insertAfterConv(m, "Pad", {"pads"});
       setString(m.node(1), "mode", "reflect");
     },
     "only constant zeros are supported"},
    {"PoolWithoutWindow", [](Model &m) { insertAfterConv(m, "MaxPool", {}); },
     "kernel_shape [] must be 2 numbers"},
    {"PoolOfPadding",
     [](Model &m) {
       insertAfterConv(m, "MaxPool", {});
       set(m.node(1), "kernel_shape", {2, 2});
       set(m.node(1), "pads", {2, 2, 2, 2});
     },
     "padding 2 must be less than the window of 2"},
    {"MeanTwiceOverAnAxis",
     [](Model &m) {
       insertAfterConv(m, "ReduceMean", {});
       set(m.node(1), "axes", std::vector<int64_t>{1, -3});
     },
     "axis -3 is given twice"},
    {"DropoutInTraining",
     [](Model &m) {
       m.integers("training", {1});
       insertAfterConv(m, "Dropout", {"", "training"});
     },
     "is in training mode"},
    {"HugePadding",
     [](Model &m) {
       set(m.node(0), "pads", {1 << 20, 1 << 20, 1 << 20, 1 << 20});
     },
     "is empty or larger than any that a network computes"},
};

static const Fault constantFaults[] = {
    {"ConstantTooLarge",
     [](Model &m) {
       m.integers("shape", {1 << 20, 1 << 10});
       m.add("ConstantOfShape", {"shape"}, "k");
     },
     "too large to compute at compile time"},
    {"ConstantOfNegativeShape",
     [](Model &m) {
       m.integers("shape", {-1});
       m.add("ConstantOfShape", {"shape"}, "k");
     },
     "gives a constant of the negative shape [-1]"},
    {"GatherOutOfRange",
     [](Model &m) {
       m.integers("i", {4});
       m.add("Gather", {"b", "i"}, "k");
     },
     "index 4 does not exist in 4 elements"},
    {"DivisionByZero",
     [](Model &m) {
       m.integers("zero", {0});
       m.add("Div", {"zero", "zero"}, "k");
     },
     "divides by zero"},
    {"IntegerWithoutSign",
     [](Model &m) {
       m.initializer("all").set_data_type(TensorProto::UINT64);
       m.initializer("all").add_uint64_data(UINT64_MAX);
       m.add("Neg", {"all"}, "k");
     },
     "initializer 'all' has numbers from 2^63 on"},
    {"CastOutOfRange",
     [](Model &m) {
       m.scalar("big", 1e30f);
       set(m.add("Cast", {"big"}, "k"), "to", TensorProto::INT64);
     },
     "not representable as an integer"},
    {"CastToStrings",
     [](Model &m) {
       set(m.add("Cast", {"b"}, "k"), "to", TensorProto::STRING);
     },
     "casts to STRING"},
    {"MixedTypes",
     [](Model &m) {
       m.integers("i", {4});
       m.add("Add", {"b", "i"}, "k");
     },
     "one input holds floats, the other integers"},
    {"BroadcastMismatch", [](Model &m) { m.add("Sub", {"b", "fc_b"}, "k"); },
     "shapes [4] and [2] do not match"},
    {"ConcatMismatch",
     [](Model &m) { set(m.add("Concat", {"b", "fc"}, "k"), "axis", 0); },
     "does not match [4]"},
    {"SliceMismatch",
     [](Model &m) {
       m.integers("one", {1});
       m.integers("two", {1, 2});
       m.add("Slice", {"b", "one", "two"}, "k");
     },
     "has 1 starts, 2 ends, 1 axes and 1 steps; expected as many of each"},
    {"ConstantWithoutValue", [](Model &m) { m.add("Constant", {}, "k"); },
     "holds neither a dense tensor nor numbers"},
};

INSTANTIATE_TEST_SUITE_P(Node, BrokenNodes, testing::ValuesIn(nodeFaults),
                         nameOfFault);
INSTANTIATE_TEST_SUITE_P(Constant, BrokenNodes,
                         testing::ValuesIn(constantFaults), nameOfFault);
