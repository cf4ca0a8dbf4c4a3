#!/usr/bin/env python3
#===- hexagon.py - quantized networks for Hexagon in qemu ----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizes a network, compiles it for Hexagon and checks every byte.

`minnow verify` compares each kernel's result with the int8 reference in the fixed
form, and the program's outputs with those of the verified kernels. Without --data
weights are seeded; with it they are trained ones, and the labels of photos must
be right. Ends with 2 where something differs.
"""

import pathlib
import shutil
import sys
import tempfile

from etpu import check_photos, parse, quantize
from run import SKIPPED, run


def main():
    if not shutil.which("qemu-hexagon"):
        print("skipped: no qemu-hexagon")
        sys.exit(SKIPPED)
    arguments = parse(__doc__)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        module = quantize(arguments, folder)
        run(arguments.programs / "minnow", "verify", module, "--target", "hexagon")
        if arguments.data and not check_photos(arguments, folder, module, "hexagon", "net.elf"):
            sys.exit(2)


if __name__ == "__main__":
    main()
