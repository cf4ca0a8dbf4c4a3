#===- make_blocks.py - one-block networks for fast tests -----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes blocks/NAME.json, a network of one block each, and blocks/NAME.npy,
its output for the seeded input and weights.

Maps are small, widths mostly no multiple of a vector, heights unlike widths,
so that a wrong border, tail or axis shows.
"""

import pathlib

import numpy as np
import torch

import seeded
from check_graphs import SEED
from evaluate import Evaluator
from make_networks import VARIANTS, block, dump

BLOCKS = pathlib.Path(__file__).parent / "blocks"


def conv(role, width, out, kernel=1, stride=1, depthwise=False, activation="none"):
    """A conv2d layer with a norm, its keys named after its role."""
    return {"role": role, "op": "conv2d", "weight": f"{role}.conv.weight", "norm": f"{role}.bn",
            "in": width, "out": out, "kernel": kernel, "stride": stride,
            "groups": width if depthwise else 1, "activation": activation}


def uib(width, expanded, out, start=0, middle=0, stride=1, activation="relu", scale=False):
    """A UIB; 0 leaves a depthwise out, expanded == 0 the expansion. The middle one strides if it is there."""
    layers = []
    if start:
        layers.append(conv("start", width, width, start, 1 if middle else stride, True))
    if expanded:
        layers.append(conv("expand", width, expanded, activation=activation))
    inner = expanded or width
    if middle:
        layers.append(conv("middle", inner, inner, middle, stride, True, activation))
    layers.append(conv("project", inner, out))
    variant = VARIANTS[bool(start), bool(middle)] if expanded else "DepthwiseSeparable"
    return with_scale(block("uib", layers, variant, stride == 1 and width == out), scale)


def squeezed(made, reduced):
    """The block with a squeeze-excite before its projection."""
    layers, width = made["layers"], made["layers"][-1]["in"]
    excite = []
    for name, out, activation in (("reduce", reduced, "relu"), ("expand", width, "hard_sigmoid")):
        layer = bare(f"squeeze.{name}", excite[-1]["out"] if excite else width, out)
        excite.append(layer | {"bias": f"squeeze.{name}.conv.bias", "activation": activation})
    layers.insert(-1, {"op": "squeeze_excite", "in": width, "out": width, "layers": excite})
    return made


def fused_ib(width, expanded, out, kernel=3, stride=1, last="none"):
    layers = [conv("expand", width, expanded, kernel, stride, activation="relu"),
              conv("project", expanded, out, activation=last)]
    return block("fused_ib", layers, "FusedIB", stride == 1 and width == out and last == "none")


def with_scale(made, scale):
    if scale:
        made["layer_scale"] = "layer_scale.gamma"
    return made


def unnamed(layer):
    """The layer without its role: attention's branches say what is what."""
    del layer["role"]
    return layer


def bare(role, width, out):
    """A 1x1 convolution without a norm, as attention has them."""
    layer = unnamed(conv(role, width, out))
    del layer["norm"]
    return layer


def mqa(width, heads, depth, stride, scale):
    made = {"kind": "mqa", "in": width, "out": width, "heads": heads, "key_width": depth, "value_width": depth,
            "stride": 1, "residual": True, "norm": "norm"}
    made = with_scale(made, scale)
    made["query"] = [bare("query.proj", width, heads * depth)]
    for name in ("key", "value"):
        down = [unnamed(conv(f"{name}.down", width, width, 3, stride, True))] if stride > 1 else []
        made[name] = down + [bare(f"{name}.proj", width, depth)]
    return made | {"output": [bare("output.proj", heads * depth, width)]}


def head(width, hidden, classes):
    """The tail of MobileNetV4: pool, 1x1 convolution, linear."""
    pool = block("pool", [{"op": "global_average_pool", "in": width, "out": width}])
    linear = {"op": "linear", "weight": "classifier.weight", "bias": "classifier.bias",
              "in": hidden, "out": classes, "activation": "none"}
    return [pool, block("conv", [conv("hidden", width, hidden, activation="relu")]), block("linear", [linear])]


# name: (blocks, input [H, W], padding, batch norm epsilon)
PLAIN = ("symmetric", 1e-5)
SAME = ("same", 1e-3)
CASES = {
    "ib": ([uib(24, 96, 24, middle=3)], (12, 14), *PLAIN),
    "ib_stride": ([uib(20, 120, 28, middle=5, stride=2)], (13, 14), *PLAIN),
    "ib_odd_widths": ([uib(19, 57, 19, middle=3, activation="relu6")], (9, 11), *PLAIN),
    "ib_same_padding": ([uib(16, 64, 24, middle=3, stride=2, activation="relu6")], (14, 12), *SAME),
    "ib_same_padding_5x5": ([uib(16, 64, 24, middle=5, stride=2, activation="relu6")], (13, 12), *SAME),
    "ib_squeeze_excite": ([squeezed(uib(24, 72, 24, middle=5, activation="hard_swish"), 20)], (9, 10), *PLAIN),
    "ib_no_expansion": ([uib(32, 0, 16, middle=3, activation="relu6")], (12, 14), *PLAIN),
    "convnext": ([uib(32, 128, 32, start=5)], (8, 10), *PLAIN),
    "convnext_stride": ([uib(24, 96, 40, start=3, stride=2)], (11, 14), *PLAIN),
    "extradw": ([uib(32, 96, 32, start=3, middle=5)], (10, 8), *PLAIN),
    "extradw_stride": ([uib(24, 72, 40, start=5, middle=5, stride=2)], (14, 13), *PLAIN),
    "extradw_layer_scale_gelu": ([uib(24, 96, 24, start=3, middle=3, activation="gelu", scale=True)], (8, 9), *PLAIN),
    "ffn": ([uib(40, 160, 40)], (8, 9), *PLAIN),
    "ffn_no_residual": ([uib(24, 48, 36)], (7, 8), *PLAIN),
    "fused_ib": ([fused_ib(20, 40, 20)], (10, 12), *PLAIN),
    "fused_ib_stride": ([fused_ib(16, 64, 24, stride=2)], (14, 13), *PLAIN),
    "fused_ib_activated": ([fused_ib(16, 48, 32, stride=2, last="relu")], (12, 14), *PLAIN),
    "stem": ([block("conv", [conv("stem", 3, 24, 3, 2, activation="relu")])], (14, 13), *PLAIN),
    "head": (head(36, 52, 10), (7, 6), *PLAIN),
    "mqa": ([mqa(32, 2, 24, 1, True)], (6, 8), *PLAIN),
    "mqa_kv_stride": ([mqa(40, 4, 16, 2, False)], (8, 7), *PLAIN),
}


def describe(name, blocks, size, padding, epsilon):
    return {"name": name, "source": "test/golden/make_blocks.py", "input": [1, blocks[0]["in"], *size],
            "batch_norm_epsilon": epsilon, "padding": padding, "blocks": blocks}


def make():
    """Writes every case of CASES."""
    BLOCKS.mkdir(exist_ok=True)
    for name, case in CASES.items():
        net = describe(name, *case)
        weights = {key: torch.from_numpy(value) for key, value in seeded.weights(net, SEED).items()}
        with torch.inference_mode():
            output = Evaluator(net, weights).run(torch.from_numpy(seeded.input_image(net, SEED))).numpy()
        (BLOCKS / f"{name}.json").write_text(dump(net) + "\n")
        np.save(BLOCKS / f"{name}.npy", output)
        print(f"{name:26} {list(output.shape)} to {np.abs(output).max():.2f}")
