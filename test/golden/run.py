#!/usr/bin/env python3
#===- run.py - one golden run through the compiler and the runtime -------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a network, runs it on the seeded input and compares the logits.

MODEL is a name of models/ or of blocks/, or graphs/NAME.EXPORTER (an ONNX file,
whose weights are filled in by the formula). Ends with 2 where the error is more
than 1e-4 or a primitive went the slow way, as the programs do. With --aarch64
the network is compiled for that machine and runs under qemu; with --vulkan it is
a package for a GPU and the validation layer must have nothing to say. Ends with
77, which CTest takes for a skip, where the machine, qemu or the GPU is missing.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parent.parent / "models"
SEED = "1"
SKIPPED = 77


def run(*command):
    """Runs a program whose failure is the test's, and returns what it prints."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    print(result.stdout, end="")
    print(result.stderr, end="", file=sys.stderr)
    if result.returncode:
        sys.exit(result.returncode)
    return result.stdout


def find_runner(arguments):
    """The words that run minnow-run, here or under the emulator."""
    if not arguments.aarch64:
        return [arguments.programs / "minnow-run"]
    program, qemu = arguments.aarch64 / "minnow-run", shutil.which("qemu-aarch64")
    for what, found in (("qemu-aarch64", qemu), (f"{program} (./dev build --aarch64)", program.exists())):
        if not found:
            print(f"skipped: {what} is missing")
            sys.exit(SKIPPED)
    return [qemu, "-L", "/usr/aarch64-linux-gnu", program]


def check_gpu(runner, driver=None):
    """Skips where there is no Vulkan device; has the validation layer watch."""
    if driver:
        if not driver.exists():
            print(f"skipped: {driver} is missing (Debian: chromium-common)")
            sys.exit(SKIPPED)
        os.environ["VK_DRIVER_FILES"] = os.environ["VK_ICD_FILENAMES"] = str(driver)
    devices = subprocess.run([str(word) for word in runner] + ["--devices"], capture_output=True, text=True).stdout
    if "vulkan:0" not in devices:
        print("skipped: no Vulkan device (Debian: mesa-vulkan-drivers):", devices.splitlines()[-1:])
        sys.exit(SKIPPED)
    os.environ["MINNOW_VULKAN_VALIDATION"] = "1"


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
    parser.add_argument("--mutate", type=int, metavar="SEED", help="rewrite the graph by mutate.py first")
    parser.add_argument("--kernels", type=int, help="expected number of kernel calls")
    parser.add_argument("--optimize", default="time", help="passed on to minnow compile")
    parser.add_argument("--cpu", help="passed on to minnow compile")
    parser.add_argument("--aarch64", type=pathlib.Path, metavar="FOLDER",
                        help="compile for AArch64 and run by the cross-built minnow-run of this folder")
    parser.add_argument("--vulkan", action="store_true", help="as a package on the first Vulkan device")
    parser.add_argument("--driver", type=pathlib.Path, metavar="ICD.json", help="the Vulkan driver to take")
    parser.add_argument("--tolerance", default="1e-4")
    parser.add_argument("--precision", default="f32", help="passed on to minnow compile")
    parser.add_argument("--slow-way", action="store_true", help="primitives may go the slow way")
    arguments = parser.parse_args()
    cpu = arguments.cpu or ("cortex-a76" if arguments.aarch64 else "native")
    runner = find_runner(arguments)
    program, target = "net.so", ["--cpu", cpu]
    if arguments.vulkan:
        check_gpu(runner, arguments.driver)
        program, target = "net.mnw", ["--target", "vulkan", "--precision", arguments.precision,
                                         *(["--cpu", arguments.cpu] if arguments.cpu else [])]
    description, expected, graph = locate(arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(sys.executable, MODELS / "seeded.py", "input", description, "--seed", SEED, "-o", folder / "x.npy")
        source = [description if arguments.model.startswith("blocks/") else arguments.model,
                  "--weights", f"random:{SEED}"]
        if graph:
            run(sys.executable, HERE / "fill.py", folder, graph)
            source = [folder / f"{graph}.onnx"]
            if arguments.mutate is not None:
                run(sys.executable, HERE / "mutate.py", *source, "--seed", arguments.mutate)
        report = run(arguments.programs / "minnow", "compile", *source, "-o", folder / program,
                     "--optimize", arguments.optimize, *target)
        if "slow way   none" not in report and not arguments.slow_way:
            sys.exit(2)
        if arguments.kernels and f" for {arguments.kernels} calls" not in report:
            print(f"expected {arguments.kernels} kernel calls", file=sys.stderr)
            sys.exit(2)
        result = subprocess.run([*map(str, runner), folder / program, "--input", folder / "x.npy", "--expect", expected,
                                 "--tolerance", arguments.tolerance, "--threads", arguments.threads],
                                stdout=sys.stdout, stderr=subprocess.PIPE, text=True)
        print(result.stderr, end="", file=sys.stderr)
        sys.exit(result.returncode or 2 * ("vulkan validation" in result.stderr))


if __name__ == "__main__":
    main()
