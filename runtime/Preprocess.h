//===- Preprocess.h - from a photo to a network's input
//---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluation as torchvision and timm do it: Resize(short side), CenterCrop,
// ToTensor, Normalize; then the input's layout and type.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_PREPROCESS_H
#define MINNOW_RUNTIME_PREPROCESS_H

#include "runtime/Image.h"

namespace minnow {

/// The size after Resize(`shortSide`): the other side is truncated to whole
/// pixels, at least one.
struct ImageSize {
  uint64_t width, height;
};
ImageSize sizeAfterResize(uint32_t width, uint32_t height, uint32_t shortSide);

/// Where CenterCrop begins along an axis: half the rest, a half pixel rounded
/// to even as Python's round does. `crop` <= `size`.
uint64_t cropOffset(uint64_t size, uint32_t crop);

/// Resizes and crops `image` for an input of `width` x `height` pixels.
Image fitImage(const Image &image, const minnow_preprocessing_info &how,
               uint32_t width, uint32_t height);

/// Fills `data` (input.bytes) with the image, for an input that
/// minnow_model_preprocessing describes.
void imageToInput(const Image &image, const minnow_preprocessing_info &how,
                  const minnow_tensor_info &input, void *data);

} // namespace minnow

#endif // MINNOW_RUNTIME_PREPROCESS_H
