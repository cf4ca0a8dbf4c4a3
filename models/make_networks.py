#!/usr/bin/env python3
#===- make_networks.py - describes timm's and torchvision's networks -----===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes models/*.json from the modules of timm and torchvision.

Run by `./dev golden`, whose environment has both. It reads widths, strides,
keys and constants from the instantiated modules, so nothing is typed by hand.
"""

import argparse
import json
import pathlib
import sys

import timm
import torch
import torchvision
from torch import nn

TIMM_NETWORKS = {
    "mobilenetv4_conv_small": "mobilenetv4_conv_small.e2400_r224_in1k",
    "mobilenetv4_conv_medium": "mobilenetv4_conv_medium.e500_r256_in1k",
    "mobilenetv4_conv_large": "mobilenetv4_conv_large.e600_r384_in1k",
    "mobilenetv4_hybrid_medium": "mobilenetv4_hybrid_medium.ix_e550_r256_in1k",
    "mobilenetv4_hybrid_large": "mobilenetv4_hybrid_large.e600_r384_in1k",
    "efficientnet_lite0": "tf_efficientnet_lite0.in1k",
}
ACTIVATIONS = {"Identity": "none", "ReLU": "relu", "ReLU6": "relu6", "GELU": "gelu"}
VARIANTS = {(False, True): "IB", (True, False): "ConvNext", (True, True): "ExtraDW", (False, False): "FFN"}


def activation_name(module):
    """Our word for an activation module; KeyError names one we do not know."""
    return ACTIVATIONS[type(module).__name__]


class Reader:
    """Turns modules of one network into blocks; keeps the modules' key prefixes."""

    def __init__(self, model):
        self.prefix = {module: name for name, module in model.named_modules()}

    def conv(self, conv, norm=None, activation=None, role=None):
        """One conv2d layer; `activation` defaults to that inside timm's norm."""
        assert conv.bias is None and conv.dilation == (1, 1) and conv.kernel_size[0] == conv.kernel_size[1]
        activation = activation or getattr(norm, "act", None) or nn.Identity()
        layer = {"role": role} if role else {}
        layer |= {"op": "conv2d", "weight": self.prefix[conv] + ".weight"}
        layer |= {"norm": self.prefix[norm]} if norm else {}
        return layer | {
            "in": conv.in_channels, "out": conv.out_channels, "kernel": conv.kernel_size[0],
            "stride": conv.stride[0], "groups": conv.groups, "activation": activation_name(activation),
        }

    def linear(self, linear):
        prefix = self.prefix[linear]
        layer = {"op": "linear", "weight": prefix + ".weight", "bias": prefix + ".bias",
                 "in": linear.in_features, "out": linear.out_features, "activation": "none"}
        return block("linear", [layer])

    def universal(self, module):
        """timm's UniversalInvertedResidual."""
        roles = [("dw_start", "start"), ("pw_exp", "expand"), ("dw_mid", "middle"), ("pw_proj", "project")]
        parts = [(getattr(module, name), role) for name, role in roles]
        parts = [(part, role) for part, role in parts if not isinstance(part, nn.Identity)]
        assert isinstance(module.dw_end, nn.Identity) and isinstance(module.se, nn.Identity)
        layers = [self.conv(part.conv, part.bn, role=role) for part, role in parts]
        found = {role for _, role in parts}
        made = block("uib", layers, VARIANTS["start" in found, "middle" in found], module.has_skip)
        return self.with_scale(made, module)

    def with_scale(self, made, module):
        if not isinstance(module.layer_scale, nn.Identity):
            made["layer_scale"] = self.prefix[module.layer_scale] + ".gamma"
        return made

    def inverted(self, parts, residual):
        """A MobileNetV2 block from its (conv, norm, activation) triples."""
        roles = ["expand", "middle", "project"][-len(parts):]
        layers = [self.conv(*part, role=role) for part, role in zip(parts, roles)]
        return block("uib", layers, "IB" if len(parts) == 3 else "DepthwiseSeparable", residual)

    def attention(self, module):
        """timm's MobileAttention."""
        attn = module.attn
        assert attn.query.proj.kernel_size == (1, 1) and len(attn.query) == 1
        made = {"kind": "mqa", "in": attn.query.proj.in_channels, "out": attn.output.proj.out_channels,
                "heads": attn.num_heads, "key_width": attn.key_dim, "value_width": attn.value_dim,
                "stride": 1, "residual": module.has_skip, "norm": self.prefix[module.norm]}
        self.with_scale(made, module)
        made["query"] = [self.conv(attn.query.proj)]
        for name, branch in (("key", attn.key), ("value", attn.value)):
            down = [self.conv(branch.down_conv, branch.norm)] if hasattr(branch, "down_conv") else []
            made[name] = down + [self.conv(branch.proj)]
        made["output"] = [self.conv(attn.output.proj)]
        return made

    def timm_block(self, module):
        """Any block of timm's EfficientNet builder that our networks have."""
        kind = type(module).__name__
        if kind == "UniversalInvertedResidual":
            return self.universal(module)
        if kind == "MobileAttention":
            return self.attention(module)
        if kind == "EdgeResidual":
            layers = [self.conv(module.conv_exp, module.bn1, role="expand"),
                      self.conv(module.conv_pwl, module.bn2, role="project")]
            return block("fused_ib", layers, "FusedIB", module.has_skip)
        if kind == "InvertedResidual":
            parts = [(module.conv_pw, module.bn1), (module.conv_dw, module.bn2), (module.conv_pwl, module.bn3)]
            return self.inverted(parts, module.has_skip)
        if kind == "DepthwiseSeparableConv":
            parts = [(module.conv_dw, module.bn1), (module.conv_pw, module.bn2)]
            return self.inverted(parts, module.has_skip)
        raise ValueError(f"no description for timm's {kind} at {self.prefix[module]}")

    def timm_stage(self, stage):
        """Blocks of one stage; a pair of ConvBnAct is Conv-S's FusedIB."""
        if type(stage[0]).__name__ != "ConvBnAct":
            return [self.timm_block(module) for module in stage]
        if len(stage) == 1:
            return [block("conv", [self.conv(stage[0].conv, stage[0].bn1)])]
        layers = [self.conv(module.conv, module.bn1, role=role)
                  for module, role in zip(stage, ("expand", "project"), strict=True)]
        return [block("fused_ib", layers, "FusedIB", False)]


def block(kind, layers, variant=None, residual=False):
    """A block of layers in a row; its own widths and stride sum up the layers."""
    made = {"kind": kind} | ({"variant": variant} if variant else {})
    made |= {"in": layers[0]["in"], "out": layers[-1]["out"]}
    expanded = [layer["in"] for layer in layers if layer.get("role") == "project"]
    made |= {"expanded": expanded[0]} if expanded else {}
    stride = 1
    for layer in layers:
        stride *= layer.get("stride", 1)
    return made | {"stride": stride, "residual": residual, "layers": layers}


def pool(width):
    """The global average pool, [1, C, H, W] -> [1, C, 1, 1]."""
    return block("pool", [{"op": "global_average_pool", "in": width, "out": width}])


def epsilon(model):
    """The one epsilon that all batch norms of the model share."""
    (value,) = {module.eps for module in model.modules() if isinstance(module, nn.BatchNorm2d)}
    return value


def describe(name, source, size, padding, model, blocks, preprocessing):
    return {"name": name, "source": source, "input": [1, 3, size, size], "classes": 1000,
            "batch_norm_epsilon": epsilon(model), "padding": padding,
            "preprocessing": preprocessing, "blocks": blocks}


def from_timm(name, tag):
    """The description of one of TIMM_NETWORKS."""
    model = timm.create_model(tag, pretrained=False).eval()
    reader, config = Reader(model), model.default_cfg
    blocks = [block("conv", [reader.conv(model.conv_stem, model.bn1)])]
    for stage in model.blocks:
        blocks += reader.timm_stage(stage)
    if hasattr(model, "norm_head"):  # MobileNetV4 pools first, EfficientNet last.
        blocks.append(pool(model.conv_head.in_channels))
        blocks.append(block("conv", [reader.conv(model.conv_head, model.norm_head)]))
    else:
        blocks.append(block("conv", [reader.conv(model.conv_head, model.bn2)]))
        blocks.append(pool(model.conv_head.out_channels))
    blocks.append(reader.linear(model.classifier))
    size = config["input_size"][1]
    same = any(type(module).__name__ == "Conv2dSame" for module in model.modules())
    preprocessing = {"resize": int(size / config["crop_pct"]), "crop": size,
                     "interpolation": config["interpolation"],
                     "mean": list(config["mean"]), "std": list(config["std"])}
    return describe(name, f"timm {timm.__version__} {tag}", size, "same" if same else "symmetric",
                    model, blocks, preprocessing)


def from_torchvision():
    """torchvision's MobileNetV2, whose blocks are nameless sequences."""
    model = torchvision.models.mobilenet_v2(weights=None).eval()
    reader = Reader(model)
    blocks = []
    for module in model.features:
        if type(module).__name__ == "InvertedResidual":
            *inner, conv, norm = module.conv
            parts = [tuple(part) for part in inner] + [(conv, norm)]
            blocks.append(reader.inverted(parts, module.use_res_connect))
        else:
            blocks.append(block("conv", [reader.conv(*module)]))
    blocks += [pool(blocks[-1]["out"]), reader.linear(model.classifier[1])]
    transforms = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    preprocessing = {"resize": transforms.resize_size[0], "crop": transforms.crop_size[0],
                     "interpolation": transforms.interpolation.value,
                     "mean": transforms.mean, "std": transforms.std}
    version = torchvision.__version__.split("+")[0]
    return describe("mobilenet_v2", f"torchvision {version} mobilenet_v2", 224, "symmetric",
                    model, blocks, preprocessing)


def dump(value, indent=0, inline=False):
    """JSON text with one line for each scalar member, layer and short list."""
    if inline or not isinstance(value, (dict, list)):
        return json.dumps(value)
    pad = " " * (indent + 1)
    if isinstance(value, list):
        if not value or not isinstance(value[0], dict):
            return json.dumps(value)
        items = [dump(item, indent + 1, "op" in item) for item in value]
        return "[\n" + ",\n".join(pad + item for item in items) + "]"
    # A block's scalars share one line; its lists of layers follow.
    scalars = {key: item for key, item in value.items() if not _has_layers(item)}
    nested = [f"{pad}{json.dumps(key)}: {dump(item, indent + 1)}" for key, item in value.items() if _has_layers(item)]
    joint = ", " if "kind" in value else f",\n{pad}"
    head = joint.join(f"{json.dumps(key)}: {json.dumps(item)}" for key, item in scalars.items())
    opening = "{" if "kind" in value else "{\n" + pad
    return opening + ",\n".join([head] + nested) + "}"


def _has_layers(item):
    return isinstance(item, list) and bool(item) and isinstance(item[0], dict)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    folder = parser.parse_args().output
    torch.manual_seed(0)
    networks = [from_timm(name, tag) for name, tag in TIMM_NETWORKS.items()] + [from_torchvision()]
    for net in networks:
        (folder / f"{net['name']}.json").write_text(dump(net) + "\n")
        print(f"{net['name']}: {len(net['blocks'])} blocks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
