#!/usr/bin/env python3
#===- photos.py - what a trained network says of photos ------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a network with its trained weights and shows it photos.

DATA holds what models/fetch_weights.py fetches. Ends with 2 where the best label
is not the one that ONNX Runtime gives, and with 77, a skip, without the data.
"""

import argparse
import pathlib
import sys
import tempfile

from run import MODELS, SKIPPED, find_runner, run

# Photos of which ONNX Runtime is sure enough: others hang on how they are resized.
LABELS = {
    "mobilenet_v2": {"chelsea.png": "Egyptian cat", "coffee.png": "espresso"},
    "efficientnet_lite0": {"chelsea.png": "tiger cat", "coffee.png": "espresso"},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=LABELS)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of weights and photos")
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow and minnow-run")
    parser.add_argument("--aarch64", type=pathlib.Path, metavar="FOLDER",
                        help="compile for AArch64 and run by the cross-built minnow-run of this folder")
    arguments = parser.parse_args()
    weights = arguments.data / f"{arguments.model}.safetensors"
    if not weights.exists() or not (arguments.data / "photos").exists():
        print(f"skipped: no trained weights and photos in {arguments.data} (models/fetch_weights.py fetches them)")
        sys.exit(SKIPPED)
    runner = find_runner(arguments)
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "net.so")
        run(arguments.programs / "minnow", "compile", arguments.model, "--weights", weights, "-o", program,
            "--cpu", "cortex-a76" if arguments.aarch64 else "native")
        for photo, label in LABELS[arguments.model].items():
            printed = run(*runner, program, "--image", arguments.data / "photos" / photo,
                          "--labels", MODELS / "imagenet_labels.txt", "--top", "1")
            if not any(line.endswith(f"  {label}") for line in printed.splitlines()):
                print(f"{photo}: expected {label}", file=sys.stderr)
                sys.exit(2)


if __name__ == "__main__":
    main()
