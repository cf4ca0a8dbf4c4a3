//===- ImageTest.cpp - photos against Pillow and torchvision
//----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fixtures are what those made of the same files (make-image-fixtures.py).
//===----------------------------------------------------------------------===//
#include "runtime/Image.h"
#include "runtime/Npy.h"
#include "runtime/Preprocess.h"
#include "runtime/Values.h"
#include "test/runtime/Support.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

using namespace minnow;
using namespace minnow::test;

namespace {

Image read(const std::string &name) {
  Image image;
  minnow_error error = {};
  EXPECT_EQ(readImage(fixture(name).c_str(), image, &error), MINNOW_STATUS_OK)
      << error.message;
  return image;
}

NpyArray expected(const std::string &name) {
  NpyArray array;
  minnow_error error = {};
  EXPECT_EQ(readNpy(fixture(name).c_str(), array, &error), MINNOW_STATUS_OK)
      << error.message;
  return array;
}

Image resize(const Image &image, uint32_t width, uint32_t height,
             Interpolation kind) {
  return resizeRegion(image, width, height, {0, 0, width, height}, kind);
}

TEST(Image, ResizeEqualsPillow) {
  const Image photo = read("photo.png");
  ASSERT_EQ(photo.width, 53u);
  ASSERT_EQ(photo.height, 37u);
  for (auto [width, height] :
       {std::pair{11, 7}, {30, 37}, {53, 20}, {80, 61}}) {
    const std::string size =
        std::to_string(width) + "x" + std::to_string(height) + ".npy";
    EXPECT_EQ(resize(photo, width, height, Interpolation::Bilinear).pixels,
              expected("bilinear-" + size).data);
    EXPECT_EQ(resize(photo, width, height, Interpolation::Bicubic).pixels,
              expected("bicubic-" + size).data);
  }
}

TEST(Image, SameSizeIsSamePixels) {
  const Image photo = read("photo.png");
  EXPECT_EQ(resize(photo, 53, 37, Interpolation::Bicubic).pixels, photo.pixels);
  EXPECT_EQ(resize(photo, 53, 37, Interpolation::Bilinear).pixels,
            photo.pixels);
}

TEST(Image, RegionIsPartOfTheWhole) {
  const Image photo = read("photo.png");
  const Image whole = resize(photo, 80, 61, Interpolation::Bicubic);
  const Image part =
      resizeRegion(photo, 80, 61, {13, 20, 30, 40}, Interpolation::Bicubic);
  for (uint32_t y = 0; y < 40; ++y)
    EXPECT_EQ(std::memcmp(&part.pixels[size_t(y) * 30 * 3],
                          &whole.pixels[(size_t(y + 20) * 80 + 13) * 3], 90),
              0);
}

TEST(Image, GreyAndAlphaBecomeRgb) {
  const Image photo = read("photo.png");
  EXPECT_EQ(read("rgba.png").pixels, photo.pixels);
  const Image grey = read("grey.png");
  ASSERT_EQ(grey.pixels.size(), photo.pixels.size());
  for (size_t i = 0; i < grey.pixels.size(); i += 3) {
    EXPECT_EQ(grey.pixels[i], grey.pixels[i + 1]);
    EXPECT_EQ(grey.pixels[i], grey.pixels[i + 2]);
  }
}

TEST(Image, SizesAndCropsAreTorchvisions) {
  EXPECT_EQ(sizeAfterResize(640, 427, 256).width, 383u);
  EXPECT_EQ(sizeAfterResize(640, 427, 256).height, 256u);
  EXPECT_EQ(sizeAfterResize(427, 640, 256).height, 383u);
  EXPECT_EQ(sizeAfterResize(1, 65500, 256).height, 256u * 65500u);
  // A half pixel goes to the even side.
  EXPECT_EQ(cropOffset(229, 224), 2u);
  EXPECT_EQ(cropOffset(227, 224), 2u);
  EXPECT_EQ(cropOffset(225, 224), 0u);
  EXPECT_EQ(cropOffset(256, 224), 16u);
}

class Input : public testing::TestWithParam<const char *> {
protected:
  /// Prepares `file` as the fixtures were and returns the values in NCHW.
  std::vector<float> prepare(const std::string &file) {
    const minnow_preprocessing_info how = {
        24, GetParam(), {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    const uint32_t dims[] = {1, 3, 19, 19};
    minnow_tensor_info tensor = {};
    tensor.layout = "nchw";
    tensor.dims = dims;
    tensor.rank = 4;
    tensor.elements = 3 * 19 * 19;
    std::vector<float> values(tensor.elements);
    imageToInput(read(file), how, tensor, values.data());
    return values;
  }

  std::vector<float> reference(const std::string &stem) {
    const NpyArray array =
        expected("input-" + stem + "-" + GetParam() + ".npy");
    return toFloats(array.type, 0, 0, array.data.size() / 4, array.data.data());
  }
};

TEST_P(Input, EqualsTorchvision) {
  EXPECT_EQ(prepare("photo.png"), reference("photo-png"));
}

TEST_P(Input, EqualsTorchvisionForJpeg) {
  EXPECT_EQ(prepare("photo.jpg"), reference("photo-jpg"));
}

INSTANTIATE_TEST_SUITE_P(Filters, Input,
                         testing::Values("bilinear", "bicubic"));

TEST(Image, QuantizedNhwcInput) {
  const minnow_preprocessing_info how = {37, "bilinear", {0, 0, 0}, {1, 1, 1}};
  const uint32_t dims[] = {1, 37, 37, 3};
  minnow_tensor_info tensor = {};
  tensor.layout = "nhwc";
  tensor.dims = dims;
  tensor.rank = 4;
  tensor.type = MINNOW_TYPE_U8;
  tensor.scale = 1.0f / 255.0f;
  tensor.elements = 37 * 37 * 3;
  std::vector<uint8_t> values(tensor.elements);
  const Image photo = read("photo.png");
  imageToInput(photo, how, tensor, values.data());
  EXPECT_EQ(values, fitImage(photo, how, 37, 37).pixels);
}

TEST(Image, BadFilesAreNamed) {
  Image image;
  minnow_error error = {};
  EXPECT_EQ(readImage(fixture("bicubic-11x7.npy").c_str(), image, &error),
            MINNOW_STATUS_BAD_FILE);
  EXPECT_NE(std::strstr(error.message, "neither a JPEG nor a PNG"), nullptr);
  const std::string whole = readFile(fixture("photo.png"));
  const TemporaryFile cut(whole.substr(0, whole.size() / 2));
  EXPECT_EQ(readImage(cut.path.c_str(), image, &error), MINNOW_STATUS_BAD_FILE);
  EXPECT_NE(std::strstr(error.message, "cannot decode"), nullptr);
  const TemporaryFile empty;
  EXPECT_EQ(readImage(empty.path.c_str(), image, &error),
            MINNOW_STATUS_BAD_FILE);
}

TEST(Image, MutatedFilesDoNoHarm) {
  std::mt19937 random(3);
  for (const char *name : {"photo.png", "photo.jpg"}) {
    const std::string whole = readFile(fixture(name));
    for (int round = 0; round < 300; ++round) {
      std::string file = whole;
      for (unsigned i = 0; i <= random() % 8; ++i)
        file[random() % file.size()] = char(random());
      Image image;
      decodeImage(reinterpret_cast<const uint8_t *>(file.data()), file.size(),
                  name, image, nullptr);
    }
  }
}

} // namespace
