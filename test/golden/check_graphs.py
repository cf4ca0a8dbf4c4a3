#!/usr/bin/env python3
#===- check_graphs.py - ONNX Runtime against the golden logits -----------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fills the committed graphs, runs them in ONNX Runtime and compares with the
golden logits: a second, independent reference. Needs numpy and onnxruntime."""

import argparse
import pathlib
import sys
import tempfile

import numpy as np
import onnxruntime

import fill
import network
import seeded

LOGITS = fill.HERE / "logits"
SEED = 1
TOLERANCE = 1e-5


def error(ours, reference):
    """max |ours - reference| / max |reference|; NaN counts as infinite."""
    difference = np.abs(ours.astype(np.float64) - reference).max() / np.abs(reference).max()
    return np.inf if np.isnan(difference) else difference


def run(path, image):
    """The graph's only output for `image` on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: image})
    return output


def check(graph):
    """The error of one filled graph against its network's golden logits."""
    name = graph.split(".")[0]
    net = network.load(fill.MODELS / f"{name}.json")
    with tempfile.TemporaryDirectory() as folder:
        output = run(fill.fill(graph, pathlib.Path(folder)), seeded.input_image(net, SEED))
    return error(output, np.load(LOGITS / f"{name}.npy"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graphs", nargs="*", default=sorted(path.stem for path in fill.GRAPHS.glob("*.onnx")))
    worst = 0.0
    for graph in parser.parse_args().graphs:
        found = check(graph)
        worst = max(worst, found)
        print(f"{graph:42} error {found:.2e}")
    if worst > TOLERANCE:
        print(f"error: the largest error {worst:.2e} exceeds {TOLERANCE:.0e}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
