#!/usr/bin/env python3
#===- run_fetched.py - a fetched ONNX network against ONNX Runtime -------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fetches a network of models/fetch_weights.py, compiles it, runs it on a
seeded input and compares with ONNX Runtime.

Ends with 2 where the error is more than 1e-4 or a primitive went the slow way,
and with 77, which ctest reports as skipped, where the network cannot be had.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from check_graphs import SEED, run as run_onnxruntime
from fill import MODELS
from run import run
from seeded import uniform

SKIPPED = 77


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("shape", help="of the input, NAME:1,3,48,192")
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow and minnow-run")
    parser.add_argument("--folder", required=True, type=pathlib.Path, help="where fetched networks are kept")
    arguments = parser.parse_args()
    fetch = [sys.executable, MODELS / "fetch_weights.py", arguments.folder, arguments.name]
    if subprocess.run(fetch).returncode:
        return SKIPPED
    graph = arguments.folder / f"{arguments.name}.onnx"
    shape = [int(size) for size in arguments.shape.rsplit(":", 1)[1].split(",")]
    image = uniform("input", shape, SEED).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "x.npy", image)
        np.save(folder / "y.npy", run_onnxruntime(graph, image))
        report = run(arguments.programs / "minnow", "compile", graph, "--input-shape", arguments.shape,
                     "-o", folder / "net.so")
        if "slow way   none" not in report:
            return 2
        run(arguments.programs / "minnow-run", folder / "net.so", "--input", folder / "x.npy",
            "--expect", folder / "y.npy", "--tolerance", "1e-4")
    return 0


if __name__ == "__main__":
    sys.exit(main())
