#!/usr/bin/env python3
#===- seeded.py - weights and inputs from a seeded formula ---------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fills tensors from (key, shape, seed) so that tests need no stored weights.

README.md states the formula; the compiler's `--weights random:SEED` computes
the same bits. Only integers and exactly rounded operations are used, so every
machine and every language gets the same values.
"""

import argparse
import math
import sys

import numpy as np

import network
import safetensors_file

# Chosen so that in our seven networks logits stay between 0.7 and 60, attention
# logits below 2, and both a left-out block and a mirrored input show up clearly.
GAIN = 1.0625
SPATIAL_GAIN = 1.5
_GOLDEN_RATIO = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def fnv1a64(key):
    """The 64-bit FNV-1a hash of the UTF-8 bytes of `key`."""
    value = 0xCBF29CE484222325
    for byte in key.encode():
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


def uniform(key, shape, seed):
    """float64 values in [-1, 1), all multiples of 2^-23, row-major in `shape`."""
    start = fnv1a64(key) ^ (seed * _GOLDEN_RATIO & _MASK)
    count = math.prod(shape)
    # uint64 arithmetic of numpy arrays wraps, which is what the formula means.
    z = np.arange(1, count + 1, dtype=np.uint64)
    z *= np.uint64(_GOLDEN_RATIO)
    z += np.uint64(start)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    top = (z >> np.uint64(40)).astype(np.float64)
    return ((top - 2.0**23) * 2.0**-23).reshape(shape)


def _gain(shape):
    """Full (not depthwise) convolutions larger than 1x1 get the higher gain."""
    return SPATIAL_GAIN if shape[1] > 1 and math.prod(shape[2:]) > 1 else GAIN


def tensor(key, shape, seed):
    """The float32 tensor of state_dict key `key`.

    Raises ValueError for a key whose suffix and rank match no rule.
    """
    u = uniform(key, shape, seed)
    if len(shape) >= 2:
        u *= np.sqrt(3.0 / math.prod(shape[1:])) * _gain(shape)
    elif key.endswith(".gamma"):
        u = 0.5 + u / 4
    elif key.endswith((".weight", ".running_var")):
        u = 1 + u / 4
    elif key.endswith((".bias", ".running_mean")):
        u /= 8
    else:
        raise ValueError(f"no seeded rule for the key '{key}' of rank {len(shape)}")
    return u.astype(np.float32)


def weights(net, seed):
    """Every tensor of the network description `net`: {key: float32 array}."""
    return {key: tensor(key, shape, seed) for key, shape in network.tensors(net).items()}


def input_image(net, seed):
    """The float32 NCHW test input of the network description `net`."""
    return uniform("input", net["input"], seed).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["weights", "input"])
    parser.add_argument("network", help="a network description (.json)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", required=True, help=".safetensors for weights, .npy for the input")
    arguments = parser.parse_args()
    net = network.load(arguments.network)
    if arguments.what == "weights":
        safetensors_file.write(arguments.output, weights(net, arguments.seed))
    else:
        np.save(arguments.output, input_image(net, arguments.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
