#===- hot_loops.py - the inner loops of kernels, and their cycles --------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the innermost loop with the most fmla or sdot of each function in an AArch64
program, and asks llvm-mca what an iteration takes. llvm-mca knows neither
caches nor mispredicted branches: an upper bound of the speed. neoverse-n1
stands for Cortex-A76 and A78, for which LLVM has only a model of A57.
"""

import re
import shutil
import subprocess
import sys

CPU = "neoverse-n1"
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(.*)$")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
BRANCH = re.compile(r"^(?:b|b\.\w+|cbz|cbnz|tbz|tbnz)\s.*?(0x[0-9a-f]+)(?: <.*>)?$")


def find_tool(name):
    tool = shutil.which(f"{name}-22") or shutil.which(name)
    if not tool:
        sys.exit(f"error: {name}-22 is missing; install llvm-22")
    return tool


def disassemble(program):
    """function -> [(address, text)]."""
    command = [find_tool("llvm-objdump"), "-d", "--no-show-raw-insn", program]
    functions, current = {}, []
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        if match := FUNCTION.match(line):
            current = functions[match[1]] = []
        elif match := INSTRUCTION.match(line):
            current.append((int(match[1], 16), " ".join(match[2].split())))
    return functions


def count_sums(loop):
    return sum(text.startswith(("fmla", "sdot")) for text in loop)


def hottest_loop(code):
    """The instructions of the loop that holds no other and the most sums."""
    places = {address: i for i, (address, _) in enumerate(code)}
    best, most = [], 0
    for end, (address, text) in enumerate(code):
        match = BRANCH.match(text)
        start = match and places.get(int(match[1], 16))
        if start is None or start > end:
            continue
        body = [text for _, text in code[start:end + 1]]
        sums = count_sums(body)
        if sums > most and not any(BRANCH.match(text) for text in body[:-1]):
            best, most = body, sums
    return best


def cycles(loop):
    """Cycles of an iteration where all data is in L1."""
    lines = ["loop:"] + [re.sub(r"0x[0-9a-f]+(?: <.*>)?$", "loop", text) if BRANCH.match(text)
                         else re.sub(r"\s*//.*", "", text) for text in loop]
    command = [find_tool("llvm-mca"), "-mtriple=aarch64-linux-gnu", f"-mcpu={CPU}", "-iterations=100"]
    report = subprocess.run(command, input="\n".join(lines), check=True, capture_output=True, text=True).stdout
    return int(re.search(r"Total Cycles:\s+(\d+)", report)[1]) / 100


def analyze(program):
    """For each kernel of a compiled network, in the order of its first call:
    (fmla or sdot, other instructions, cycles) of its hottest loop, None where no
    loop has any. Kernels are linked in that order."""
    loops = {}
    for name, code in disassemble(program).items():
        if name.startswith("minnow_kernel_"):
            kernel = name.removesuffix("_halide")
            loop = hottest_loop(code)
            sums = count_sums(loop)
            loops[kernel] = (sums, len(loop) - sums, cycles(loop)) if loop else loops.get(kernel)
    return list(loops.values())
