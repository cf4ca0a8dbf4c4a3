#!/usr/bin/env python3
#===- convert_litert.py - one network as LiteRT takes it -----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fills timm's or torchvision's module with the seeded weights and converts it
with litert-torch, channels last. Runs in LiteRT's venv."""

import argparse
import pathlib
import sys

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models"))

import network
import seeded
from make_networks import TIMM_NETWORKS

SEED = 1


def module(name, net):
    """The original module in evaluation mode, with seeded weights."""
    if name in TIMM_NETWORKS:
        import timm
        model = timm.create_model(TIMM_NETWORKS[name])
    else:
        import torchvision
        model = torchvision.models.mobilenet_v2(weights=None)
    weights = {key: torch.from_numpy(value) for key, value in seeded.weights(net, SEED).items()}
    missing, surplus = model.load_state_dict(weights, strict=False)
    if surplus or any(not key.endswith("num_batches_tracked") for key in missing):
        sys.exit(f"error: {name}: keys differ: missing {missing}, surplus {surplus}")
    return model.eval()


def convert(model, net, path):
    import litert_torch
    example = torch.zeros(net["input"]).permute(0, 2, 3, 1)
    litert_torch.convert(litert_torch.to_channel_last_io(model, args=[0]), (example,)).export(str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("output", type=pathlib.Path)
    arguments = parser.parse_args()
    net = network.load(ROOT / "models" / f"{arguments.name}.json")
    convert(module(arguments.name, net), net, arguments.output)


if __name__ == "__main__":
    main()
