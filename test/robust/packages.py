#!/usr/bin/env python3
#===- packages.py - damaged packages for a GPU ---------------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Flips, overwrites and cuts a package; each must be refused or run rightly.

Half of the damaged files get checksums that fit, so that what lies behind them
is tested too, but for the shaders: those are code (SECURITY.md). A refusal is exit
code 1 and one line. Ends with 77, a skip, where there is no Vulkan device.
"""

import argparse
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "golden"))
from run import MODELS, SEED, check_gpu, run

TABLE, ENTRY = 32, 48


def sections(data):
    """[(name, offset, size)] of a package."""
    count = struct.unpack_from("<I", data, 12)[0]
    entries = [struct.unpack_from("<16sQQ", data, TABLE + ENTRY * i) for i in range(count)]
    return [(name.rstrip(b"\0").decode(), offset, size) for name, offset, size in entries]


def damage(data, chance, where=None):
    """The bytes with one fault within the range `where`; (bytes, what was done)."""
    data, (start, end) = bytearray(data), where or (0, len(data))
    kind = chance.choice(["flip", "overwrite"] + ([] if where else ["cut"]))
    at = chance.randrange(start, end)
    if kind == "flip":
        data[at] ^= 1 << chance.randrange(8)
    elif kind == "overwrite":
        count = min(chance.choice([1, 4, 16]), end - at)
        data[at:at + count] = chance.randbytes(count)
    else:
        del data[at:]
    return data, f"{kind} at {at}"


def xxh64(data, seed=0):
    """The 64-bit hash of xxHash (github.com/Cyan4973/xxHash, doc/xxhash_spec.md)."""
    mask = (1 << 64) - 1
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

    def rotate(x, bits):
        return (x << bits | x >> (64 - bits)) & mask

    def step(lane, word):
        return rotate((lane + word * p2) & mask, 31) * p1 & mask

    at = 0
    if len(data) >= 32:
        lanes = [(seed + p1 + p2) & mask, (seed + p2) & mask, seed, (seed - p1) & mask]
        while at + 32 <= len(data):
            lanes = [step(lane, word) for lane, word in zip(lanes, struct.unpack_from("<4Q", data, at))]
            at += 32
        value = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & mask
        for lane in lanes:
            value = ((value ^ step(0, lane)) * p1 + p4) & mask
    else:
        value = (seed + p5) & mask
    value = (value + len(data)) & mask
    while at + 8 <= len(data):
        value = (rotate(value ^ step(0, struct.unpack_from("<Q", data, at)[0]), 27) * p1 + p4) & mask
        at += 8
    if at + 4 <= len(data):
        value = (rotate(value ^ (struct.unpack_from("<I", data, at)[0] * p1 & mask), 23) * p2 + p3) & mask
        at += 4
    for byte in data[at:]:
        value = rotate(value ^ (byte * p5 & mask), 11) * p1 & mask
    value = (value ^ value >> 33) * p2 & mask
    value = (value ^ value >> 29) * p3 & mask
    return value ^ value >> 32


def mend(data, name):
    """Sets the checksums of the section `name` and of the header to what the bytes have."""
    for i, (found, offset, size) in enumerate(sections(data)):
        if found == name:
            struct.pack_into("<Q", data, TABLE + ENTRY * i + 40, xxh64(bytes(data[offset:offset + size])))
    header = bytes(data[:24]) + bytes(8)
    table = bytes(data[TABLE:TABLE + ENTRY * len(sections(data))])
    struct.pack_into("<Q", data, 24, xxh64(table, xxh64(header)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, type=pathlib.Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    runner = arguments.programs / "minnow-run"
    check_gpu([runner])
    chance, faults, ran = random.Random(arguments.seed), 0, 0
    description = HERE.parent / "golden" / "blocks" / "ffn.json"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(arguments.programs / "minnow", "compile", description, "--weights", f"random:{SEED}", "--target", "vulkan",
            "-o", folder / "good.mnw")
        run(sys.executable, MODELS / "seeded.py", "input", description, "--seed", SEED, "-o", folder / "x.npy")
        good = (folder / "good.mnw").read_bytes()
        ranges = {name: (offset, offset + size) for name, offset, size in sections(good)}
        for number in range(arguments.count):
            if number % 2:
                name = chance.choice(["description", "dispatches"])
                data, what = damage(good, chance, ranges[name])
                mend(data, name)
                what = f"{what} in {name}"
            else:
                data, what = damage(good, chance)
            (folder / "bad.mnw").write_bytes(data)
            # A message may name what the damaged file asks for.
            result = subprocess.run([runner, folder / "bad.mnw", "--input", folder / "x.npy"], capture_output=True,
                                    text=True, errors="backslashreplace", timeout=120)
            refused = result.returncode == 1 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
            ran += result.returncode == 0
            if not refused and result.returncode != 0:
                faults += 1
                print(f"{number}, {what}: ended with {result.returncode}: {result.stderr[:200]}")
    print(f"{arguments.count} damaged packages: {ran} ran, {arguments.count - ran - faults} were refused, {faults} faults")
    sys.exit(2 if faults else 0)


if __name__ == "__main__":
    main()
