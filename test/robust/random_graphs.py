#!/usr/bin/env python3
#===- random_graphs.py - random networks against ONNX Runtime ------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles and runs random networks and compares each output with ONNX Runtime.

Ends with 1 if a network did not compile or run, or was off by more than 1e-4;
then each failing seed is printed with the smallest part of it that still fails,
which is left in the folder of --keep. `random_graphs.py ... --first SEED`
runs one again.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

import graph_maker
import graph_reducer

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "golden"))
from run import find_runner  # noqa: E402

TOLERANCE = "1e-4"
# A network of this size takes seconds; what takes minutes hangs.
TIMEOUT = 300


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow and minnow-run")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds")
    parser.add_argument("--cpu", nargs="+", default=["native"], help="CPUs, taken in turn")
    parser.add_argument("--aarch64", type=pathlib.Path, metavar="FOLDER",
                        help="run by the cross-built minnow-run of this folder")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="networks at once")
    parser.add_argument("--keep", type=pathlib.Path, default=pathlib.Path("."), help="where failing models go")
    parser.add_argument("--reduce-seconds", type=float, default=120, help="for making a failing model smaller")
    return parser.parse_args()


def reference(model, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def commands(arguments, seed, folder, inputs, outputs):
    """The compiler's command and the runner's. Every other seed aims at memory,
    which fuses whatever can be fused, and runs on one thread."""
    compiler = [arguments.programs / "minnow", "compile", folder / "model.onnx", "-o", folder / "net.so", "--no-cache",
                "-j1", "--optimize", ("time", "memory")[seed % 2],
                "--cpu", arguments.cpu[seed // 2 % len(arguments.cpu)]]
    return compiler, [*find_runner(arguments), folder / "net.so", "--input", *inputs, "--expect", *outputs,
                      "--tolerance", TOLERANCE, "--threads", str(2 - seed % 2)]


def save(folder, kind, arrays):
    paths = [folder / f"{kind}{i}.npy" for i in range(len(arrays))]
    for path, array in zip(paths, arrays):
        np.save(path, array)
    return paths


def check(arguments, seed, model):
    """What went wrong with the model, or None."""
    inputs = graph_maker.make_inputs(model, seed)
    outputs = reference(model, inputs)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        onnx.save(model, folder / "model.onnx")
        for command in commands(arguments, seed, folder, save(folder, "x", inputs.values()),
                                save(folder, "y", outputs)):
            try:
                result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                                        timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                return f"{pathlib.Path(command[0]).name} ran for more than {TIMEOUT} s"
            if result.returncode:
                said = (result.stderr + result.stdout).replace(f"{folder}/", "").strip()
                return f"{pathlib.Path(command[0]).name} ended with {result.returncode}: {said}"
    return None


def report(arguments, seed, model, fault):
    """Prints a failure with its reduced model."""
    kind = fault.split(":")[0]

    def fails(smaller):
        found = check(arguments, seed, smaller)
        return found is not None and found.split(":")[0] == kind

    model = graph_reducer.reduce(model, fails, arguments.reduce_seconds)
    path = arguments.keep / f"random-{seed}.onnx"
    onnx.save(model, path)
    print(f"seed {seed}: {fault}\nreduced to {path}:\n{text_of(model)}", flush=True)


def text_of(model):
    """The model as text, of the weights only their shapes."""
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    del graph.value_info[:], graph.initializer[:]
    weights = ", ".join(f"{weight.name} {list(weight.dims)}" for weight in model.graph.initializer)
    return f"{onnx.printer.to_text(graph)}\nweights: {weights}\n"


def main():
    arguments = parse()
    find_runner(arguments)
    seeds = range(arguments.first, arguments.first + arguments.count)
    failing = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        faults = pool.map(lambda seed: check(arguments, seed, graph_maker.make(seed)), seeds)
        for seed, fault in zip(seeds, faults):
            if fault:
                failing.append(seed)
                report(arguments, seed, graph_maker.make(seed), fault)
    print(f"{len(seeds) - len(failing)} of {len(seeds)} networks agree with ONNX Runtime")
    if failing:
        print("failing seeds:", *failing)
    sys.exit(1 if failing else 0)


if __name__ == "__main__":
    main()
