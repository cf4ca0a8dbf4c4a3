//===- NetworksTest.cpp - named networks and their weights ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The described networks with seeded weights, whose bits models/seeded.py
// gives, and .safetensors files, good and bad.
//===----------------------------------------------------------------------===//
#include "compiler/import/networks/WeightSource.h"
#include "test/compiler/import/Support.h"
#include "llvm/ADT/bit.h"

using namespace minnow;
using namespace minnow::test;

//===----------------------------------------------------------------------===//
// Seeded weights
//===----------------------------------------------------------------------===//

/// The first three numbers of a seeded tensor.
static std::vector<float>
firstNumbers(const char *key, std::vector<int64_t> shape, uint64_t seed) {
  auto tensor = importer::seededTensor(key, shape, seed);
  if (!tensor || tensor->size() < 3)
    return {};
  return {tensor->floats().begin(), tensor->floats().begin() + 3};
}

// Each row is printed by models/seeded.py.
TEST(SeededWeights, AreThoseOfTheFormula) {
  using Numbers = std::vector<float>;
  EXPECT_EQ(firstNumbers("conv_stem.weight", {32, 3, 3, 3}, 1),
            (Numbers{-0x1.545044p-2f, -0x1.cfd78p-4f, 0x1.7b59bp-2f}));
  EXPECT_EQ(firstNumbers("bn1.running_var", {32}, 1),
            (Numbers{0x1.2d46e4p+0f, 0x1.dec708p-1f, 0x1.3c0ac6p+0f}));
  EXPECT_EQ(firstNumbers("blocks.0.1.conv.weight", {32, 32, 1, 1}, 1u),
            (Numbers{0x1.223354p-2f, 0x1.fc6ee8p-6f, -0x1.e3fa7ap-5f}));
  EXPECT_EQ(firstNumbers("blocks.1.0.dw_start.conv.weight", {64, 1, 5, 5}, 7u),
            (Numbers{0x1.62cbcap-4f, 0x1.94d9bp-4f, 0x1.db3f0cp-6f}));
  EXPECT_EQ(
      firstNumbers("classifier.weight", {1000, 1280}, 18446744073709551615u),
      (Numbers{0x1.7d46d4p-6f, -0x1.d4165p-7f, -0x1.2a897p-10f}));
  EXPECT_EQ(firstNumbers("bn1.weight", {32}, 1u),
            (Numbers{0x1.d35dp-1f, 0x1.b99788p-1f, 0x1.f68418p-1f}));
  EXPECT_EQ(firstNumbers("classifier.bias", {1000}, 3u),
            (Numbers{0x1.8a7a94p-4f, -0x1.350dcp-5f, -0x1.4241ap-6f}));
  EXPECT_EQ(firstNumbers("bn1.running_mean", {32}, 0u),
            (Numbers{0x1.e02748p-5f, 0x1.9c225p-6f, 0x1.58dccp-7f}));
  EXPECT_EQ(firstNumbers("blocks.2.4.layer_scale.gamma", {160}, 1u),
            (Numbers{0x1.5ae028p-1f, 0x1.5347f8p-1f, 0x1.8e6d88p-2f}));
}

TEST(SeededWeights, NeedARuleForTheKey) {
  EXPECT_FALSE(importer::seededTensor("bn.num_batches_tracked", {}, 1));
  EXPECT_FALSE(importer::seededTensor("position", {4}, 1));
}

//===----------------------------------------------------------------------===//
// The described networks
//===----------------------------------------------------------------------===//

static ImportOptions namedOptions(std::string weights = "random:1") {
  ImportOptions options;
  options.weights = std::move(weights);
  options.modelsDirectory = MODELS_DIRECTORY;
  return options;
}

TEST(Networks, HaveTheMacsOfTheirSources) {
  const std::pair<const char *, uint64_t> rows[] = {
      {"mobilenetv4_conv_small", 186005568},
      {"mobilenetv4_conv_medium", 1080244224},
      {"mobilenet_v2", 300774272},
      {"efficientnet_lite0", 385187552}};
  for (auto [name, macs] : rows) {
    Imported imported(name, namedOptions());
    EXPECT_EQ(imported.macs(), macs) << imported.text;
    EXPECT_EQ(imported.count("mobile.transpose"), 1u) << name;
  }
}

TEST(Networks, SamePaddingIsExplicit) {
  Imported imported("efficientnet_lite0", namedOptions());
  EXPECT_TRUE(contains(imported.text,
                       "stride [2, 2] pad [0, 1, 0, 1] : "
                       "tensor<1x224x224x3xf32>, tensor<3x3x3x32xf32>"));
  EXPECT_TRUE(contains(imported.text, "stride [2, 2] pad [1, 2, 1, 2]"));
  EXPECT_TRUE(contains(imported.text,
                       "mobile.preprocessing = {interpolation = \"bicubic\""));
}

TEST(Networks, TakeOtherInputSizes) {
  ImportOptions options = namedOptions();
  options.inputShapes = {{"input", {1, 3, 96, 128}}};
  EXPECT_TRUE(contains(Imported("mobilenet_v2", options).text,
                       "%arg0: tensor<1x3x96x128xf32>"));
  options.inputShapes = {{"input", {1, 4, 96, 128}}};
  EXPECT_TRUE(contains(Imported("mobilenet_v2", options).text,
                       "expected [1, 3, height, width]"));
  options.inputShapes = {{"x", {1, 3, 96, 128}}};
  EXPECT_TRUE(contains(Imported("mobilenet_v2", options).text,
                       "--input-shape names 'x'; the only input is 'input'"));
}

TEST(Networks, WithoutWeightsOrOfUnknownName) {
  EXPECT_TRUE(contains(Imported("mobilenet_v2", namedOptions("")).text,
                       "mobilenet_v2: error: needs weights: --weights "
                       "FILE.safetensors, or --weights random:SEED"));
  for (const char *seed :
       {"random:", "random:-1", "random:18446744073709551616"})
    EXPECT_TRUE(contains(Imported("mobilenet_v2", namedOptions(seed)).text,
                         "the seed must be a number from 0 to 2^64 - 1"));
  std::string text = Imported("mobilenet_v9", namedOptions()).text;
  EXPECT_TRUE(contains(text, "is neither an .onnx file nor a known network; "
                             "the networks are 'efficientnet_lite0', "));
  EXPECT_TRUE(contains(Imported("../models/mobilenet_v2", namedOptions()).text,
                       "is neither"));
}

TEST(Networks, AttentionIsOnePrimitive) {
  ImportOptions options = namedOptions();
  Imported imported("mobilenetv4_hybrid_medium", options);
  EXPECT_EQ(imported.macs(), 1271183360u);
  EXPECT_EQ(imported.count("mobile.attention"), 8u);
  EXPECT_EQ(imported.count("mobile.transpose"), 1u);
  EXPECT_TRUE(contains(imported.text,
                       "heads 4 scale 1.250000e-01 : tensor<1x16x16x256xf32>, "
                       "tensor<1x8x8x64xf32>, tensor<1x8x8x64xf32>"));
}

TEST(Networks, CanBeFilesOfTheirOwn) {
  ImportOptions options;
  options.weights = "random:1";
  Imported block(GOLDEN_BLOCKS "/extradw_layer_scale_gelu.json", options);
  EXPECT_TRUE(contains(block.text, "func.func @extradw_layer_scale_gelu"));
  EXPECT_EQ(block.count("mobile.mul"), 1u);
  EXPECT_TRUE(contains(Imported("/nowhere/net.json", options).text,
                       "the description '/nowhere/net.json' cannot be read: "
                       "No such file"));
}

//===----------------------------------------------------------------------===//
// A small network with a file of weights
//===----------------------------------------------------------------------===//

static const char tiny[] = R"({
  "name": "tiny", "input": [1, 2, 4, 4], "batch_norm_epsilon": 0.001,
  "padding": "symmetric",
  "blocks": [
    {"kind": "conv", "out": 2, "residual": true, "layer_scale": "gamma",
     "layers": [{"op": "conv2d", "weight": "w", "in": 2, "out": 2, "kernel": 1,
                 "stride": 1, "groups": 1, "activation": "relu"}]}]})";

/// A .safetensors file of the header and zeros behind it.
static std::string safetensors(const std::string &header, size_t bytes) {
  std::string file;
  for (int i = 0; i < 8; ++i)
    file += char(header.size() >> (8 * i));
  return file + header + std::string(bytes, '\0');
}

static std::string importTiny(const std::string &weights,
                              const std::string &description = tiny) {
  TemporaryFolder folder;
  ImportOptions options;
  options.modelsDirectory = folder.path;
  folder.write("tiny.json", description);
  options.weights = folder.write("w.safetensors", weights);
  return Imported("tiny", options).text;
}

static const std::string w =
    R"("w":{"dtype":"F32","shape":[2,2,1,1],"data_offsets":[0,16]})";
static const std::string gammaHalf =
    R"("gamma":{"dtype":"F16","shape":[2],"data_offsets":[16,20]})";

TEST(Safetensors, GoodFile) {
  std::string text = importTiny(safetensors(
      "{" + w + "," + gammaHalf +
          R"(,"bn.num_batches_tracked":{"dtype":"I64","shape":[],)"
          R"("data_offsets":[20,28]},"__metadata__":{"format":"pt"}}  )",
      28));
  EXPECT_TRUE(contains(text, "mobile.weight @w"));
  EXPECT_TRUE(contains(text, "mobile.mul"));
  EXPECT_TRUE(contains(text, "mobile.add"));
}

TEST(Safetensors, ReadsBytesInOrder) {
  TemporaryFolder folder;
  ImportOptions options;
  options.modelsDirectory = folder.path;
  folder.write("tiny.json", tiny);
  std::string file = safetensors("{" + w + "," + gammaHalf + "}", 0);
  for (float value : {1.0f, 2.0f, 3.0f, 4.0f})
    file.append(reinterpret_cast<char *>(&value), 4);
  file += std::string("\x00\x3c\x00\xb8", 4); // 1, -0.5
  options.weights = folder.write("w.safetensors", file);
  Imported imported("tiny", options);
  // [out, in] -> [in, out].
  EXPECT_EQ(imported.weight("w").vec(), (std::vector<float>{1, 3, 2, 4}));
  EXPECT_EQ(imported.weight("gamma").vec(), (std::vector<float>{1, -0.5}));
}

TEST(Safetensors, EveryTensorAtFaultIsNamed) {
  std::string text = importTiny(
      safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                  R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                  8));
  EXPECT_TRUE(contains(text, "2 tensors missing: w, gamma"));
  EXPECT_TRUE(contains(text, "2 tensors not of this network: 'a', 'b'"));
  text = importTiny(safetensors(
      R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},)"
      R"("gamma":{"dtype":"F64","shape":[2],"data_offsets":[16,32]}})",
      32));
  EXPECT_TRUE(contains(
      text, "1 tensor of another shape: w is [4], expected [2, 2, 1, 1]"));
  EXPECT_TRUE(contains(text, "1 tensor not of F32, F16 or BF16: gamma is F64"));
}

namespace {
struct BadFile {
  std::string bytes;
  const char *message;
};
} // namespace

TEST(Safetensors, BadFiles) {
  const std::string both = "{" + w + "," + gammaHalf + "}";
  auto entry = [](const std::string &fields) {
    return safetensors(R"({"w":)" + fields + "}", 16);
  };
  const BadFile rows[] = {
      {"", "shorter than a header"},
      {"1234567", "shorter than a header"},
      {std::string(8, '\xff'), "says that its header has 18446744073709551615"},
      {safetensors(both, 20).substr(0, 40), "it is truncated"},
      {safetensors(both, 19), "'gamma' lies at bytes 16 to 20 of 19"},
      {safetensors(both, 21), "has 1 bytes behind its last tensor"},
      {safetensors("{", 0), "the header is not a JSON object"},
      {safetensors("[]", 0), "the header is not a JSON object"},
      {safetensors(std::string(100000, '['), 0), "not a JSON object"},
      {safetensors("{" + w + "," + w + "}", 16), "the key 'w' is there twice"},
      {entry("1"), "'w' is not described by its dtype, shape and data_offsets"},
      {entry(R"({"dtype":"F33","shape":[4],"data_offsets":[0,16]})"),
       "'w' has the unknown dtype 'F33'"},
      {entry(R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})"),
       "no valid shape and data_offsets"},
      {entry(R"({"dtype":"F32","shape":[4.0],"data_offsets":[0,16]})"),
       "no valid shape and data_offsets"},
      {entry(R"({"dtype":"F32","shape":[4],"data_offsets":[0]})"),
       "no valid shape and data_offsets"},
      {entry(R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})"),
       "lies at bytes 16 to 0"},
      {entry(R"({"dtype":"F32","shape":[5],"data_offsets":[0,16]})"),
       "'w' has 16 bytes, its dtype F32 and shape [5] need 20"},
      {entry(R"({"dtype":"F32","shape":[4294967296,4294967296],)"
             R"("data_offsets":[0,16]})"),
       "absurd shape"},
      {entry(R"({"dtype":"F32","shape":[18446744073709551615],)"
             R"("data_offsets":[0,16]})"),
       "absurd shape"},
      {entry(R"({"dtype":"F32","shape":[3],"data_offsets":[4,16]})"),
       "begins at byte 4, where byte 0 is expected"},
      {safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                   R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                   12),
       "tensors overlap or leave a gap"}};
  for (const BadFile &row : rows) {
    std::string text = importTiny(row.bytes);
    EXPECT_TRUE(contains(text, row.message));
    EXPECT_TRUE(contains(text, "tiny: error: weights '"));
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

TEST(Safetensors, MissingFile) {
  EXPECT_TRUE(contains(
      Imported("mobilenet_v2", namedOptions("/nowhere/w.safetensors")).text,
      "weights '/nowhere/w.safetensors' cannot be read: No such file"));
}

TEST(Descriptions, BadOnes) {
  auto replaced = [](std::string from, const std::string &to) {
    std::string text = tiny;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::pair<std::string, const char *> rows[] = {
      {"{", "is not a description of a network"},
      {"[]", "is not a description of a network"},
      {replaced("\"conv2d\"", "\"conv3d\""), "the op 'conv3d' is unknown"},
      {replaced("\"conv2d\"", "\"squeeze_excite\""), "'layers' not found"},
      {replaced("\"conv2d\"",
                R"("squeeze_excite", "layers": [{"op": "global_average_pool",)"
                R"( "in": 2, "out": 2}])"),
       "squeeze_excite holds something else than conv2d"},
      {replaced("\"relu\"", "\"tanh\""), "the activation 'tanh' is unknown"},
      {replaced("\"symmetric\"", "\"odd\""), "the padding 'odd' is unknown"},
      {replaced("\"stride\": 1", "\"stride\": 0"), "stride is 0"},
      {replaced("\"groups\": 1", "\"groups\": 3"), "w has 3 groups"},
      {replaced("[1, 2, 4, 4]", "[1, 2]"), "expected a shape of 4 dimensions"},
      {replaced("\"gamma\"", "\"w\""), "the key 'w' is used twice"}};
  for (const auto &[description, message] : rows)
    EXPECT_TRUE(contains(importTiny("", description), message));
}
