#!/usr/bin/env python3
#===- count_hexagon.py - packets of one inference on Hexagon -------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Counts the packets that int8 networks execute on Hexagon, kernel by kernel.

Each network is quantized, compiled for Hexagon and run under qemu-hexagon with
pcount.c. A packet holds up to four instructions, two vrmpy among them: 256
multiply-adds are the limit. A packet is no cycle: nothing here knows of caches,
of prefetches or of results that are waited for.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "models"), str(ROOT / "test" / "golden")]

import etpu

NETWORKS = ["mobilenetv4_conv_small", "mobilenetv4_conv_medium", "mobilenetv4_hybrid_medium", "mobilenet_v2",
            "efficientnet_lite0"]
CLASSES = ("pointwise", "depthwise3x3", "depthwise5x5")
COLUMNS = ("packets", "instructions", "vrmpy", "loads", "stores")
LIMIT = 256


def count(program, programs, folder):
    """minnow-bench's report, and for each call its counts in the order of COLUMNS."""
    plugin, counts = folder / "libpcount.so", folder / "counts"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", HERE / "pcount.c", "-o", plugin], check=True)
    result = subprocess.run(
        [programs / "minnow-bench", program, "--warmup", "0", "--iterations", "1", "--profile", "--json"],
        capture_output=True, text=True, env={**os.environ, "QEMU_PLUGIN": str(plugin), "MINNOW_COUNTS": str(counts)})
    if result.returncode:
        sys.exit(result.stderr)
    report = json.loads(result.stdout)
    lines = [tuple(map(int, line.split())) for line in counts.read_text().splitlines()]
    last = lines[-len(report["calls"]):]
    assert [line[0] for line in last] == list(range(len(report["calls"])))
    return report, [line[1:] for line in last]


def total_by_kernel(report, counts):
    """kernel -> calls, MACs, and a count for each of COLUMNS."""
    kernels = collections.defaultdict(lambda: [0] * (2 + len(COLUMNS)))
    for call, counted in zip(report["calls"], counts, strict=True):
        for i, value in enumerate((1, call["macs"], *counted)):
            kernels[call["kernel"]][i] += value
    return kernels


def show(name, row):
    calls, macs, packets, instructions, _, loads, stores = row
    rate = f"{packets * 128 / macs:7.2f} {macs / packets:6.1f} {100 * macs / packets / LIMIT:4.0f} %" if macs else " " * 21
    print(f"{packets / 1e3:10.1f} {rate} {instructions / packets:5.2f} {loads / 1e3:9.1f} {stores / 1e3:8.1f} {calls:5}  {name}")


def summarize(kernels):
    """What the kernels of one product of each class come to, and the share of the limit weighted by multiply-adds."""
    for kind in CLASSES:
        rows = [row for kernel, row in kernels.items() if re.match(kind + r"(s\d)?(_requantize|_lookup)*_\d", kernel)]
        if rows:
            show(kind, [sum(column) for column in zip(*rows)])
            share = sum(row[1] ** 2 / row[2] for row in rows) / sum(row[1] for row in rows)
            print(f"{'':10} weighted {share:6.1f} {100 * share / LIMIT:4.1f} %")


def report_network(name, arguments):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        module = arguments.module
        if not module:
            module = etpu.quantize(argparse.Namespace(programs=arguments.programs, model=name, data=None), folder)
        subprocess.run([arguments.programs / "minnow", "compile", module, "--target", "hexagon", "--cpu", arguments.cpu,
                        "--optimize", arguments.optimize, "-o", folder / "net.elf"], check=True, stdout=subprocess.DEVNULL)
        report, counts = count(folder / "net.elf", arguments.programs, folder)
    kernels = total_by_kernel(report, counts)
    print(f"\n{name}: packets (a packet is no cycle), with the share of {LIMIT} multiply-adds a packet")
    print("k packets  /128 MACs  MACs/p share  i/p   k loads k stores calls  kernel")
    for kernel, row in sorted(kernels.items(), key=lambda item: -item[1][2]):
        show(kernel, row)
    summarize(kernels)
    show("all", [sum(column) for column in zip(*kernels.values())])


def main():
    parser = argparse.ArgumentParser(prog="./dev bench --hexagon", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hexagon", action="store_true", help="count packets for Hexagon, without peers")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--module", help="an int8 module instead, such as minnow quantize leaves")
    parser.add_argument("--cpu", default="hexagonv66", help="hexagonv66+vector-dots: products of two vectors, one a packet")
    parser.add_argument("--optimize", default="time", help="separate: each product a kernel of its own")
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build" / "bin", help="folder of the programs")
    arguments = parser.parse_args()
    if not shutil.which("qemu-hexagon"):
        sys.exit("error: qemu-hexagon is missing; install qemu-user")
    for name in [arguments.module] if arguments.module else arguments.networks:
        report_network(name, arguments)


if __name__ == "__main__":
    main()
