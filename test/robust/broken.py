#!/usr/bin/env python3
#===- broken.py - what the compiler says to broken models ----------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles models, weights and requests with one fault each.

Each must end with exit code 1, nothing on standard output, no file written, and
a message. messages.txt holds them all; --update writes it anew, and the
difference is to be read before it is committed.
"""

import argparse
import concurrent.futures
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

import broken_networks
import broken_onnx
import broken_requests
from broken_changes import good_model

MESSAGES = pathlib.Path(__file__).parent / "messages.txt"
# Different messages; some faults rightly read the same.
LEAST = 200
TIMEOUT = 20
LINES = 4


def write_onnx(change, folder):
    """Writes the good model with `change` made to it."""
    path = folder / "model.onnx"
    model = good_model()
    takes_folder = getattr(change, "__code__").co_argcount == 2
    data = change(model, folder) if takes_folder else change(model)
    if not path.exists():
        path.write_bytes(data if data is not None else model.SerializeToString())
    return [path]


def cases():
    """{name: what writes its files into a folder and returns the arguments}."""
    found = {f"onnx: {name}": lambda folder, change=change: write_onnx(change, folder)
             for name, change in broken_onnx.CASES.items()}
    for group, more in (("network", broken_networks.CASES), ("request", broken_requests.CASES)):
        found.update({f"{group}: {name}": case for name, case in more.items()})
    return dict(sorted(found.items()))


def compile_one(program, case):
    """(message, what is wrong with how it was given)."""
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "case"
        folder.mkdir()
        arguments = [str(word) for word in case(folder)]
        if "-o" not in arguments:
            arguments += ["-o", str(folder / "out" / "x.mlir")]
        if "--stop-after" not in arguments and not arguments[arguments.index("-o") + 1].endswith(".so"):
            arguments += ["--stop-after", "raise"]
        (folder / "out").mkdir()
        result = subprocess.run([program, "compile", *arguments], capture_output=True, timeout=TIMEOUT,
                                cwd=folder)
        written = list((folder / "out").iterdir())
        text = result.stderr.decode(errors="backslashreplace")
        return shorten(text.replace(f"{folder}/", "").replace(parent, "FOLDER")), fault_of(result, text, written)


def shorten(text):
    """A message as messages.txt has it: of many lines the first."""
    lines = text.strip().split("\n")
    more = [f"and {len(lines) - LINES} lines more"] if len(lines) > LINES else []
    return "\n".join(lines[:LINES] + more)


def fault_of(result, text, written):
    """What no message excuses, or None."""
    if result.returncode != 1:
        return f"ended with {result.returncode} instead of 1"
    if result.stdout:
        return f"printed {result.stdout[:200]!r} to standard output"
    if written:
        return f"left {', '.join(path.name for path in written)}"
    for line in text.rstrip("\n").split("\n"):
        if not re.match(r"(.*: )?error: .|  note: ", line) or not line.isprintable():
            return f"printed the line {line!r}"
    return None


def read_messages():
    return MESSAGES.read_text() if MESSAGES.exists() else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, type=pathlib.Path, help="folder of minnow")
    parser.add_argument("--update", action="store_true", help="write messages.txt anew")
    parser.add_argument("--only", default="", help="only the cases whose names contain this, printed")
    arguments = parser.parse_args()
    program = (arguments.programs / "minnow").resolve()
    chosen = {name: case for name, case in cases().items() if arguments.only in name}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = dict(zip(chosen, pool.map(lambda case: compile_one(program, case), chosen.values())))

    faults = [f"{name}: {fault}" for name, (_, fault) in results.items() if fault]
    messages = {name: message for name, (message, _) in results.items()}
    text = "".join(f"{name}\n" + textwrap.indent(message, "    ") + "\n" for name, message in messages.items())
    different = len(set(messages.values()))
    if arguments.only:
        print(text, end="")
    elif arguments.update:
        MESSAGES.write_text(text)
    else:
        faults += difflib.unified_diff(read_messages().splitlines(), text.splitlines(), "messages.txt", "now",
                                       lineterm="")
        if different < LEAST:
            faults.append(f"only {different} different messages")
    print("\n".join(faults) or f"{len(results)} broken models and requests, {different} different messages")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
