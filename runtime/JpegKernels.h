//===- JpegKernels.h - the arithmetic of libjpeg
//----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A JPEG file does not say how its numbers are rounded, and training saw
// libjpeg's pixels (Pillow, OpenCV and TensorFlow all decode by it). stb_image
// rounds otherwise and is up to 3 of 255 away from that after the resize; with
// these kernels in their place it is the same to the last bit.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_JPEGKERNELS_H
#define MINNOW_RUNTIME_JPEGKERNELS_H

#include <cstdint>

namespace minnow::jpeg {

/// The accurate integer inverse DCT ("islow") of one 8x8 block of dequantized
/// coefficients; writes 8 rows of 8 samples, `stride` bytes apart.
void inverseDct(uint8_t *to, int stride, short coefficients[64]);

/// YCbCr to RGB for `count` pixels, `step` bytes (3 or 4) apart in `to`.
void toRgb(uint8_t *to, const uint8_t *y, const uint8_t *cb, const uint8_t *cr,
           int count, int step);

/// A chroma row of `width` samples to twice its width, by the triangle filter.
/// `far` and `factor` are not used; they are of stb_image's signature.
uint8_t *widen(uint8_t *to, uint8_t *near, uint8_t *far, int width, int factor);

/// The same for chroma of half the height too: `near` is the closer of the two
/// rows between which the result lies.
uint8_t *widenBetween(uint8_t *to, uint8_t *near, uint8_t *far, int width,
                      int factor);

} // namespace minnow::jpeg

#endif // MINNOW_RUNTIME_JPEGKERNELS_H
