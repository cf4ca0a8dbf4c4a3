#!/usr/bin/env python3
#===- etpu.py - quantized networks on the simulated EX1b -----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizes a network, compiles it for EX1b and checks every byte and its cost.

`minnow verify` compares each kernel's result with the int8 reference and the
program's outputs with those of the verified kernels; `minnow-etpu` says what the
program costs: cycles over the lower bound, and DRAM bytes over weights, inputs
and outputs, with 1 MiB of activation memory and with half of it. Without --data
weights are seeded; with it they are trained ones, and the labels of photos must
be right. Ends with 2 where something differs or costs more than GOALS.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from photos import LABELS
from run import MODELS, SEED, SKIPPED, run

# Cycles, cold, over the bound; None: only told.
GOALS = {
    "mobilenetv4_conv_small": 1.2,
    "mobilenetv4_conv_medium": 1.4,
    "mobilenetv4_hybrid_medium": 1.45,
    "mobilenetv4_conv_large": 1.25,
    "mobilenetv4_hybrid_large": 1.3,
}
# DRAM bytes over the compulsory ones, by KiB of activation memory.
DRAM_GOALS = {1024: 1.05, 512: 1.15}


def quantize(arguments, folder):
    """The int8 module of the network."""
    calibration = folder / "calibration"
    if arguments.data:
        calibration = arguments.data / "photos"
        weights = arguments.data / f"{arguments.model}.safetensors"
    else:
        calibration.mkdir()
        weights = f"random:{SEED}"
        run(sys.executable, MODELS / "seeded.py", "input", MODELS / f"{arguments.model}.json", "--seed", SEED, "-o",
            calibration / "x.npy")
    run(arguments.programs / "minnow", "quantize", MODELS / f"{arguments.model}.json", "--weights", weights,
        "--calibrate", calibration, "-o", folder / "int8.mlirbc")
    return folder / "int8.mlirbc"


def check_cost(arguments, folder, module, kib):
    """Compiles for `kib` KiB of activation memory; whether the cost is within the goals."""
    (folder / "machine.json").write_text(json.dumps({"activation_bytes": kib * 1024}), encoding="utf-8")
    run(arguments.programs / "minnow", "compile", module, "--target", "etpu", "--cpu", folder / "machine.json", "-o",
        folder / "net.mnw")
    run(arguments.programs / "minnow-etpu", folder / "net.mnw", "--quiet", "--json", folder / "net.json")
    cost = json.loads((folder / "net.json").read_text(encoding="utf-8"))
    cycles, dram = cost["cycles"] / cost["bound"], cost["dram_bytes"] / cost["compulsory_bytes"]
    print(f"{kib} KiB: {cost['cycles']} cycles, {cycles:.3f} of the bound, warm {cost['warm_cycles'] or '-'}; "
          f"DRAM {dram:.3f}")
    most = GOALS.get(arguments.model) if kib == 1024 else None
    return (most is None or cycles <= most) and dram <= DRAM_GOALS[kib]


def check_photos(arguments, folder, module, target="etpu", program="net.mnw"):
    """Compiles for `target`; whether the first labels of photos are right."""
    run(arguments.programs / "minnow", "compile", module, "--target", target, "-o", folder / program)
    right = True
    for photo, label in LABELS[arguments.model].items():
        printed = run(arguments.programs / "minnow-run", folder / program, "--image", arguments.data / "photos" / photo,
                      "--labels", MODELS / "imagenet_labels.txt", "--top", "1")
        right &= any(line.endswith(f"  {label}") for line in printed.splitlines())
    return right


def parse(description):
    """The arguments of a check of a quantized network; skips it without the weights it needs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model")
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of the programs")
    parser.add_argument("--data", type=pathlib.Path, help="folder of trained weights and photos")
    arguments = parser.parse_args()
    if arguments.data and not (arguments.data / f"{arguments.model}.safetensors").exists():
        print(f"skipped: no trained weights in {arguments.data} (models/fetch_weights.py fetches them)")
        sys.exit(SKIPPED)
    return arguments


def main():
    arguments = parse(__doc__)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        module = quantize(arguments, folder)
        run(arguments.programs / "minnow", "verify", module, "--target", "etpu")
        right = [check_cost(arguments, folder, module, kib) for kib in DRAM_GOALS]
        if arguments.data:
            right.append(check_photos(arguments, folder, module))
    sys.exit(0 if all(right) else 2)


if __name__ == "__main__":
    main()
