#===- broken_networks.py - network descriptions and weights with faults --===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""CASES: {name: what writes a description and weights into a folder and returns
the arguments}. Each has one fault; both files are good without it."""

import json
import struct

import numpy as np

# x [1, 3, 8, 8] -> convolution, batch norm, ReLU -> mean -> two classes
NETWORK = {
    "name": "tiny", "input": [1, 3, 8, 8], "batch_norm_epsilon": 1e-5, "padding": "symmetric",
    "preprocessing": {"resize": 8, "crop": 8, "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3},
    "blocks": [
        {"kind": "conv", "in": 3, "out": 4, "stride": 2, "residual": False,
         "layers": [{"op": "conv2d", "weight": "stem.weight", "norm": "bn", "in": 3, "out": 4, "kernel": 3, "stride": 2,
                     "groups": 1, "activation": "relu"}]},
        {"kind": "pool", "in": 4, "out": 4, "stride": 1, "residual": False,
         "layers": [{"op": "global_average_pool", "in": 4, "out": 4}]},
        {"kind": "linear", "in": 4, "out": 2, "stride": 1, "residual": False,
         "layers": [{"op": "linear", "weight": "fc.weight", "bias": "fc.bias", "in": 4, "out": 2,
                     "activation": "none"}]}]}
SHAPES = {"stem.weight": (4, 3, 3, 3), "bn.weight": (4,), "bn.bias": (4,), "bn.running_mean": (4,),
          "bn.running_var": (4,), "fc.weight": (2, 4), "fc.bias": (2,)}
REMOVED = object()


def pointwise(key, width, out):
    """A 1x1 convolution without a norm."""
    return {"op": "conv2d", "weight": key, "in": width, "out": out, "kernel": 1, "stride": 1, "groups": 1,
            "activation": "none"}


# Two heads of four on a map of three channels.
ATTENTION = {"kind": "mqa", "in": 3, "out": 3, "stride": 1, "residual": True, "heads": 2, "key_width": 4,
             "value_width": 4, "query": [pointwise("q.weight", 3, 8)], "key": [pointwise("k.weight", 3, 4)],
             "value": [pointwise("v.weight", 3, 4)], "output": [pointwise("o.weight", 8, 3)]}


def network(path, value):
    """A case: the field at `path` of the description is `value`, or gone."""
    def case(folder):
        description = json.loads(json.dumps(NETWORK))
        *parents, last = path
        target = description
        for key in parents:
            target = target[key]
        if value is REMOVED:
            del target[last]
        else:
            target[last] = value
        return written(folder, json.dumps(description))
    return case


def text(content):
    return lambda folder: written(folder, content)


def written(folder, content):
    (folder / "net.json").write_text(content)
    return [folder / "net.json", "--weights", "random:1"]


STEM = ("blocks", 0, "layers", 0)
CLASSIFIER = ("blocks", 2, "layers", 0)

DESCRIPTIONS = {
    "empty file": text(""),
    "no JSON": text("name: tiny\n"),
    "cut off": text(json.dumps(NETWORK)[:200]),
    "a list": text("[1, 2, 3]"),
    "a number": text("7"),
    "very deep": text("[" * 100000),
    "no name": network(["name"], REMOVED),
    "name is a number": network(["name"], 7),
    "no input": network(["input"], REMOVED),
    "input of rank 3": network(["input"], [3, 8, 8]),
    "input of text": network(["input"], "1x3x8x8"),
    "input of zero rows": network(["input"], [1, 3, 0, 8]),
    "huge input": network(["input"], [1, 3, 1 << 40, 1 << 40]),
    "batch of 8": network(["input"], [8, 3, 8, 8]),
    "input of other channels": network(["input"], [1, 5, 8, 8]),
    "no epsilon": network(["batch_norm_epsilon"], REMOVED),
    "negative epsilon": network(["batch_norm_epsilon"], -1.0),
    "unknown padding": network(["padding"], "reflect"),
    "no padding": network(["padding"], REMOVED),
    "no blocks": network(["blocks"], REMOVED),
    "empty blocks": network(["blocks"], []),
    "blocks of text": network(["blocks"], "uib"),
    "attention of no heads": network(["blocks", 0], {**ATTENTION, "heads": 0}),
    "attention of no query": network(["blocks", 0], {key: ATTENTION[key] for key in ATTENTION if key != "query"}),
    "attention of an empty key": network(["blocks", 0], {**ATTENTION, "key": []}),
    "attention of heads that do not divide": network(["blocks", 0], {**ATTENTION, "heads": 3}),
    "attention of other widths": network(["blocks", 0], {**ATTENTION, "key": [pointwise("k.weight", 3, 5)]}),
    "attention of other values": network(["blocks", 0], {**ATTENTION, "value": [pointwise("v.weight", 3, 5)]}),
    "block of no kind": network(["blocks", 0, "kind"], REMOVED),
    "block of no layers": network(["blocks", 0, "layers"], []),
    "residual of another shape": network(["blocks", 0, "residual"], True),
    "residual of text": network(["blocks", 0, "residual"], "no"),
    "layer scale of another width": network(["blocks", 0],
                                            {**NETWORK["blocks"][0], "out": 5, "layer_scale": "s.gamma"}),
    "unknown op": network([*STEM, "op"], "conv3d"),
    "no op": network([*STEM, "op"], REMOVED),
    "unknown activation": network([*STEM, "activation"], "swoosh"),
    "no activation": network([*STEM, "activation"], REMOVED),
    "no weight": network([*STEM, "weight"], REMOVED),
    "stride 0": network([*STEM, "stride"], 0),
    "negative kernel": network([*STEM, "kernel"], -3),
    "kernel of a million": network([*STEM, "kernel"], 1000000),
    "kernel of a fraction": network([*STEM, "kernel"], 2.5),
    "kernel of text": network([*STEM, "kernel"], "3x3"),
    "width beyond 64 bits": network([*STEM, "out"], 1 << 70),
    "two groups": network([*STEM, "groups"], 2),
    "layers that do not fit": network([*CLASSIFIER, "in"], 5),
    "no bias": network([*CLASSIFIER, "bias"], REMOVED),
    "key used twice": network([*CLASSIFIER, "weight"], "stem.weight"),
    "key of no rule": network([*CLASSIFIER, "bias"], "fc.offset"),
    "control characters": network([*STEM, "activation"], "re\x1b[31mlu\n"),
    "preprocessing without mean": network(["preprocessing", "mean"], REMOVED),
    "preprocessing of 2 means": network(["preprocessing", "mean"], [0.5, 0.5]),
    "preprocessing of std 0": network(["preprocessing", "std"], [0.5, 0.0, 0.5]),
    "preprocessing by nearest": network(["preprocessing", "interpolation"], "nearest"),
    "preprocessing to a smaller size": network(["preprocessing", "resize"], 4),
    "mean of text": network(["preprocessing", "mean"], ["a", "b", "c"]),
}


# Weights.

def tensors(**changes):
    """{key: (dtype, shape, bytes)} of the good file; None takes a key out."""
    found = {key: ("F32", list(shape), np.ones(shape, "<f4").tobytes()) for key, shape in SHAPES.items()}
    found.update({key.replace("__", "."): value for key, value in changes.items()})
    return {key: value for key, value in found.items() if value is not None}


def header_of(entries):
    header, offset = {}, 0
    for key, (dtype, shape, data) in entries.items():
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    return header, b"".join(data for _, _, data in entries.values())


def weights(header, data, length=None):
    """A case of the good network and a file with this header, text or JSON."""
    def case(folder):
        encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
        size = len(encoded) if length is None else length
        (folder / "w.safetensors").write_bytes(struct.pack("<Q", size) + encoded + data)
        return given(folder, folder / "w.safetensors")
    return case


def given(folder, path):
    (folder / "net.json").write_text(json.dumps(NETWORK))
    return [folder / "net.json", "--weights", path]


def keys(**changes):
    return weights(*header_of(tensors(**changes)))


def field(key, name, value):
    """A field of one tensor's entry is `value`, or gone."""
    header, data = header_of(tensors())
    if value is REMOVED:
        del header[key][name]
    else:
        header[key][name] = value
    return weights(header, data)


def raw(content):
    def case(folder):
        (folder / "w.safetensors").write_bytes(content)
        return given(folder, folder / "w.safetensors")
    return case


HEADER, DATA = header_of(tensors())
FILES = {
    "missing file": lambda folder: given(folder, folder / "none.safetensors"),
    "a folder": lambda folder: given(folder, folder),
    "no file named": lambda folder: given(folder, ""),
    "empty file": raw(b""),
    "seven bytes": raw(b"1234567"),
    "a zip file": raw(b"PK\x03\x04" + bytes(200)),
    "header longer than the file": weights(HEADER, DATA, length=1 << 20),
    "header of 2^64 - 1 bytes": weights(HEADER, DATA, length=(1 << 64) - 1),
    "header of 0 bytes": weights(b"", DATA),
    "header cut off": weights(HEADER, DATA, length=100),
    "header is a list": weights([1, 2], DATA),
    "header is text": weights(b"pickle", DATA),
    "header is very deep": weights(b'{"a":' + b"[" * 50000, DATA),
    "header with wrong UTF-8": weights(b'{"\xff\xfe": {}}', b""),
    "truncated data": weights(HEADER, DATA[:-8]),
    "data behind the last tensor": weights(HEADER, DATA + bytes(16)),
    "no dtype": field("bn.bias", "dtype", REMOVED),
    "dtype is a number": field("bn.bias", "dtype", 32),
    "unknown dtype": field("bn.bias", "dtype", "F31"),
    "no shape": field("bn.bias", "shape", REMOVED),
    "negative shape": field("bn.bias", "shape", [-4]),
    "overflowing shape": field("bn.bias", "shape", [1 << 40, 1 << 40]),
    "shape of another size": field("bn.bias", "shape", [5]),
    "one offset": field("bn.bias", "data_offsets", [0]),
    "offsets backwards": field("bn.bias", "data_offsets", [464, 448]),
    "offsets beyond the end": field("bn.bias", "data_offsets", [1 << 40, (1 << 40) + 16]),
    "offsets that overlap": field("bn.bias", "data_offsets", [0, 16]),
    "offsets of text": field("bn.bias", "data_offsets", ["0", "16"]),
    "a gap": weights({key: {**entry, "data_offsets": [n + 16 for n in entry["data_offsets"]]}
                      for key, entry in HEADER.items()}, bytes(16) + DATA),
    "entry is null": weights({**HEADER, "bn.bias": None}, DATA),
    "a missing key": keys(fc__bias=None),
    "a surplus key": keys(head__bias=("F32", [2], bytes(8))),
    "another shape": keys(fc__weight=("F32", [4, 2], bytes(32))),
    "all three": keys(fc__bias=None, extra=("F32", [1], bytes(4)), bn__bias=("F32", [2, 2], bytes(16))),
    "keys of another network": weights(*header_of({"a": ("F32", [1], bytes(4))})),
    "doubles": keys(fc__bias=("F64", [2], bytes(16))),
    "integers": keys(fc__bias=("I32", [2], bytes(8))),
    "bytes": keys(fc__bias=("U8", [2], bytes(2))),
    "control characters in a key": keys(**{"a\x1b[31mb": ("F32", [1], bytes(4))}),
}

CASES = {**{f"description, {name}": case for name, case in DESCRIPTIONS.items()},
         **{f"weights, {name}": case for name, case in FILES.items()}}
