#===- write_npy.py - a .npy file without numpy ----------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Usage: write_npy.py FILE DIM... Writes floats between -2 and 2, always the same.
#===------------------------------------------------------------------------===#
import math
import random
import struct
import sys

shape = tuple(int(word) for word in sys.argv[2:])
header = repr({"descr": "<f4", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
generator = random.Random(1)
with open(sys.argv[1], "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    for _ in range(math.prod(shape)):
        file.write(struct.pack("<f", generator.uniform(-2, 2)))
