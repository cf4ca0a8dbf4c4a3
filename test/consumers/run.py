#!/usr/bin/env python3
#===- run.py - other people's programs around an installed Minnow --------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds and runs one consumer of an installation, as a user would.

WHAT is `two-networks` (a C program that links two networks, also built as C++),
`package` (find_package), `pkg-config`, or `size` (the code of the runtime). The
numbers that a consumer prints must be those of minnow-run for the same input.
With --aarch64 the consumer is cross-built and runs under qemu; ends with 77,
which CTest takes for a skip, where something for that is missing.
"""

import argparse
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BLOCKS = HERE.parent / "golden" / "blocks"
NETWORKS = {"first": BLOCKS / "ib.json", "second": BLOCKS / "extradw_stride.json"}
SKIPPED = 77
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
MOST_CODE_BYTES = 64 * 1024


def run(*command, **options):
    """Runs a program whose failure is the test's, and returns what it prints."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    print("$", *command, result.stdout, result.stderr, sep=" ", flush=True)
    if result.returncode:
        sys.exit(result.returncode)
    return result.stdout


def need(program):
    found = shutil.which(program)
    if not found:
        print(f"skipped: {program} is missing")
        sys.exit(SKIPPED)
    return found


class Machine:
    """The words that compile for and run on the machine under test."""

    def __init__(self, prefix, is_aarch64):
        self.prefix, self.is_aarch64 = prefix, is_aarch64
        cross = "aarch64-linux-gnu-" if is_aarch64 else ""
        self.cc, self.cxx, self.size = (need(cross + name) for name in ("gcc", "g++", "size"))
        self.emulator = [need("qemu-aarch64"), "-L", "/usr/aarch64-linux-gnu"] if is_aarch64 else []
        self.options = ["--cpu", "cortex-a76"] if is_aarch64 else []
        if not (prefix / "lib" / "libminnow-runtime.a").exists():
            print(f"skipped: nothing is installed in {prefix}")
            sys.exit(SKIPPED)

    def run(self, program, *words):
        return run(*self.emulator, program, *words)


def compile_network(machine, minnow, name, output):
    run(minnow, "compile", NETWORKS[name], "--weights", "random:1", "--name", name, "-o", output, *machine.options)


def write_zeros(path, shape):
    """An .npy file of float zeros."""
    shape = tuple(shape)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
                     bytes(4 * math.prod(shape)))


def expected_logit(machine, minnow, name, folder):
    """The first logit for an input of zeros, by minnow-run."""
    library, zeros, logits = folder / f"{name}.so", folder / "zeros.npy", folder / "logits.npy"
    compile_network(machine, minnow, name, library)
    (shape,) = re.findall(r'"input": *\[([^\]]*)\]', NETWORKS[name].read_text())
    write_zeros(zeros, map(int, shape.split(",")))
    machine.run(machine.prefix / "bin" / "minnow-run", library, "--input", zeros, "--output", logits)
    data = logits.read_bytes()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return struct.unpack("<f", data[start:start + 4])[0]


def check(machine, minnow, printed, names, folder):
    for text, name in zip(printed.split(), names, strict=True):
        expected = expected_logit(machine, minnow, name, folder)
        if expected == 0 or abs(float(text) - expected) > 2e-6 + 1e-5 * abs(expected):
            sys.exit(f"{name}: {text} is printed where {expected} is expected")


def two_networks(machine, minnow, folder):
    for name in NETWORKS:
        compile_network(machine, minnow, name, folder / f"{name}.o")
    objects = [folder / f"{name}.o" for name in NETWORKS]
    source = HERE / "two_networks.c"
    run(machine.cc, "-std=c11", *STRICT, "-I", folder, source, *objects, "-o", folder / "app", "-pthread")
    run(machine.cxx, "-x", "c++", "-std=c++17", *STRICT, "-I", folder, source, "-x", "none", *objects,
        "-o", folder / "app++", "-pthread")
    for program in ("app", "app++"):
        check(machine, minnow, machine.run(folder / program), NETWORKS, folder)


def package(machine, minnow, folder):
    cross = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"] if machine.is_aarch64 else []
    run("cmake", "-S", HERE / "package", "-B", folder / "build", f"-DCMAKE_C_COMPILER={machine.cc}",
        f"-DCMAKE_PREFIX_PATH={machine.prefix}", f"-DMinnow_COMPILER={minnow}", f"-DMODEL={NETWORKS['first']}",
        f"-DOPTIONS={';'.join(machine.options)}", *cross)
    run("cmake", "--build", folder / "build")
    check(machine, minnow, machine.run(folder / "build" / "app"), ["first"], folder)


def pkg_config(machine, minnow, folder):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(machine.prefix / "lib" / "pkgconfig")}
    words = run(need("pkg-config"), "--cflags", "--libs", "minnow >= 0.1", env=environment).split()
    compile_network(machine, minnow, "first", folder / "first.o")
    run(machine.cc, "-std=c11", *STRICT, "-I", folder, HERE / "runtime_app.c", folder / "first.o", *words,
        "-o", folder / "app")
    check(machine, minnow, machine.run(folder / "app"), ["first"], folder)


def size(machine, _minnow, _folder):
    """The code and constants of all that the runtime's library holds."""
    table = run(machine.size, "-t", machine.prefix / "lib" / "libminnow-runtime.a")
    total = int(table.splitlines()[-1].split()[0])
    print(f"{total} bytes of at most {MOST_CODE_BYTES}")
    if total > MOST_CODE_BYTES:
        sys.exit(2)


def main():
    checks = {"two-networks": two_networks, "package": package, "pkg-config": pkg_config, "size": size}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=checks)
    parser.add_argument("--minnow", required=True, type=pathlib.Path, help="the installed compiler")
    parser.add_argument("--prefix", required=True, type=pathlib.Path, help="where the runtime is installed")
    parser.add_argument("--aarch64", action="store_true")
    arguments = parser.parse_args()
    machine = Machine(arguments.prefix, arguments.aarch64)
    with tempfile.TemporaryDirectory() as folder:
        checks[arguments.what](machine, arguments.minnow, pathlib.Path(folder))


if __name__ == "__main__":
    main()
