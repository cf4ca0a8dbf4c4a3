#===- network.py - reads network descriptions ----------------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Walks the network descriptions (models/*.json; README.md has the schema).

Needs only the standard library: tensors and their shapes, parameter and MAC
counts follow from the description alone.
"""

import json
import math

NORM_SUFFIXES = ("weight", "bias", "running_mean", "running_var")
BRANCHES = ("layers", "query", "key", "value", "output")


def load(path):
    """The description in the JSON file `path`."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def layers(block):
    """Every layer of a block, in order; for `mqa`, branch by branch."""
    found = []
    for branch in BRANCHES:
        for layer in block.get(branch, []):
            found += layer["layers"] if layer["op"] == "squeeze_excite" else [layer]
    return found


def _norm_tensors(prefix, width):
    return {f"{prefix}.{suffix}": [width] for suffix in NORM_SUFFIXES}


def _layer_tensors(layer):
    if layer["op"] == "global_average_pool":
        return {}
    width = layer["out"]
    shape = [width, layer["in"]]
    if layer["op"] == "conv2d":
        shape = [width, layer["in"] // layer["groups"], layer["kernel"], layer["kernel"]]
    found = {layer["weight"]: shape}
    if "bias" in layer:
        found[layer["bias"]] = [width]
    if "norm" in layer:
        found |= _norm_tensors(layer["norm"], width)
    return found


def tensors(net):
    """{state_dict key: shape} of all tensors of the network, in its order."""
    found = {}
    for block in net["blocks"]:
        if "norm" in block:
            found |= _norm_tensors(block["norm"], block["in"])
        for layer in layers(block):
            found |= _layer_tensors(layer)
        if "layer_scale" in block:
            found[block["layer_scale"]] = [block["out"]]
    return found


def parameters(net):
    """How many trained values: all tensors but the running statistics."""
    return sum(math.prod(shape) for key, shape in tensors(net).items()
               if not key.endswith(("running_mean", "running_var")))


def _run(sequence, size):
    """MACs of a list of layers on a [height, width] map, and the map it leaves."""
    macs = 0
    for layer in sequence:
        if layer["op"] == "global_average_pool":
            size = [1, 1]
            continue
        if layer["op"] == "squeeze_excite":
            macs += _run(layer["layers"], [1, 1])[0]
            continue
        size = [-(-side // layer.get("stride", 1)) for side in size]
        (shape,) = [s for k, s in _layer_tensors(layer).items() if k == layer["weight"]]
        macs += math.prod(shape) * math.prod(size)
    return macs, size


def _attention_macs(block, size):
    key_macs, key_size = _run(block["key"], size)
    value_macs, _ = _run(block["value"], size)
    scores = block["heads"] * math.prod(size) * math.prod(key_size)
    products = scores * (block["key_width"] + block["value_width"])
    return key_macs + value_macs + products + _run(block["query"] + block["output"], size)[0]


def macs(net):
    """Multiply-accumulates of one inference: convolutions, linear, QK^T, AV."""
    total, size = 0, net["input"][2:]
    for block in net["blocks"]:
        if block["kind"] == "mqa":
            total += _attention_macs(block, size)
            continue
        more, size = _run(block["layers"], size)
        total += more
    return total
