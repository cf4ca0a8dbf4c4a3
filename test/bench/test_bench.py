#!/usr/bin/env python3
#===- test_bench.py - checks the tables of ./dev bench -------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Figures made up in this file, through report.py; and the worker's protocol
with an engine made up too. Needs numpy and none of the peers."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import report

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = {
    "machine": {"cpu": "a processor", "cores": 2, "load": 0.0}, "precision": "f32", "rounds": 3, "seconds": 0.5,
    "versions": {"onnxruntime": "1.0"},
    "networks": {"mobilenetv4_conv_small": {"macs": 200_000_000, "threads": {"1": {
        "floor": [50.0, 49.0, 25.0],
        "contenders": {
            "minnow": {"rounds": [5.0, 4.0, 9.0], "error": 1e-6},
            "onnxruntime": {"rounds": [4.0, 4.0, 4.0], "error": 1e-5},
            "litert": {"rounds": [2.0, 2.0, 2.0], "error": 0.75},
            "openvino": {"rounds": [6.0, 6.0, 6.0], "error": None},
            "ncnn": {"failed": "no such layer"}}}}}}}

FAKE = """
import sys, numpy, engines, worker
class Fake:
    def __init__(self, path, threads, image):
        print("chatter")
        self.image = image
    def run(self):
        if self.image[0] > 1: raise ValueError("too bright")
    def logits(self): return self.image
engines.ENGINES["fake"] = Fake
worker.main()
"""


class Tables(unittest.TestCase):
    def test_rows(self):
        rows, floor = report.rows(RESULTS, "mobilenetv4_conv_small", "1")
        self.assertEqual(floor, 4.0)
        self.assertEqual([row.key for row in rows], ["litert", "onnxruntime", "minnow", "openvino", "ncnn"])
        ours = rows[2]
        self.assertEqual((ours.ms, ours.ratio, ours.share, ours.right), (5.0, 1.0, 0.8, True))
        self.assertEqual(rows[1].ratio, 0.8)

    def test_what_is_wrong_is_marked(self):
        table = report.full_table(RESULTS)
        self.assertIn("| LiteRT | 2.00 | - | 0.40 | 200% | WRONG logits: 7.5e-01 |", table)
        self.assertIn("| OpenVINO | 6.00 | - | 1.20 | 67% | WRONG logits: not a number |", table)
        self.assertIn("| ncnn | - | - | - | - | failed: no such layer |", table)

    def test_executes(self):
        results = json.loads(json.dumps(RESULTS))
        self.assertNotIn("executes", report.full_table(results))
        results["networks"]["mobilenetv4_conv_small"]["executes"] = {"dispatches": "33", "between them": "5.0 MB"}
        self.assertIn("| network | dispatches | between them |\n|---|---|---|\n| mobilenetv4_conv_small | 33 | 5.0 MB |",
                      report.full_table(results))

    def test_aarch64(self):
        self.assertEqual(report.aarch64_table(RESULTS), [])
        counts = {"instructions": 60e6, "memory": 8e6, "fmla": 50e6, "macs": 200e6}
        table = report.aarch64_table({"networks": {"a": {"aarch64": counts}, "b": {"aarch64": {"failed": "no qemu"}}}})
        self.assertIn("| a | 60.0 | 8.0 | 50.0 | 1.20 |", table)
        self.assertIn("| b | failed: no qemu | | | |", table)

    def test_readme_cells(self):
        table = report.compact_table(RESULTS)
        self.assertIn("| network | Minnow, ms | of the limit | ONNX Runtime | OpenVINO | LiteRT | ncnn |", table)
        self.assertIn("| conv_small | 5.00 | 80% | 0.80 | 1.20* | 0.40* | - |", table)

    def test_readme_section(self):
        with tempfile.TemporaryDirectory() as folder:
            readme = pathlib.Path(folder) / "README.md"
            readme.write_text("before\n" + "\nold\n".join(report.MARKERS) + "\nafter\n")
            report.update_readme(readme, ["new"])
            self.assertEqual(readme.read_text(), "before\n" + "\nnew\n".join(report.MARKERS) + "\nafter\n")
            readme.write_text("none\n")
            with self.assertRaisesRegex(ValueError, "has no section between"):
                report.update_readme(readme, ["new"])


class Protocol(unittest.TestCase):
    def talk(self, image, requests):
        with tempfile.TemporaryDirectory() as folder:
            files = [pathlib.Path(folder) / name for name in ("image.npy", "logits.npy")]
            np.save(files[0], np.array(image))
            np.save(files[1], np.array([1.0, -2.0]))
            text = "".join(json.dumps(request) + "\n" for request in requests)
            result = subprocess.run([sys.executable, "-c", FAKE, "fake", "model", "1", *files], cwd=HERE, text=True,
                                    input=text, capture_output=True)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_measures(self):
        ready, answer = self.talk([1.0, -1.0], [{"seconds": 0}])
        self.assertEqual(ready, {"ready": True})
        self.assertEqual(len(answer["ms"]), 3)
        self.assertEqual(answer["error"], 0.5)

    def test_not_a_number(self):
        self.assertIsNone(self.talk([float("nan"), 0.0], [{"seconds": 0}])[1]["error"])

    def test_failure_is_told(self):
        self.assertEqual(self.talk([2.0, 0.0], []), [{"failed": "ValueError: too bright"}])


if __name__ == "__main__":
    unittest.main()
