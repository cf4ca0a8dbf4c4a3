#===- wrong_run.py - a machine that computes something else ---------------===#
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Usage: wrong_run.py PROGRAM WORDS... Runs it, then changes one number of its
# first output, as a wrong kernel would.
#===------------------------------------------------------------------------===#
import subprocess
import sys

status = subprocess.run(sys.argv[1:]).returncode
outputs = [path for word, path in zip(sys.argv, sys.argv[1:]) if word == "--output"]
if status == 0:
    with open(outputs[0], "r+b") as file:
        file.seek(-4, 2)
        file.write(b"\x00\x00\x80\x42")
sys.exit(status)
