//===- BrokenOnnxTest.cpp - what import says of bad ONNX files ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Faults of the file, the graph and its tensors. Files that are cut or have
// wrong bytes must end in some message, or be another good model, but never end
// the program.
//===----------------------------------------------------------------------===//
#include "test/compiler/import/OnnxModel.h"
#include <filesystem>
#include <random>

using namespace minnow::test;
using onnx::TensorProto;
using Model = OnnxModel;

class BrokenOnnx : public testing::TestWithParam<Fault> {};

TEST_P(BrokenOnnx, HasOneMessage) { expectOneMessage(GetParam()); }

static const Fault fileFaults[] = {
    {"NoGraph", [](Model &m) { m.proto.clear_graph(); }, "holds no graph"},
    {"NoNodes", [](Model &m) { m.graph().clear_node(); },
     "has a graph without nodes"},
    {"SparseInitializer", [](Model &m) { m.graph().add_sparse_initializer(); },
     "has sparse initializers; save them dense"},
    {"NoOpset", [](Model &m) { m.proto.clear_opset_import(); },
     "does not say which operator set"},
    {"OldOpset",
     [](Model &m) { m.proto.mutable_opset_import(0)->set_version(10); },
     "uses operator set 10; export it with one from 11 to 28"},
    {"NewOpset",
     [](Model &m) { m.proto.mutable_opset_import(0)->set_version(29); },
     "uses operator set 29"},
    {"NoInput", [](Model &m) { m.graph().clear_input(); },
     "the graph has no input"},
    {"NoOutput", [](Model &m) { m.graph().clear_output(); },
     "the graph has no output"},
    {"TwoInputsOfOneName", [](Model &m) { m.addInput("x", {1, 3, 8, 8}); },
     "two inputs are named 'x'"},
    {"NamelessInput", [](Model &m) { m.addInput("", {1, 3, 8, 8}); },
     "an input of the graph has no name"},
    {"IntegerInput",
     [](Model &m) { inputType(m).set_elem_type(TensorProto::INT64); },
     "input 'x' is not a tensor of FLOAT"},
    {"InputWithoutShape", [](Model &m) { inputType(m).clear_shape(); },
     "input 'x' has no shape; give it with --input-shape x:1,3,224,224"},
    {"NegativeInput",
     [](Model &m) {
       inputType(m).mutable_shape()->mutable_dim(2)->set_dim_value(-8);
     },
     "absurd shape [1, 3, -8, 8]"},
    {"EmptyInput",
     [](Model &m) {
       inputType(m).mutable_shape()->mutable_dim(2)->set_dim_value(0);
     },
     "absurd shape [1, 3, 0, 8]"},
    {"HugeInput",
     [](Model &m) {
       inputType(m).mutable_shape()->mutable_dim(2)->set_dim_value(huge);
     },
     "absurd shape"},
    {"BatchOfInput",
     [](Model &m) {
       inputType(m).mutable_shape()->mutable_dim(0)->set_dim_value(8);
     },
     "only batch 1 is compiled"},
    {"OutputOfNoNode",
     [](Model &m) { m.graph().mutable_output(0)->set_name("z"); },
     "output 'z' is written by no node"},
    {"ConstantOutput",
     [](Model &m) { m.graph().mutable_output(0)->set_name("w"); },
     "output 'w' does not depend on any input"},
};

static const Fault graphFaults[] = {
    {"UnknownName", [](Model &m) { *m.node(1).mutable_input(0) = "nothing"; },
     "Relu 'r_node': reads 'nothing', which is no input"},
    {"NotInOrder",
     [](Model &m) { m.graph().mutable_node()->SwapElements(0, 1); },
     "Relu 'r_node': reads 'c' before it is written; the nodes form a cycle"},
    {"Cycle", [](Model &m) { *m.node(0).mutable_input(0) = "f"; },
     "Conv 'conv': reads 'f' before it is written"},
    {"WrittenTwice", [](Model &m) { *m.node(1).mutable_output(0) = "c"; },
     "two nodes write 'c'"},
    {"WritesAnInput", [](Model &m) { m.add("Relu", {"c"}, "x"); },
     "writes 'x', which is an input"},
    {"InitializedTwice",
     [](Model &m) { m.graph().add_initializer()->set_name("w"); },
     "the name 'w' is given to two inputs or initializers"},
    {"NamelessInitializer", [](Model &m) { m.graph().add_initializer(); },
     "an initializer has no name"},
    {"NodeWithoutOutput", [](Model &m) { m.add("Relu", {"c"}, ""); },
     "Relu '_node': has no output"},
    {"SecondOutputUsed",
     [](Model &m) {
       m.add("Dropout", {"c"}, "d").add_output("mask");
       m.add("Relu", {"mask"}, "u");
     },
     "its output 1, 'mask', is used"},
    {"TooFewInputs",
     [](Model &m) {
       m.node(0).mutable_input()->RemoveLast();
       m.node(0).mutable_input()->RemoveLast();
     },
     "Conv 'conv': has 1 inputs, expected at least 2"},
    {"InputLeftOut", [](Model &m) { *m.node(1).mutable_input(0) = ""; },
     "Relu 'r_node': input 0 is missing"},
    {"ControlCharacters",
     [](Model &m) { m.node(1).set_op_type("Re\x1b[31mlu\n"); },
     "not supported: Re\\1B[31mlu\\0A (node 'r_node')"},
    {"LongName",
     [](Model &m) {
       m.node(0).set_name(std::string(1000, 'a') + "\n");
       set(m.node(0), "group", 2);
     },
     "aaa...': group 2"},
};

static const Fault tensorFaults[] = {
    {"TooFewNumbers",
     [](Model &m) { m.initializer("w").mutable_float_data()->RemoveLast(); },
     "initializer 'w' has 107 numbers, its shape [4, 3, 3, 3] needs 108"},
    {"TooFewBytes", [](Model &m) { m.initializer("w").set_raw_data("abcd"); },
     "initializer 'w' has 4 bytes of data"},
    {"OverflowingShape",
     [](Model &m) {
       for (int i = 0; i < 4; ++i)
         m.initializer("w").set_dims(i, int64_t(1) << 32);
     },
     "initializer 'w' has the absurd shape"},
    {"OverflowingShapeBesideZero",
     [](Model &m) {
       m.initializer("w").clear_float_data();
       m.initializer("w").set_dims(0, 0);
       m.initializer("w").set_dims(1, int64_t(1) << 40);
     },
     "initializer 'w' has the absurd shape [0, 1099511627776, 3, 3]"},
    {"NegativeShape", [](Model &m) { m.initializer("w").set_dims(0, -4); },
     "absurd shape [-4, 3, 3, 3]"},
    {"ComplexWeights",
     [](Model &m) { m.initializer("w").set_data_type(TensorProto::COMPLEX64); },
     "initializer 'w' has elements of COMPLEX64"},
    {"UnknownType", [](Model &m) { m.initializer("w").set_data_type(99); },
     "elements of type 99"},
    {"IntegerWeights",
     [](Model &m) {
       TensorProto &w = m.initializer("w");
       w.set_data_type(TensorProto::INT64);
       for (float value : w.float_data())
         w.add_int64_data(int64_t(value));
     },
     "Conv 'conv': input 1, 'w', holds integers, expected floats"},
    {"Segment",
     [](Model &m) { m.initializer("w").mutable_segment()->set_begin(0); },
     "is split in segments"},
    {"ExternalMissing", [](Model &m) { setExternal(m, "w.bin"); },
     "initializer 'w' lies in 'w.bin', which cannot be read"},
    {"ExternalAbove", [](Model &m) { setExternal(m, "../w.bin"); },
     "'../w.bin', which is not a plain path under the model's folder"},
    {"ExternalAboveInside", [](Model &m) { setExternal(m, "a/../../w.bin"); },
     "which is not a plain path"},
    {"ExternalAbsolute", [](Model &m) { setExternal(m, "/etc/passwd"); },
     "'/etc/passwd', which is not a plain path"},
    {"ExternalNowhere", [](Model &m) { setExternal(m, ""); },
     "lies in '', which is not a plain path"},
    {"ExternalFolder", [](Model &m) { setExternal(m, "."); },
     "which leads out of the model's folder"},
    {"ExternalTooShort",
     [](Model &m) { setExternal(m, "test.onnx", "100000"); },
     "initializer 'w' lies at bytes 100000"},
    {"ExternalOffsetOverflow",
     [](Model &m) { setExternal(m, "test.onnx", "18446744073709551615"); },
     "of 'test.onnx', which has only"},
    {"ExternalOffsetNoNumber",
     [](Model &m) { setExternal(m, "test.onnx", "-1"); },
     "offset of its external data is '-1', not a number"},
};

INSTANTIATE_TEST_SUITE_P(File, BrokenOnnx, testing::ValuesIn(fileFaults),
                         nameOfFault);
INSTANTIATE_TEST_SUITE_P(Graph, BrokenOnnx, testing::ValuesIn(graphFaults),
                         nameOfFault);
INSTANTIATE_TEST_SUITE_P(Tensor, BrokenOnnx, testing::ValuesIn(tensorFaults),
                         nameOfFault);

//===----------------------------------------------------------------------===//
// More than one model
//===----------------------------------------------------------------------===//

TEST(BrokenOnnxFile, UnsupportedOperatorsAreListedTogether) {
  OnnxModel model = makeClassifier();
  model.add("Resize", {"c"}, "a").set_name("up");
  model.add("Einsum", {"a"}, "d").set_name("first");
  model.add("Einsum", {"d"}, "e").set_name("second");
  model.add("Ceil", {"c"}, "s").set_name("round");
  model.add("QLinearAdd", {"c"}, "g").set_domain("com.microsoft");
  std::string text = model.importText();
  EXPECT_TRUE(contains(
      text,
      "these operators are not supported: Ceil of values computed at run time "
      "(node 'round'), Einsum (nodes 'first', 'second'), Resize (node 'up'), "
      "com.microsoft.QLinearAdd (node 'g_node'); `minnow compile --list-ops` "
      "prints those that are"));
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

TEST(BrokenOnnxFile, FaultsOfDifferentNodesAreAllReported) {
  OnnxModel model = makeClassifier();
  set(model.node(0), "group", 2);
  model.floats("other", {4, 4, 1, 1});
  model.add("Conv", {"x", "other"}, "z").set_name("z_conv");
  std::string text = model.importText();
  EXPECT_TRUE(contains(text, "Conv 'conv': group 2"));
  EXPECT_TRUE(contains(text, "layer 'z_conv': filter takes 4 channels"));
}

TEST(BrokenOnnxFile, ShapesOnTheCommandLine) {
  minnow::ImportOptions options;
  options.inputShapes = {{"y", {1, 3, 8, 8}}};
  EXPECT_TRUE(contains(makeClassifier().importText(options),
                       "--input-shape names 'y'; the inputs are 'x'"));
  options.inputShapes = {{"x", {1, 3, 9, 8}}};
  EXPECT_TRUE(contains(makeClassifier().importText(options),
                       "--input-shape gives input 'x' the shape [1, 3, 9, 8], "
                       "the model says [1, 3, 8, 8]"));
  options.inputShapes = {};
  options.weights = "random:1";
  EXPECT_TRUE(contains(makeClassifier().importText(options),
                       "--weights is for networks by name"));
}

TEST(BrokenOnnxFile, LinkOutOfTheModelsFolder) {
  TemporaryFolder folder, other;
  OnnxModel model = makeClassifier();
  setExternal(model, "w.bin");
  std::filesystem::create_symlink(other.write("w.bin", std::string(432, 'a')),
                                  folder / "w.bin");
  Imported imported(folder.write("m.onnx", model.proto.SerializeAsString()),
                    {});
  EXPECT_TRUE(contains(imported.text, "which leads out of the model's folder"));
}

TEST(BrokenOnnxFile, NoModelAtAll) {
  TemporaryFolder folder;
  EXPECT_TRUE(contains(Imported(folder / "none.onnx", {}).text,
                       "none.onnx: error: cannot be read: No such file"));
  EXPECT_TRUE(contains(Imported(folder.write("a.onnx", ""), {}).text,
                       "a.onnx: error: is empty"));
  EXPECT_TRUE(
      contains(Imported(folder.write("b.onnx", "Hello, world"), {}).text,
               "is not an ONNX model, or is truncated or corrupt"));
  std::filesystem::create_directory(folder / "c.onnx");
  EXPECT_TRUE(contains(Imported(folder / "c.onnx", {}).text,
                       "c.onnx: error: cannot be read: Is a directory"));
}

TEST(BrokenOnnxFile, EveryPrefixEndsInAMessage) {
  TemporaryFolder folder;
  std::string bytes = makeClassifier().proto.SerializeAsString();
  for (size_t size = 0; size < bytes.size(); size += 3) {
    Imported imported(folder.write("m.onnx", bytes.substr(0, size)), {});
    EXPECT_TRUE(imported.module || contains(imported.text, "m.onnx: error: "));
  }
}

TEST(BrokenOnnxFile, WrongBytesEndInAMessageOrAModule) {
  TemporaryFolder folder;
  std::string bytes = makeClassifier().proto.SerializeAsString();
  std::mt19937 random(1);
  for (int i = 0; i < 1500; ++i) {
    std::string broken = bytes;
    for (int changes = 1 + random() % 4; changes; --changes)
      broken[random() % broken.size()] = char(random());
    Imported imported(folder.write("m.onnx", broken), {});
    EXPECT_TRUE(imported.module || contains(imported.text, "m.onnx: error: "));
  }
}
