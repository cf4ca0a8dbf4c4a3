//===- DecodeImage.cpp - JPEG and PNG by stb_image
//--------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one file that sees stb_image, restricted to the two formats, with kernels
// of JpegKernels.h in place of its own.
//===----------------------------------------------------------------------===//
#include "runtime/FileBytes.h"
#include "runtime/Image.h"
#include "runtime/JpegKernels.h"

#include <climits>
#include <cstdlib>
#include <memory>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 65500
// stb_image has pointers to all its kernels but this one. With parentheses only
// its definition is renamed; where its address is taken, ours is found.
#define stbi__resample_row_h_2(...) stbi__unused_row_h_2(__VA_ARGS__)
static constexpr auto *stbi__resample_row_h_2 = minnow::jpeg::widen;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace minnow {
namespace {

/// A decoder needs up to 15 bytes a pixel, and a file of a hundred bytes may
/// claim any size; this is above what cameras make, short of whole gigabytes.
constexpr uint64_t kMaxPixels = uint64_t(120) << 20;

using Pixels = std::unique_ptr<stbi_uc, void (*)(void *)>;

Pixels decodeJpeg(stbi__context &context) {
  int width = 0, height = 0, channels = 0;
  // Zeroed: a corrupt file can make the decoder read tables it never filled.
  const std::unique_ptr<void, void (*)(void *)> memory(
      std::calloc(1, sizeof(stbi__jpeg)), std::free);
  auto *decoder = static_cast<stbi__jpeg *>(memory.get());
  if (!decoder)
    return Pixels(nullptr, stbi_image_free);
  decoder->s = &context;
  decoder->idct_block_kernel = jpeg::inverseDct;
  decoder->YCbCr_to_RGB_kernel = jpeg::toRgb;
  decoder->resample_row_hv_2_kernel = jpeg::widenBetween;
  return Pixels(load_jpeg_image(decoder, &width, &height, &channels, 3),
                stbi_image_free);
}

Pixels decode(const uint8_t *bytes, int size) {
  int width = 0, height = 0, channels = 0;
  stbi__context context;
  stbi__start_mem(&context, bytes, size);
  if (stbi__jpeg_test(&context))
    return decodeJpeg(context);
  return Pixels(
      stbi_load_from_memory(bytes, size, &width, &height, &channels, 3),
      stbi_image_free);
}

} // namespace

minnow_status decodeImage(const uint8_t *bytes, uint64_t size, const char *name,
                          Image &image, minnow_error *error) {
  int width = 0, height = 0, channels = 0;
  if (size == 0 || size > INT_MAX ||
      !stbi_info_from_memory(bytes, int(size), &width, &height, &channels))
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "'%s' is neither a JPEG nor a PNG image", name);
  if (uint64_t(width) * uint64_t(height) > kMaxPixels)
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "'%s' has %d x %d pixels, more than the %llu supported: make "
                "it smaller",
                name, width, height,
                static_cast<unsigned long long>(kMaxPixels));
  const Pixels pixels = decode(bytes, int(size));
  if (!pixels)
    return fail(error, MINNOW_STATUS_BAD_FILE, "cannot decode '%s': %s", name,
                stbi_failure_reason());
  image.width = uint32_t(width);
  image.height = uint32_t(height);
  image.pixels.assign(pixels.get(),
                      pixels.get() + size_t(width) * size_t(height) * 3);
  return MINNOW_STATUS_OK;
}

minnow_status readImage(const char *path, Image &image, minnow_error *error) {
  FileBytes file;
  if (minnow_status status = file.map(path, error))
    return status;
  return decodeImage(file.data(), file.size(), path, image, error);
}

} // namespace minnow
