#!/usr/bin/env python3
#===- reproducible.py - the same network gives the same bytes ------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles models twice and compares every byte: in two processes, two folders
and two environments, without the cache, the second time with the initializers
of the ONNX file in another order."""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import graph_maker

OUTPUTS = ("net.so", "net.o", "net.a")
SEEDS = (2, 5, 11)


def shuffle(model):
    """Another order of what has none."""
    initializers = list(model.graph.initializer)
    random.Random(1).shuffle(initializers)
    del model.graph.initializer[:]
    model.graph.initializer.extend(initializers)


def build(program, model, folder, environment, *options):
    """{name: bytes} of all outputs of the model."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for output in OUTPUTS:
        subprocess.run([program, "compile", "model.onnx", "-o", output, "--no-cache", *options], cwd=folder,
                       env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "model.onnx"}


def differing(program, seed):
    """The outputs of network `seed` that are not the same twice."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = graph_maker.make(seed)
        first = build(program, model, folder / "a", {}, "-j2")
        shuffle(model)
        other = {"HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C", "MINNOW_UNUSED": "x" * 5000}
        second = build(program, model, folder / "another-folder", other, "-j1")
        return [name for name in first.keys() | second.keys() if first.get(name) != second.get(name)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow")
    program = (parser.parse_args().programs / "minnow").resolve()
    faults = [f"seed {seed}: {name} differs" for seed in SEEDS for name in differing(program, seed)]
    print("\n".join(faults) or f"{len(SEEDS)} networks give the same bytes twice")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
