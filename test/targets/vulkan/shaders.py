#!/usr/bin/env python3
#===- shaders.py - the shaders of a package ------------------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints the shaders of a package for a GPU as assembly, each checked by spirv-val.

    shaders.py x.mnw [NUMBER]

Reads the package by its format (runtime/abi/package.h) and cuts the section
"shaders" at the magic number of SPIR-V modules. Ends with 1 where a shader is
not valid for Vulkan 1.1.
"""

import pathlib
import struct
import subprocess
import sys

MAGIC = struct.pack("<I", 0x07230203)


def section(data, wanted):
    count = struct.unpack_from("<I", data, 12)[0]
    for i in range(count):
        name, offset, size = struct.unpack_from("<16sQQ", data, 32 + 48 * i)
        if name.rstrip(b"\0").decode() == wanted:
            return data[offset:offset + size]
    sys.exit(f"no section {wanted}")


def cut(words):
    """The modules, at each aligned magic number that a version follows."""
    starts = [i for i in range(0, len(words), 4) if words[i:i + 4] == MAGIC and words[i + 7] == 0 and words[i + 6] == 1]
    return [words[a:b] for a, b in zip(starts, starts[1:] + [len(words)])]


def main():
    shaders = cut(section(pathlib.Path(sys.argv[1]).read_bytes(), "shaders"))
    chosen = [shaders[int(sys.argv[2])]] if len(sys.argv) > 2 else shaders
    for shader in chosen:
        result = subprocess.run(["spirv-val", "--target-env", "vulkan1.1"], input=shader, stderr=subprocess.PIPE)
        if result.returncode:
            sys.exit(result.stderr.decode())
        subprocess.run(["spirv-dis", "--no-indent", "--no-header"], input=shader, check=True)


if __name__ == "__main__":
    main()
