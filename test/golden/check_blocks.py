#!/usr/bin/env python3
#===- check_blocks.py - the blocks found in a network --------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Counts the blocks that the compiler finds in a network, by name, from both of
torch's exporters, and from both graphs mutated (mutate.py), against those of its
description. No attention may be left outside of a block, nor its products."""

import argparse
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import fill
import mutate
import network

KINDS = ("uib", "fused_ib", "mqa")
LOOSE = ("matmul", "softmax", "batch_norm")
EXPORTERS = ("torchscript", "dynamo")


def raised(minnow, model, folder):
    """How often each op of the dialect occurs after raise; nothing, and the reason printed, where that fails."""
    output = folder / "raised.mlir"
    command = [minnow, "compile", *model, "--stop-after", "raise", "-o", output]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode:
        print(result.stderr, end="", file=sys.stderr)
        return collections.Counter()
    return collections.Counter(re.findall(r"= mobile\.(\w+)", output.read_text()))


def check(name, expected, found):
    """Prints a row; whether the blocks are those expected and none is loose."""
    good = all(found[kind] == expected[kind] for kind in KINDS) and \
        found["attention"] == expected["mqa"] and not any(found[op] for op in LOOSE)
    counts = ", ".join(f"{found[op]} {op}" for op in (*KINDS, *LOOSE) if found[op] or op in KINDS)
    print(f"{'ok  ' if good else 'FAIL'} {name:45} {counts}")
    return good


def variants(name, folder):
    """(label, arguments of compile) of each way to give the network `name`."""
    yield name, [name, "--weights", "random:1"]
    for exporter in EXPORTERS:
        graph = f"{name}.{exporter}"
        path = pathlib.Path(fill.fill(graph, folder))
        yield graph, [path]
        mutated = pathlib.Path(shutil.copy(path, folder / "mutated.onnx"))
        mutate.mutate(mutated, seed=1)
        yield f"{graph}, mutated", [mutated]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow")
    arguments = parser.parse_args()
    good = True
    for name in arguments.networks:
        blocks = network.load(fill.MODELS / f"{name}.json")["blocks"]
        expected = collections.Counter(block["kind"] for block in blocks)
        with tempfile.TemporaryDirectory() as folder:
            for label, model in variants(name, pathlib.Path(folder)):
                good &= check(label, expected, raised(arguments.programs / "minnow", model, pathlib.Path(folder)))
    return 0 if good else 2


if __name__ == "__main__":
    sys.exit(main())
