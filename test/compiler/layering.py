#===- layering.py - who may include whom -----------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Usage: layering.py ROOT. Prints each include of a project header that its
# folder must not see, and fails if there is one.
#===------------------------------------------------------------------------===#
import pathlib
import re
import sys

# What the compiler and a target say to each other, and what targets share.
INTERFACE = ("targets/Target.h", "targets/KernelCost.h", "targets/cost")
SHARED = ("targets/halide", "targets/llvm", "targets/reference")
# A folder -> what it may see besides itself: folders, or single headers. Each
# folder in targets/ is one of its own.
ALLOWED = {
    "targets/cost": (),
    "dialects": (),
    "passes": ("dialects",) + INTERFACE,
    "targets": ("dialects", "passes", "runtime/abi") + INTERFACE + SHARED,
    "targets/Target.cpp": ("dialects", "targets/Registry.inc") + INTERFACE,
    # Photos and arrays are read as the runtime's programs read them.
    "compiler": ("dialects", "passes", "runtime/Npy.h", "runtime/Preprocess.h", "runtime/abi",
                 "targets/llvm", "targets/reference") + INTERFACE,
    # The tool for tests registers the passes of every target.
    "compiler/minnow-opt.cpp": ("dialects", "passes", "targets"),
    "runtime/abi": (),
    "runtime": ("runtime/abi",),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def lies_in(path, folders):
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def layer(path):
    """The row of the table that a header or source belongs to, and its folder."""
    row = max((name for name in ALLOWED if lies_in(path, [name])), key=len, default=None)
    parts = path.split("/")
    return row, "/".join(parts[:2]) if row == "targets" else row


def violations(root):
    sources = (p for folder in ("compiler", "dialects", "passes", "runtime", "targets")
               for p in sorted((root / folder).rglob("*")) if p.suffix in (".c", ".cpp", ".h", ".inc"))
    for source in sources:
        name = source.relative_to(root).as_posix()
        row, own = layer(name)
        may = (own,) + ALLOWED[row]
        for number, line in enumerate(source.read_text().splitlines(), 1):
            include = INCLUDE.match(line)
            if include and layer(include[1])[0] and not lies_in(include[1], may):
                yield f"{name}:{number}: {own} must not include {include[1]}"


found = list(violations(pathlib.Path(sys.argv[1])))
sys.exit("\n".join(found) or 0)
