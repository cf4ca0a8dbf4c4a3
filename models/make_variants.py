#!/usr/bin/env python3
#===- make_variants.py - describes earlier MobileNets by their rules -----===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes models/variants/*.json: the networks that MobileNetV4 is compared with.

MobileNetV1 (arXiv 1704.04861), V2 (1801.04381), V3-Large (1905.02244) and the two of "Discovering
Multi-Hardware Mobile Models via Architecture Search" (2008.08178), at the widths
of the paper's table 6. Keys are our own; the weights are to be seeded ones.
"""

import json
import pathlib

import network

# (kernel, stride, width, expansion); no expansion: depthwise separable.
V1 = ([(3, 1, 64), (3, 2, 128), (3, 1, 128), (3, 2, 256), (3, 1, 256), (3, 2, 512)]
      + 5 * [(3, 1, 512)] + [(3, 2, 1024), (3, 1, 1024)])
V2 = [(3, 1, 16, 1), (3, 2, 24, 6), (3, 1, 24, 6), (3, 2, 32, 6), *2 * [(3, 1, 32, 6)], (3, 2, 64, 6),
      *3 * [(3, 1, 64, 6)], *3 * [(3, 1, 96, 6)], (3, 2, 160, 6), *2 * [(3, 1, 160, 6)], (3, 1, 320, 6)]
# V3-Large's: with expanded widths, whether there is a squeeze-excite, and the activation.
V3 = [(3, 1, 16, 16, False, "relu"), (3, 2, 24, 64, False, "relu"), (3, 1, 24, 72, False, "relu"),
      (5, 2, 40, 72, True, "relu"), *2 * [(5, 1, 40, 120, True, "relu")], (3, 2, 80, 240, False, "hard_swish"),
      (3, 1, 80, 200, False, "hard_swish"), *2 * [(3, 1, 80, 184, False, "hard_swish")],
      (3, 1, 112, 480, True, "hard_swish"), (3, 1, 112, 672, True, "hard_swish"), (5, 2, 160, 672, True, "hard_swish"),
      *2 * [(5, 1, 160, 960, True, "hard_swish")]]
MULTI_MAX = [(3, 2, 32, 3), (5, 2, 64, 6), (3, 1, 64, 2), (3, 1, 64, 2), (5, 2, 128, 6), (3, 1, 128, 4), (3, 1, 128, 3),
             (3, 1, 128, 3), (3, 1, 128, 6), (3, 1, 128, 3), (3, 2, 160, 6), (5, 1, 160, 4), (3, 1, 160, 5), (5, 1, 160, 4)]
MULTI_AVG = [(3, 2, 32, 3), (3, 1, 32, 2), (5, 2, 64, 5), (3, 1, 64, 3), (3, 1, 64, 2), (3, 1, 64, 3), (5, 2, 128, 6),
             (3, 1, 128, 3), (3, 1, 128, 3), (3, 1, 128, 3), (3, 1, 160, 6), (3, 1, 160, 4), (3, 2, 192, 6),
             (5, 1, 192, 4), (5, 1, 192, 4), (5, 1, 192, 4)]


def divisible(width):
    """The multiple of 8 nearest to `width`, not more than a tenth below."""
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded


class Writer:
    def __init__(self, activation):
        self.activation, self.blocks, self.width = activation, [], 3

    def conv(self, out, kernel=1, stride=1, depthwise=False, role=None, linear=False):
        key = f"blocks.{len(self.blocks)}." + (role or "conv")
        width, self.width = self.width, out
        return ({"role": role} if role else {}) | {
            "op": "conv2d", "weight": key + ".weight", "norm": key + ".norm", "in": width, "out": out, "kernel": kernel,
            "stride": stride, "groups": width if depthwise else 1, "activation": "none" if linear else self.activation}

    def add(self, kind, layers, stride=1, residual=False, **more):
        self.blocks.append({"kind": kind, **more, "in": layers[0]["in"], "out": layers[-1]["out"], "stride": stride,
                            "residual": residual, "layers": layers})

    def separable(self, kernel, stride, out):
        depthwise = self.conv(self.width, kernel, stride, True)
        depthwise["weight"], depthwise["norm"] = (depthwise[k].replace("conv", "depthwise") for k in ("weight", "norm"))
        self.add("conv", [depthwise, self.conv(out)], stride)

    def squeeze_excite(self):
        """Between the middle and the projection, to a quarter and back."""
        width, layers = self.width, []
        for name, out, activation in (("reduce", divisible(width / 4), "relu"), ("expand", width, "hard_sigmoid")):
            layers.append(self.conv(out, role=f"squeeze_{name}"))
            key = layers[-1].pop("norm")
            layers[-1] |= {"bias": key.replace(".norm", ".bias"), "activation": activation}
            del layers[-1]["role"]
        return {"op": "squeeze_excite", "in": width, "out": width, "layers": layers}

    def bottleneck(self, kernel, stride, out, expansion, expanded=None, squeezes=False):
        start = self.width
        expanded = expanded or divisible(start * expansion)
        layers = [self.conv(expanded, role="expand")] if expanded != start else []
        layers.append(self.conv(expanded, kernel, stride, True, "middle"))
        if squeezes:
            layers.append(self.squeeze_excite())
        layers.append(self.conv(out, role="project", linear=True))
        self.add("uib", layers, stride, stride == 1 and start == out, expanded=expanded,
                 variant="IB" if expanded != start else "DepthwiseSeparable")

    def head(self, *widths):
        """Pointwise layers, the average before the last of two, and the classifier."""
        for i, width in enumerate((*widths, None)):
            if i == len(widths[:1]):
                self.add("pool", [{"op": "global_average_pool", "in": self.width, "out": self.width}])
            if width:
                self.add("conv", [self.conv(width)])
        self.add("linear", [{"op": "linear", "weight": "classifier.weight", "bias": "classifier.bias", "in": self.width,
                             "out": 1000, "activation": "none"}])


def describe(name, source, writer):
    return {"name": name, "source": source, "input": [1, 3, 224, 224], "classes": 1000, "batch_norm_epsilon": 1e-3,
            "padding": "same",
            "preprocessing": {"resize": 256, "crop": 224, "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5],
                              "std": [0.5, 0.5, 0.5]},
            "blocks": writer.blocks}


def mobilenet_v1(scale):
    writer = Writer("relu6")
    writer.add("conv", [writer.conv(divisible(32 * scale), 3, 2)], 2)
    for kernel, stride, width in V1:
        writer.separable(kernel, stride, divisible(width * scale))
    writer.head()
    return writer


def inverted(blocks, scale, activation, head):
    writer = Writer(activation)
    writer.add("conv", [writer.conv(divisible(32 * scale), 3, 2)], 2)
    for kernel, stride, width, expansion in blocks:
        writer.bottleneck(kernel, stride, divisible(width * scale), expansion)
    writer.head(*head)
    return writer


def mobilenet_v3(scale):
    writer = Writer("hard_swish")
    writer.add("conv", [writer.conv(divisible(16 * scale), 3, 2)], 2)
    for kernel, stride, width, expanded, squeezes, activation in V3:
        writer.activation = activation
        writer.bottleneck(kernel, stride, divisible(width * scale), None, divisible(expanded * scale), squeezes)
    writer.activation = "hard_swish"
    writer.head(divisible(960 * scale), 1280)
    return writer


def make_all():
    def name(base, scale):
        return base if scale == 1 else f"{base}_{int(scale * 100):03d}"

    for scale in (1, 1.5):
        yield describe(name("mobilenet_v1", scale), f"MobileNetV1 {scale}", mobilenet_v1(scale))
    for scale in (0.5, 1.5, 2):
        head = [divisible(1280 * max(1, scale))]
        yield describe(name("mobilenet_v2", scale), f"MobileNetV2 {scale}", inverted(V2, scale, "relu6", head))
    for scale in (0.5, 1, 1.5):
        yield describe(name("mobilenet_v3_large", scale), f"MobileNetV3-Large {scale}", mobilenet_v3(scale))
    for base, blocks in (("multi_max", MULTI_MAX), ("multi_avg", MULTI_AVG)):
        head = [divisible(960 * 1.5), divisible(1280 * 1.5)]
        yield describe(name(base, 1.5), f"MobileNet {base} 1.5, 2008.08178", inverted(blocks, 1.5, "relu", head))


def dump(net):
    """One block a line."""
    head = {key: value for key, value in net.items() if key != "blocks"}
    blocks = ",\n  ".join(json.dumps(block) for block in net["blocks"])
    return json.dumps(head)[:-1] + ',\n "blocks": [\n  ' + blocks + "]}\n"


def main():
    folder = pathlib.Path(__file__).parent / "variants"
    folder.mkdir(exist_ok=True)
    for net in make_all():
        (folder / (net["name"] + ".json")).write_text(dump(net), encoding="utf-8")
        print(f"{net['name']}: {network.macs(net) / 1e6:.0f} M MACs, {network.parameters(net) / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
