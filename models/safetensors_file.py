#===- safetensors_file.py - reads and writes .safetensors ---------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Float32 .safetensors files with nothing but numpy.

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


class FormatError(Exception):
    """The file is no float32 .safetensors file; the message says why."""


def read(path):
    """{key: float32 array} of a file whose tensors are all F32."""
    with open(path, "rb") as file:
        data = file.read()
    length = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:8 + length])
        header.pop("__metadata__", None)
        return {key: _tensor(data[8 + length:], **entry) for key, entry in header.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} is no float32 .safetensors file: {error}") from error


def _tensor(data, dtype, shape, data_offsets):
    if dtype != "F32":
        raise ValueError(f"dtype {dtype} instead of F32")
    begin, end = data_offsets
    return np.frombuffer(data[begin:end], "<f4").reshape(shape)
