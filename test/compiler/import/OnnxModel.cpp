//===- OnnxModel.cpp - ONNX models made in tests --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the protobuf messages; see OnnxModel.h.
//===----------------------------------------------------------------------===//
#include "test/compiler/import/OnnxModel.h"

using namespace minnow;
using namespace minnow::test;
using onnx::AttributeProto, onnx::NodeProto, onnx::TensorProto;

OnnxModel::OnnxModel(Dims input, int64_t opset) {
  proto.set_ir_version(8);
  proto.add_opset_import()->set_version(opset);
  graph().set_name("test");
  addInput("x", std::move(input));
}

void OnnxModel::addInput(const std::string &name, Dims dims) {
  auto *input = graph().add_input();
  input->set_name(name);
  auto *type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(TensorProto::FLOAT);
  auto *shape = type->mutable_shape();
  for (int64_t dim : dims)
    shape->add_dim()->set_dim_value(dim);
}

void OnnxModel::addOutput(const std::string &name) {
  graph().add_output()->set_name(name);
}

TensorProto &OnnxModel::initializer(const std::string &name) {
  for (TensorProto &tensor : *graph().mutable_initializer())
    if (tensor.name() == name)
      return tensor;
  TensorProto &tensor = *graph().add_initializer();
  tensor.set_name(name);
  return tensor;
}

TensorProto &OnnxModel::floats(const std::string &name, Dims dims) {
  TensorProto &tensor = initializer(name);
  tensor.set_data_type(TensorProto::FLOAT);
  int64_t count = 1;
  for (int64_t dim : dims) {
    tensor.add_dims(dim);
    count *= dim;
  }
  for (int64_t i = 0; i < count; ++i)
    tensor.add_float_data(float(i));
  return tensor;
}

TensorProto &OnnxModel::scalar(const std::string &name, float value) {
  TensorProto &tensor = floats(name, {});
  tensor.set_float_data(0, value);
  return tensor;
}

TensorProto &OnnxModel::integers(const std::string &name, Dims values) {
  TensorProto &tensor = initializer(name);
  tensor.set_data_type(TensorProto::INT64);
  tensor.add_dims(values.size());
  for (int64_t value : values)
    tensor.add_int64_data(value);
  return tensor;
}

NodeProto &OnnxModel::add(const std::string &type, Names inputs,
                          const std::string &output) {
  NodeProto &node = *graph().add_node();
  node.set_op_type(type);
  node.set_name(output + "_node");
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output(output);
  return node;
}

Imported OnnxModel::import(const ImportOptions &options) const {
  TemporaryFolder folder;
  return Imported(folder.write("test.onnx", proto.SerializeAsString()),
                  options);
}

static AttributeProto &attribute(NodeProto &node, const std::string &name,
                                 AttributeProto::AttributeType type) {
  AttributeProto *found = nullptr;
  for (AttributeProto &existing : *node.mutable_attribute())
    if (existing.name() == name)
      found = &existing;
  if (!found)
    found = node.add_attribute();
  found->Clear();
  found->set_name(name);
  found->set_type(type);
  return *found;
}

void minnow::test::set(NodeProto &node, const std::string &name,
                       int64_t value) {
  attribute(node, name, AttributeProto::INT).set_i(value);
}

void minnow::test::set(NodeProto &node, const std::string &name,
                       std::vector<int64_t> values) {
  AttributeProto &ints = attribute(node, name, AttributeProto::INTS);
  for (int64_t value : values)
    ints.add_ints(value);
}

void minnow::test::setFloat(NodeProto &node, const std::string &name,
                            float value) {
  attribute(node, name, AttributeProto::FLOAT).set_f(value);
}

void minnow::test::setString(NodeProto &node, const std::string &name,
                             const std::string &value) {
  attribute(node, name, AttributeProto::STRING).set_s(value);
}

OnnxModel minnow::test::makeClassifier() {
  OnnxModel model({1, 3, 8, 8});
  model.floats("w", {4, 3, 3, 3});
  model.floats("b", {4});
  model.floats("fc", {2, 4});
  model.floats("fc_b", {2});
  NodeProto &conv = model.add("Conv", {"x", "w", "b"}, "c");
  conv.set_name("conv");
  set(conv, "strides", {2, 2});
  set(conv, "pads", {1, 1, 1, 1});
  model.add("Relu", {"c"}, "r");
  model.add("GlobalAveragePool", {"r"}, "p");
  model.add("Flatten", {"p"}, "f");
  NodeProto &gemm = model.add("Gemm", {"f", "fc", "fc_b"}, "y");
  gemm.set_name("gemm");
  set(gemm, "transB", 1);
  model.addOutput("y");
  return model;
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

void minnow::test::expectOneMessage(const Fault &fault) {
  OnnxModel model = makeClassifier();
  fault.breakModel(model);
  std::string text = model.importText();
  EXPECT_TRUE(contains(text, fault.message));
  EXPECT_TRUE(contains(text, "test.onnx: error: "));
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

std::string
minnow::test::nameOfFault(const testing::TestParamInfo<Fault> &info) {
  return info.param.name;
}

void minnow::test::PrintTo(const Fault &fault, std::ostream *stream) {
  *stream << fault.name;
}

onnx::TypeProto::Tensor &minnow::test::inputType(OnnxModel &model) {
  return *model.graph().mutable_input(0)->mutable_type()->mutable_tensor_type();
}

void minnow::test::setExternal(OnnxModel &model, const std::string &location,
                               const std::string &offset) {
  TensorProto &w = model.initializer("w");
  w.clear_float_data();
  w.set_data_location(TensorProto::EXTERNAL);
  for (auto [key, value] :
       {std::pair("location", location), std::pair("offset", offset)}) {
    auto *entry = w.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
}
