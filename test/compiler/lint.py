#===- lint.py - what every file and every definition must say --------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Usage: lint.py ROOT. Each source opens with a banner that names it and the
# licence; each op has a summary, a description and an example, each pass a
# summary and a description; no tab, no trailing space, no unfinished business.
#===------------------------------------------------------------------------===#
import pathlib
import re
import sys

FOLDERS = ("compiler", "dialects", "passes", "runtime", "targets", "test")
LICENCE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"


def check_source(name, lines):
    if name not in "".join(lines[:2]) or LICENCE not in "".join(lines[:4]):
        yield 1, f"must open with a banner that names {name} and the line '{LICENCE}'"
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) and name != "lint.py":
            yield number, "unfinished: do it, or file it as an issue"
        if line.rstrip() != line or "\t" in line:
            yield number, "tab or trailing space"


def definitions(lines):
    """Each `def` or class of ops and passes: its line, its kind, its text."""
    starts = [i for i, line in enumerate(lines) if re.match(r"(def|class|//===)", line)]
    for start, end in zip(starts, starts[1:] + [len(lines)]):
        text = "\n".join(lines[start:end])
        kind = re.match(r"def \w+\s*:\s*(Pass)<", text)
        if kind:
            yield start + 1, ("summary", "description"), text
        elif re.match(r"def Mobile_\w+Op\s*:\s*Mobile_(?!Binary)", text):
            yield start + 1, ("summary", "description", "Example"), text


def check_definitions(lines):
    for number, wanted, text in definitions(lines):
        for word in wanted:
            if not re.search(rf"let {word}|{word}:", text):
                yield number, f"has no {word}"


def faults(root):
    files = (p for folder in FOLDERS for p in sorted((root / folder).rglob("*"))
             if p.suffix in (".c", ".cpp", ".h", ".py", ".td") and "__pycache__" not in p.parts)
    for path in files:
        lines = path.read_text().splitlines()
        found = list(check_source(path.name, lines))
        if path.suffix == ".td":
            found += check_definitions(lines)
        for number, message in found:
            yield f"{path.relative_to(root)}:{number}: {message}"


found = list(faults(pathlib.Path(sys.argv[1])))
sys.exit("\n".join(found) or 0)
