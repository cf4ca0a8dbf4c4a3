#===- evaluate.py - evaluates network descriptions with torch ------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A plain, slow evaluator of models/*.json on torch's functional operations.

It is the meaning of the schema: its logits equal timm's and torchvision's,
and it makes the golden outputs of the one-block networks.
"""

import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "models"))

ACTIVATIONS = {"none": lambda x: x, "relu": F.relu, "relu6": F.relu6, "gelu": F.gelu, "hard_swish": F.hardswish,
               "hard_sigmoid": F.hardsigmoid}


class Evaluator:
    """Runs one description with the tensors `weights` ({key: float32 tensor}).

    `skip` is the index of a block to leave out: the guard of the goldens uses
    it. `attention_peak` is the largest |logit| that any softmax has seen.
    """

    def __init__(self, net, weights, skip=None):
        self.net, self.weights, self.skip = net, weights, skip
        self.attention_peak = 0.0

    def run(self, x):
        """[1, 3, H, W] -> the last block's output."""
        for index, block in enumerate(self.net["blocks"]):
            x = self.bypass(block, x) if index == self.skip else self.block(block, x)
        return x

    def bypass(self, block, x):
        """What stands for a left-out block: its input if it fits, else zeros."""
        y = self.block(block, x)
        return x if x.shape == y.shape else torch.zeros_like(y)

    def block(self, block, x):
        y = self.attention(block, x) if block["kind"] == "mqa" else self.sequence(block["layers"], x)
        if "layer_scale" in block:
            y = y * self.weights[block["layer_scale"]].reshape(1, -1, 1, 1)
        return x + y if block["residual"] else y

    def sequence(self, layers, x):
        for layer in layers:
            x = getattr(self, layer["op"])(layer, x)
        return x

    def conv2d(self, layer, x):
        x = F.pad(x, self.padding(layer, x.shape[2:]))
        bias = self.weights[layer["bias"]] if "bias" in layer else None
        x = F.conv2d(x, self.weights[layer["weight"]], bias, stride=layer["stride"], groups=layer["groups"])
        if "norm" in layer:
            x = self.norm(layer["norm"], x)
        return ACTIVATIONS[layer["activation"]](x)

    def padding(self, layer, size):
        """torch's (left, right, top, bottom)."""
        kernel, stride = layer["kernel"], layer["stride"]
        pads = []
        for side in reversed(size):
            total = kernel - 1
            if self.net["padding"] == "same":
                total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return pads

    def norm(self, prefix, x):
        mean, var, weight, bias = (self.weights[f"{prefix}.{suffix}"] for suffix in
                                   ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, weight, bias, eps=self.net["batch_norm_epsilon"])

    def linear(self, layer, x):
        y = F.linear(x.flatten(1), self.weights[layer["weight"]], self.weights[layer["bias"]])
        return ACTIVATIONS[layer["activation"]](y)

    def global_average_pool(self, layer, x):
        return x.mean((2, 3), keepdim=True)

    def squeeze_excite(self, layer, x):
        return x * self.sequence(layer["layers"], x.mean((2, 3), keepdim=True))

    def attention(self, block, x):
        """Multi-query attention: one key and one value head for all queries."""
        height, width = x.shape[2:]
        x = self.norm(block["norm"], x)
        query = self.sequence(block["query"], x).reshape(block["heads"], block["key_width"], -1)
        key = self.sequence(block["key"], x).reshape(block["key_width"], -1)
        value = self.sequence(block["value"], x).reshape(block["value_width"], -1)
        logits = query.transpose(1, 2) @ key / block["key_width"] ** 0.5
        self.attention_peak = max(self.attention_peak, logits.abs().max().item())
        heads = torch.softmax(logits, -1) @ value.T
        joined = heads.transpose(1, 2).reshape(1, -1, height, width)
        return self.sequence(block["output"], joined)
