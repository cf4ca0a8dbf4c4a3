#===- safetensors_file.py - writes .safetensors -------------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A writer for float32 .safetensors files that needs nothing but numpy.

A file is a little-endian 64-bit header length, a JSON header padded with
spaces to a multiple of 8, then the tensors' bytes without gaps.
"""

import json
import os

import numpy as np


def write(path, tensors):
    """Writes {key: array} to `path` as float32; a failure leaves no partial file."""
    arrays = {key: np.ascontiguousarray(value, dtype="<f4") for key, value in tensors.items()}
    header, offset = {}, 0
    for key, array in arrays.items():
        end = offset + array.nbytes
        header[key] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    partial = f"{path}.partial"
    try:
        with open(partial, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for array in arrays.values():
                file.write(array.data)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
