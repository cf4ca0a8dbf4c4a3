#!/usr/bin/env python3
#===- fill.py - gives the committed graphs their weights -----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the external data of graphs/*.onnx: by the seeded formula, or from
trained weights, which gives a reference graph of them without PyTorch.

graphs/X.json says for each tensor of graphs/X.onnx where it lies in the data
file and what it is: a tensor of the state_dict, or a convolution's weight or
bias with its batch norm folded in, as the exporters fold. Needs only numpy.
"""

import argparse
import json
import pathlib
import shutil
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parents[1] / "models"
GRAPHS = HERE / "graphs"
sys.path.insert(0, str(MODELS))

import network
import safetensors_file
import seeded


def fold_norm(weights, conv, prefix, epsilon):
    """float32 weight and bias of a convolution with its norm folded in, by float64."""
    gamma, beta, mean, var = (weights[f"{prefix}.{suffix}"].astype(np.float64) for suffix in network.NORM_SUFFIXES)
    scale = gamma / np.sqrt(var + epsilon)
    weight = weights[conv].astype(np.float64)
    folded = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    return folded.astype(np.float32), (beta - mean * scale).astype(np.float32)


def value(entry, weights, epsilon):
    """The float32 array of one entry of the table, in the state_dict's shape."""
    if entry["rule"] == "tensor":
        return weights[entry["key"]]
    weight, bias = fold_norm(weights, entry["key"], entry["norm"], epsilon)
    return weight if entry["rule"] == "folded_weight" else bias


def write_data(table, net, weights, path):
    """Writes the data file that `table` lays out for the network `net`."""
    with open(path, "wb") as file:
        for entry in table["tensors"]:
            file.write(bytes(entry["offset"] - file.tell()))
            file.write(value(entry, weights, net["batch_norm_epsilon"]).astype("<f4").tobytes())


def fill(graph, folder, weights=None):
    """Copies graphs/GRAPH.onnx to `folder` beside its data; returns the copy's path.

    `weights`: {key: float32 array}, by default those of the golden logits.
    """
    table = json.loads((GRAPHS / f"{graph}.json").read_text())
    net = network.load(MODELS / f"{table['network']}.json")
    weights = weights or seeded.weights(net, table["seed"])
    write_data(table, net, weights, folder / table["data"])
    return shutil.copy(GRAPHS / f"{graph}.onnx", folder)


def main():
    known = sorted(path.stem for path in GRAPHS.glob("*.onnx"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="where the filled graphs go")
    parser.add_argument("graphs", nargs="*", default=known, help=f"any of: {' '.join(known)}; all by default")
    parser.add_argument("--weights", help="a .safetensors with the network's keys, in place of the seeded formula")
    arguments = parser.parse_args()
    unknown = set(arguments.graphs) - set(known)
    if unknown:
        parser.error(f"no graph {', '.join(sorted(unknown))}; there are: {' '.join(known)}")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    try:
        weights = safetensors_file.read(arguments.weights) if arguments.weights else None
        for graph in arguments.graphs:
            print(fill(graph, arguments.folder, weights))
    except (OSError, safetensors_file.FormatError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyError as error:
        print(f"error: {arguments.weights} has no tensor {error}, which {graph} needs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
