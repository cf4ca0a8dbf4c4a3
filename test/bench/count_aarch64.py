#!/usr/bin/env python3
#===- count_aarch64.py - instructions of one inference on AArch64 --------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Counts what one inference of a compiled network executes on AArch64.

PROGRAM is a .so for AArch64; the cross-built minnow-bench runs it under
qemu-aarch64 with icount.c, and marks each kernel call of its last inference.
Prints instructions, loads and stores, and fmla of each kernel and of all, and
the ratio of the instructions to the fewest that the MACs need (four an fmla).
Beside each kernel stands its hottest inner loop: fmla (of bytes sdot) + other
instructions, and the fmla that llvm-mca gives neoverse-n1 a cycle (two at most).
"""

import argparse
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import hot_loops

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COUNTS = re.compile(r"\[icount (\d+)\] all (\d+) simd (\d+) memory (\d+) fmla (\d+)")
START = 0xFFFFFFFF


def count(program, bench, cpu):
    """minnow-bench's report, and for each call (index, all, memory, fmla)."""
    qemu = shutil.which("qemu-aarch64")
    if not qemu:
        sys.exit("error: qemu-aarch64 is missing; install qemu-user")
    if not bench.exists():
        sys.exit(f"error: {bench} is missing; run ./dev build --aarch64")
    with tempfile.TemporaryDirectory() as folder:
        plugin = pathlib.Path(folder, "libicount.so")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", HERE / "icount.c", "-o", plugin], check=True)
        result = subprocess.run(
            [qemu, "-cpu", cpu, "-L", "/usr/aarch64-linux-gnu", "-plugin", plugin, bench, program,
             "--threads", "1", "--warmup", "0", "--iterations", "1", "--profile", "--mark", "--json"],
            capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stderr)
    counts = [tuple(map(int, match.groups())) for match in COUNTS.finditer(result.stderr)]
    counts = [(tag, everything, memory, fmla) for tag, everything, _, memory, fmla in counts if tag != START]
    return json.loads(result.stdout), counts


def total_by_kernel(report, counts):
    """kernel -> [calls, all, memory, fmla, macs]."""
    kernels = collections.defaultdict(lambda: [0, 0, 0, 0, 0])
    for tag, everything, memory, fmla in counts:
        call = report["calls"][tag]
        row = kernels[call["kernel"]]
        for i, value in enumerate((1, everything, memory, fmla, call["macs"])):
            row[i] += value
    return kernels


def show(name, row, loop=None):
    calls, everything, memory, fmla, macs = row
    ratio = f"{everything / (macs / 4):6.2f}" if macs else "      "
    inner = f"{loop[0]:4} +{loop[1]:4} {loop[0] / loop[2]:7.2f}" if loop else " " * 18
    print(f"{everything / 1e6:9.3f} {memory / 1e6:8.3f} {fmla / 1e6:8.3f} {ratio} {calls:5} {inner}  {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--bench", type=pathlib.Path, default=ROOT / "build-aarch64" / "bin" / "minnow-bench")
    parser.add_argument("--cpu", default="cortex-a76", help="what qemu emulates")
    parser.add_argument("--json", action="store_true", help="print the totals as JSON")
    arguments = parser.parse_args()
    report, counts = count(arguments.program, arguments.bench, arguments.cpu)
    kernels = total_by_kernel(report, counts)
    total = [sum(column) for column in zip(*kernels.values())]
    if arguments.json:
        print(json.dumps(dict(zip(("calls", "instructions", "memory", "fmla", "macs"), total))))
        return
    names = dict.fromkeys(call["kernel"] for call in report["calls"])
    loops = dict(zip(names, hot_loops.analyze(arguments.program), strict=True))
    print("   M all   memory     fmla  ratio calls  inner loop a cycle  kernel")
    for name, row in sorted(kernels.items(), key=lambda item: -item[1][1]):
        show(name, row, loops.get(name))
    show("all", total)


if __name__ == "__main__":
    main()
