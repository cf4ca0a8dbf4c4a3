//===- Preprocess.cpp - from a photo to a network's input
//-------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of the float operations is torchvision's, so that a float input is
// the same to the last bit.
//===----------------------------------------------------------------------===//
#include "runtime/Preprocess.h"
#include "runtime/Values.h"

#include <algorithm>
#include <cstring>

namespace minnow {

ImageSize sizeAfterResize(uint32_t width, uint32_t height, uint32_t shortSide) {
  const uint64_t small = std::min(width, height);
  const uint64_t large = uint64_t(shortSide) * std::max(width, height) / small;
  return width <= height ? ImageSize{shortSide, large}
                         : ImageSize{large, shortSide};
}

uint64_t cropOffset(uint64_t size, uint32_t crop) {
  const uint64_t rest = size - crop;
  const uint64_t half = rest / 2;
  return half + (rest % 2 && half % 2);
}

Image fitImage(const Image &image, const minnow_preprocessing_info &how,
               uint32_t width, uint32_t height) {
  const ImageSize full = sizeAfterResize(image.width, image.height, how.resize);
  const Region region = {cropOffset(full.width, width),
                         cropOffset(full.height, height), width, height};
  return resizeRegion(image, full.width, full.height, region,
                      std::strcmp(how.interpolation, "bicubic") == 0
                          ? Interpolation::Bicubic
                          : Interpolation::Bilinear);
}

void imageToInput(const Image &image, const minnow_preprocessing_info &how,
                  const minnow_tensor_info &input, void *data) {
  const bool nchw = std::strcmp(input.layout, "nchw") == 0;
  const uint32_t height = input.dims[nchw ? 2 : 1];
  const uint32_t width = input.dims[nchw ? 3 : 2];
  const Image fitted = fitImage(image, how, width, height);
  const size_t area = size_t(width) * height;
  std::vector<float> values(area * 3);
  for (size_t pixel = 0; pixel < area; ++pixel)
    for (size_t c = 0; c < 3; ++c) {
      const float unit = float(fitted.pixels[pixel * 3 + c]) / 255.0f;
      values[nchw ? c * area + pixel : pixel * 3 + c] =
          (unit - how.mean[c]) / how.std[c];
    }
  fromFloats(values, input, data);
}

} // namespace minnow
