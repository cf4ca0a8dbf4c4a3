#!/usr/bin/env python3
#===- test_torch_file.py - reading .pth files without PyTorch ------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small .pth files, written here as old PyTorch wrote them, read back: a good
one, a transposed one, cut-off, hostile and foreign ones."""

import collections
import io
import os
import pathlib
import pickle
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models"))

import numpy as np
import torch_file

VALUES = np.arange(6, dtype="<f4")


class Storage:
    """Stands for a torch storage; the pickler writes it as a reference."""


class FakeTensor:
    """Pickles as a call of torch._utils._rebuild_tensor_v2."""

    def __init__(self, shape, stride, offset=0):
        self.arguments = (Storage(), offset, shape, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return torch_modules()["torch._utils"]._rebuild_tensor_v2, self.arguments


_MODULES = {}


def torch_modules():
    """Modules with the two names of torch that a pickled state_dict holds."""
    if not _MODULES:
        _MODULES["torch"] = types.ModuleType("torch")
        _MODULES["torch._utils"] = types.ModuleType("torch._utils")
        _MODULES["torch"].FloatStorage = type("FloatStorage", (), {"__module__": "torch"})

        def _rebuild_tensor_v2():
            raise AssertionError("only its name is pickled")

        _rebuild_tensor_v2.__module__ = "torch._utils"
        _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
        _MODULES["torch._utils"]._rebuild_tensor_v2 = _rebuild_tensor_v2
    return _MODULES


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return "storage", torch_modules()["torch"].FloatStorage, "7", "cpu", VALUES.size, None
        return None


def pth(state):
    """The bytes of an old-format file with one storage of VALUES."""
    file = io.BytesIO()
    with mock.patch.dict(sys.modules, torch_modules()):
        for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, state, ["7"]):
            Pickler(file, protocol=2).dump(part)
    return file.getvalue() + VALUES.size.to_bytes(8, "little") + VALUES.tobytes()


class Hostile:
    def __reduce__(self):
        return os.system, ("echo hacked",)


class TorchFile(unittest.TestCase):
    def read(self, data):
        with tempfile.NamedTemporaryFile(suffix=".pth") as file:
            file.write(data)
            file.flush()
            return torch_file.read_state_dict(file.name)

    def refused(self, data, message):
        with self.assertRaisesRegex(torch_file.FormatError, message):
            self.read(data)

    def test_row_major(self):
        found = self.read(pth(collections.OrderedDict(a=FakeTensor((2, 3), (3, 1)))))
        np.testing.assert_array_equal(found["a"], VALUES.reshape(2, 3))

    def test_transposed(self):
        found = self.read(pth(collections.OrderedDict(a=FakeTensor((3, 2), (1, 3)))))
        np.testing.assert_array_equal(found["a"], VALUES.reshape(2, 3).T)

    def test_outside_the_storage(self):
        state = collections.OrderedDict(a=FakeTensor((2, 3), (3, 1), offset=1))
        self.refused(pth(state), "outside its storage")

    def test_every_cut(self):
        data = pth(collections.OrderedDict(a=FakeTensor((2, 3), (3, 1))))
        for length in range(len(data)):
            self.refused(data[:length], "")

    def test_hostile(self):
        self.refused(pth(collections.OrderedDict(a=Hostile())), "refuses to load")

    def test_foreign(self):
        self.refused(b"PK\x03\x04 a zip file", "old format")
        self.refused(pickle.dumps(5), "old format")


if __name__ == "__main__":
    unittest.main()
