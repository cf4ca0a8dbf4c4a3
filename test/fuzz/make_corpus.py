#!/usr/bin/env python3
#===- make_corpus.py - what the fuzzers start from -----------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes inputs into FOLDER/TARGET: good files of each form that a reader takes,
the broken ones of test/robust, so that no fuzzer need find them, and what
fuzzing has found beyond them, which corpus/TARGET.tar.gz keeps.
"""

import argparse
import hashlib
import io
import json
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "robust"))

import broken  # noqa: E402
import broken_networks  # noqa: E402
import graph_maker  # noqa: E402
from broken_changes import good_model  # noqa: E402

LARGEST = 4096


def onnx_files():
    yield good_model().SerializeToString()
    for seed in range(400):
        yield graph_maker.make(seed).SerializeToString()


def network_files():
    yield json.dumps(broken_networks.NETWORK).encode()
    for path in sorted((ROOT / "test" / "golden" / "blocks").glob("*.json")):
        yield path.read_bytes()


def safetensors(dtype, size, metadata=None, order=("conv.weight", "bn.bias")):
    """The two tensors that SafetensorsFuzzer.cpp asks for."""
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for key in order:
        shape = {"conv.weight": [2, 3], "bn.bias": [4]}[key]
        end = offset + int(np.prod(shape)) * size
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(range(offset))


def safetensors_files():
    for dtype, size in (("F32", 4), ("F16", 2), ("BF16", 2), ("F64", 8), ("I8", 1)):
        yield safetensors(dtype, size)
    yield safetensors("F32", 4, {"format": "pt"})
    yield safetensors("F32", 4, order=("bn.bias", "conv.weight"))


def npy_files():
    arrays = [np.arange(6, dtype=dtype).reshape(2, 3) for dtype in ("<f4", "<f2", "|u1", "|i1", "<i4", "<f8", ">f4")]
    arrays += [np.zeros(shape, "<f4") for shape in ((), (3,), (1, 3, 2, 2), (0, 4), (1,) * 9)]
    arrays += [np.asfortranarray(arrays[0]), np.zeros(2, [("a", "<f4"), ("b", "<i2")])]
    for array in arrays:
        file = io.BytesIO()
        np.lib.format.write_array(file, array)
        yield file.getvalue()
    for version in ((2, 0), (3, 0)):
        file = io.BytesIO()
        np.lib.format.write_array(file, arrays[0], version)
        yield file.getvalue()


def program_files():
    """The tests' description, and others by one field of its JSON each."""
    description = (ROOT / "test" / "runtime" / "program.json").read_text()
    changes = [("nchw", "nhwc"), ('"F32"', '"U8"'), ('"requirements": []', '"requirements": ["avx2", "neon"]'),
               ('"preprocessing"', '"alignment": 32, "preprocessing"'), ("bilinear", "bicubic"), ('"cpu"', '"vulkan"'),
               ('"layout": "nchw"', '"layout": "nchw", "scale": 0.5, "zero_point": 3')]
    for old, new in [("", ""), *changes]:
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "program.json"
            source.write_text(description.replace(old, new, 1) if old else description)
            result = subprocess.run(["flatc", "-b", "-o", folder, ROOT / "runtime" / "abi" / "program.fbs", source],
                                    capture_output=True)
            if result.returncode == 0:
                yield source.with_suffix(".bin").read_bytes()


def broken_files():
    """(target, bytes) of the files of the broken models."""
    targets = {".onnx": "onnx", ".json": "network", ".safetensors": "safetensors"}
    for case in broken.cases().values():
        with tempfile.TemporaryDirectory() as parent:
            folder = pathlib.Path(parent) / "case"
            folder.mkdir()
            case(folder)
            for path in sorted(folder.iterdir()):
                if path.suffix in targets and path.is_file() and path.stat().st_size <= LARGEST:
                    yield targets[path.suffix], path.read_bytes()


def kept_files():
    """(target, bytes) of what was found before."""
    for archive in sorted((HERE / "corpus").glob("*.tar.gz")):
        with tarfile.open(archive) as files:
            for member in files.getmembers():
                if member.isfile():
                    yield archive.name.removesuffix(".tar.gz"), files.extractfile(member).read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    files = [*broken_files(), *kept_files()]
    for target, maker in (("onnx", onnx_files), ("network", network_files), ("safetensors", safetensors_files),
                          ("npy", npy_files), ("program", program_files)):
        files += [(target, data) for data in maker()]
    for target, data in files:
        if len(data) <= LARGEST:
            (folder / target).mkdir(parents=True, exist_ok=True)
            (folder / target / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()
