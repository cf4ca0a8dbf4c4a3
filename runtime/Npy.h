//===- Npy.h - numpy's array files
//------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads versions 1.0 to 3.0 and writes 1.0, little endian, C order, of the
// element types that programs have. A file may be hostile: nothing is believed
// that its size does not bear out.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_NPY_H
#define MINNOW_RUNTIME_NPY_H

#include "runtime/Error.h"

#include <string>
#include <vector>

namespace minnow {

struct NpyArray {
  minnow_type type = MINNOW_TYPE_F32;
  std::vector<uint64_t> shape; // empty: one element without dimensions
  std::vector<uint8_t> data;   // in C order
};

/// Reads the file `path`. MINNOW_STATUS_BAD_FILE says what is wrong with it,
/// MINNOW_STATUS_UNSUPPORTED which order or type it has and which would do.
minnow_status readNpy(const char *path, NpyArray &array, minnow_error *error);

/// The same for the `size` bytes at `bytes`; `name` is for messages.
minnow_status parseNpy(const uint8_t *bytes, uint64_t size, const char *name,
                       NpyArray &array, minnow_error *error);

/// Writes an array to `path`, under a temporary name first, so that a failure
/// leaves no partial file. `data` holds the product of `shape` elements.
minnow_status writeNpy(const char *path, minnow_type type,
                       const std::vector<uint64_t> &shape, const void *data,
                       minnow_error *error);

/// "(1, 3, 224, 224)".
std::string shapeText(const std::vector<uint64_t> &shape);

} // namespace minnow

#endif // MINNOW_RUNTIME_NPY_H
