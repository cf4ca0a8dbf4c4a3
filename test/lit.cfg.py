#===- lit.cfg.py - how lit runs the tests ----------------------------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A test is an .mlir or .test file with RUN lines. minnow, minnow-opt, FileCheck
# and not are found by PATH; `%python` is the interpreter that runs lit, `%root`
# the repository. Tests that need more than the build say so by REQUIRES with
# one of the features below.
#===------------------------------------------------------------------------===#
import importlib.util
import os
import shutil
import subprocess
import sys

import lit.formats

config.name = "Minnow"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)

config.environment["PATH"] = os.pathsep.join(
    [config.minnow_tools_dir, config.llvm_tools_dir, os.environ["PATH"]])
aarch64_programs = os.path.join(config.source_root, "build-aarch64", "bin")
config.substitutions += [("%python", sys.executable), ("%root", config.source_root),
                         ("%aarch64_programs", aarch64_programs), ("%tools", config.minnow_tools_dir)]


def has_vulkan():
    """Whether minnow-run finds a device."""
    program = os.path.join(config.minnow_tools_dir, "minnow-run")
    if not os.path.exists(program):
        return False
    return "vulkan:0" in subprocess.run([program, "--devices"], capture_output=True, text=True).stdout


FEATURES = {
    "onnx": importlib.util.find_spec("onnx") is not None,
    "onnxruntime": importlib.util.find_spec("onnxruntime") is not None,
    "aarch64-cc": shutil.which("aarch64-linux-gnu-gcc") is not None,
    "aarch64-runtime": os.path.exists(os.path.join(aarch64_programs, "minnow-bench")),
    "vulkan": has_vulkan(),
    "spirv-tools": shutil.which("spirv-val") is not None,
    "qemu-aarch64": shutil.which("qemu-aarch64") is not None,
    "qemu-hexagon": shutil.which("qemu-hexagon") is not None,
}
config.available_features.update(name for name, found in FEATURES.items() if found)
