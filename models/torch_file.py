#===- torch_file.py - reads PyTorch's old .pth files without PyTorch -----===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads a state_dict saved by torch.save before its zip format (torch < 1.6).

Such a file is a row of pickles: magic number, protocol, writer's type sizes,
the object, the list of storage keys; then, for each key, a 64-bit element
count and the raw values. Only the classes that a state_dict needs may be
unpickled, so a hostile file can run no code.
"""

import collections
import pickle

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class FormatError(Exception):
    """The file is not what this reader knows; the message says what was found."""


class _Unpickler(pickle.Unpickler):
    """Leaves storages as (dtype, key, count) and tensors as tuples on them."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: (storage, offset, shape, stride)
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise FormatError(f"refuses to load {module}.{name}")

    def persistent_load(self, reference):
        kind, dtype, key, _, count, view = reference
        if kind != "storage" or view is not None:
            raise FormatError(f"unknown reference {kind}")
        return dtype, key, count


def _read_storages(file, keys, counts):
    """{key: array} from the file's tail; checks each count and the end."""
    storages = {}
    for key in keys:
        dtype, count = counts[key]
        if int.from_bytes(file.read(8), "little") != count:
            raise FormatError(f"storage {key} has the wrong length")
        data = file.read(count * dtype.itemsize)
        if len(data) != count * dtype.itemsize:
            raise FormatError("the file is cut off")
        storages[key] = np.frombuffer(data, dtype)
    return storages


def _view(storage, offset, shape, stride):
    """The tensor in its storage; weights that came from TensorFlow are transposed views."""
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride))
    if min((offset, *stride)) < 0 or last >= storage.size:
        raise FormatError("a tensor reaches outside its storage")
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, strides, writeable=False)


def read_state_dict(path):
    """{key: numpy array} of the .pth file; raises FormatError or OSError."""
    with open(path, "rb") as file:
        try:
            header = [_Unpickler(file).load() for _ in range(3)]
            if header[0] != _MAGIC:
                raise FormatError("no .pth file of the old format")
            tensors = _Unpickler(file).load()
            keys = _Unpickler(file).load()
            counts = {key: (dtype, count) for (dtype, key, count), *_ in tensors.values()}
            storages = _read_storages(file, keys, counts)
            return {key: _view(storages[storage], offset, shape, stride)
                    for key, ((_, storage, _), offset, shape, stride) in tensors.items()}
        except (pickle.UnpicklingError, EOFError, LookupError, ValueError, TypeError, AttributeError) as error:
            raise FormatError(f"not a state_dict of the old format ({error})") from error
