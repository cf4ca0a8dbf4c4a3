#!/usr/bin/env python3
#===- run.py - one golden run through the compiler and the runtime -------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a network, runs it on the seeded input and compares the logits.

MODEL is a name of models/ or of blocks/, or graphs/NAME.EXPORTER (an ONNX file,
whose weights are filled in by the formula). Ends with 2 where the error is more
than 1e-4 or a primitive went the slow way, as the programs do.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parent.parent / "models"
SEED = "1"


def run(*command):
    """Runs a program whose failure is the test's, and returns what it prints."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    print(result.stdout, end="")
    print(result.stderr, end="", file=sys.stderr)
    if result.returncode:
        sys.exit(result.returncode)
    return result.stdout


def locate(model):
    """(description, expected output, graph or None) of a model's name."""
    if model.startswith("graphs/"):
        name = model.split("/")[1].rsplit(".", 1)[0]
        return MODELS / f"{name}.json", HERE / "logits" / f"{name}.npy", model.split("/")[1]
    if model.startswith("blocks/"):
        return HERE / f"{model}.json", HERE / f"{model}.npy", None
    return MODELS / f"{model}.json", HERE / "logits" / f"{model}.npy", None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow and minnow-run")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--kernels", type=int, help="expected number of kernel calls")
    parser.add_argument("--optimize", default="time", help="passed on to minnow compile")
    parser.add_argument("--cpu", default="native", help="passed on to minnow compile")
    arguments = parser.parse_args()
    description, expected, graph = locate(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(sys.executable, MODELS / "seeded.py", "input", description, "--seed", SEED, "-o", folder / "x.npy")
        source = [description if arguments.model.startswith("blocks/") else arguments.model,
                  "--weights", f"random:{SEED}"]
        if graph:
            run(sys.executable, HERE / "fill.py", folder, graph)
            source = [folder / f"{graph}.onnx"]
        report = run(arguments.programs / "minnow", "compile", *source, "-o", folder / "net.so",
                     "--optimize", arguments.optimize, "--cpu", arguments.cpu)
        if "slow way   none" not in report:
            sys.exit(2)
        if arguments.kernels and f" for {arguments.kernels} calls" not in report:
            print(f"expected {arguments.kernels} kernel calls", file=sys.stderr)
            sys.exit(2)
        run(arguments.programs / "minnow-run", folder / "net.so", "--input", folder / "x.npy",
            "--expect", expected, "--tolerance", "1e-4", "--threads", arguments.threads)


if __name__ == "__main__":
    main()
