//===- Image.h - photos, decoded and resampled
//------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A network answers for what its training saw, and that was Pillow's resize:
// antialiased, in two passes with 8 bits between them. This is the same
// arithmetic, so the pixels are the same.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_IMAGE_H
#define MINNOW_RUNTIME_IMAGE_H

#include "runtime/Error.h"

#include <vector>

namespace minnow {

/// 8-bit RGB, rows from the top, channels interleaved.
struct Image {
  uint32_t width = 0;
  uint32_t height = 0;
  std::vector<uint8_t> pixels; // height x width x 3
};

enum class Interpolation { Bilinear, Bicubic };

/// A part of an image, in pixels.
struct Region {
  uint64_t left, top;
  uint32_t width, height;
};

/// Decodes a JPEG or PNG file. Grey becomes RGB, alpha is dropped, EXIF's
/// orientation is not applied, as with Pillow's convert("RGB").
minnow_status readImage(const char *path, Image &image, minnow_error *error);

/// The same for bytes in memory; `name` is for messages.
minnow_status decodeImage(const uint8_t *bytes, uint64_t size, const char *name,
                          Image &image, minnow_error *error);

/// The part `region` of what Pillow's Image.resize((width, height), filter)
/// makes of `image`; bit-exact. Only what the region needs is computed, so the
/// cost and the memory do not grow with width and height. `region` lies inside.
Image resizeRegion(const Image &image, uint64_t width, uint64_t height,
                   const Region &region, Interpolation interpolation);

} // namespace minnow

#endif // MINNOW_RUNTIME_IMAGE_H
