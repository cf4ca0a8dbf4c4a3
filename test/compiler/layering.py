#===- layering.py - who may include whom -----------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Usage: layering.py ROOT. Prints each include of a project header that its
# folder must not see, and fails if there is one.
#===------------------------------------------------------------------------===#
import pathlib
import re
import sys

TARGET_HELPERS = ("targets/halide", "targets/reference")
# A folder, or for `targets/<t>` the folder of one target -> what it may see
# besides itself. A name with a suffix is one header.
ALLOWED = {
    "targets/cost": (),
    "dialects": (),
    "passes": ("dialects", "targets/Target.h", "targets/cost"),
    "targets": ("dialects", "passes", "targets/cost", "targets/Target.h", "runtime/abi") + TARGET_HELPERS,
    "compiler": ("dialects", "passes", "targets/Target.h", "targets/cost", "runtime/abi"),
    "runtime/abi": (),
    "runtime": ("runtime/abi",),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def lies_in(path, folders):
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def layer(path):
    """The folder that a header or source counts as, and its row of the table."""
    row = max((name for name in ALLOWED if lies_in(path, [name])), key=len, default=None)
    parts = path.split("/")
    is_target = row == "targets" and len(parts) > 2
    return ("/".join(parts[:2]) if is_target else row), row


def violations(root):
    sources = (p for folder in ("compiler", "dialects", "passes", "runtime", "targets")
               for p in sorted((root / folder).rglob("*")) if p.suffix in (".c", ".cpp", ".h", ".inc"))
    for source in sources:
        name = source.relative_to(root).as_posix()
        own, row = layer(name)
        # The registry is what knows all targets; nothing else does.
        may = (own,) + ALLOWED[row] + (("targets",) if name == "targets/Target.cpp" else ())
        for number, line in enumerate(source.read_text().splitlines(), 1):
            include = INCLUDE.match(line)
            if include and layer(include[1])[1] and not lies_in(include[1], may):
                yield f"{name}:{number}: {own} must not include {include[1]}"


found = list(violations(pathlib.Path(sys.argv[1])))
sys.exit("\n".join(found) or 0)
