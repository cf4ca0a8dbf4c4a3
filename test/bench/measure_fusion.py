#!/usr/bin/env python3
#===- measure_fusion.py - each block as one kernel and as several --------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Holds the cost model's fusion decisions against measurements on this machine.

Compiles each network twice, with every block one kernel and with every product
a kernel of its own, and times the kernels of both inside the network, in turn,
on one thread. Prints for each block what the model predicts and what was
measured, and fails if a sign is wrong: a gain predicted and more than --tie
lost, or a loss predicted and more than that gained.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = ROOT / "build" / "bin"
WAYS = ("blocks", "separate")


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stderr)
    return result.stdout


def analyze(network, way, options):
    return json.loads(run(BIN / "minnow", "analyze", network, "--optimize", way, "--json", *options))


def compile_both(network, folder, options):
    programs = {way: folder / f"{network}-{way}.so" for way in WAYS}
    for way, program in programs.items():
        run(BIN / "minnow", "compile", network, "--weights", "random:1", "--optimize", way, "-o", program, *options)
    return programs


def measure(programs, rounds, iterations):
    """way -> the median over the rounds of each call's time, in us."""
    times = {way: [] for way in WAYS}
    for index in range(rounds):
        for way in WAYS if index % 2 else reversed(WAYS):
            report = json.loads(run(BIN / "minnow-bench", programs[way], "--threads", 1, "--warmup", 5,
                                    "--iterations", iterations, "--profile", "--json"))
            times[way].append([call["us"] for call in report["calls"]])
    return {way: [statistics.median(samples) for samples in zip(*runs)] for way, runs in times.items()}


def by_block(analysis, calls):
    """block -> its time in us."""
    return {row["name"]: sum(calls[row["first_kernel"]:row["first_kernel"] + row["kernels"]])
            for row in analysis["blocks"]}


def judge(network, analyses, times, tie):
    """A row for each block that one kernel can compute: name, predicted and
    measured times of both ways, and whether the signs agree."""
    one, several = (by_block(analyses[way], times[way]) for way in WAYS)
    apart = {row["name"]: row["predicted_us"] for row in analyses["separate"]["blocks"]}
    for row in analyses["blocks"]["blocks"]:
        name = row["name"]
        if row["kernels"] != 1 or name not in several or apart[name] == row["predicted_us"]:
            continue
        predicted = apart[name] - row["predicted_us"]
        measured = several[name] - one[name]
        is_tie = abs(measured) <= tie * several[name]
        yield (network, name, row["kind"], row["predicted_us"], apart[name], one[name], several[name],
               "tie" if is_tie else "right" if (predicted > 0) == (measured > 0) else "WRONG")


def show(row):
    network, name, kind, together, apart, one, several, verdict = row
    print(f"{network:28} {name:12} {kind:20} {together:8.1f} {apart:8.1f} {100 * (apart - together) / apart:6.1f} %"
          f"  {one:8.1f} {several:8.1f} {100 * (several - one) / several:6.1f} %  {verdict}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*",
                        default=["mobilenetv4_conv_small", "mobilenetv4_conv_medium", "mobilenetv4_hybrid_medium"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--tie", type=float, default=0.02, help="what is no difference, as a share of the time")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the programs; kept, and used if they are there")
    arguments, options = parser.parse_known_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.keep or pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for network in arguments.networks:
            programs = {way: folder / f"{network}-{way}.so" for way in WAYS}
            if not all(program.exists() for program in programs.values()):
                programs = compile_both(network, folder, options)
            if arguments.rounds:
                analyses = {way: analyze(network, way, options) for way in WAYS}
                times = measure(programs, arguments.rounds, arguments.iterations)
                rows += judge(network, analyses, times, arguments.tie)
    print(f"{'':62} predicted us one, several, gain   measured us one, several, gain")
    for row in rows:
        show(row)
    wrong = sum(row[-1] == "WRONG" for row in rows)
    print(f"{len(rows)} blocks: {sum(row[-1] == 'right' for row in rows)} signs right, {wrong} wrong, "
          f"{sum(row[-1] == 'tie' for row in rows)} within {100 * arguments.tie:.0f} %")
    sys.exit(2 if wrong else 0)


if __name__ == "__main__":
    main()
