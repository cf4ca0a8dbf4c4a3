#!/usr/bin/env python3
#===- test_networks.py - checks models/*.json and the seeded formula -----===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parameters and MACs against exact published or counted integers; fixed bits
of the seeded formula. Needs numpy, not PyTorch."""

import pathlib
import sys
import unittest

MODELS = pathlib.Path(__file__).parents[2] / "models"
sys.path.insert(0, str(MODELS))

import network
import seeded

# Trained parameters and MACs of one inference, counted by hooks on the original modules.
COUNTS = {
    "mobilenetv4_conv_small": (3774024, 186005568),
    "mobilenetv4_conv_medium": (9715512, 1080244224),
    "mobilenetv4_hybrid_medium": (11074648, 1271183360),
    "mobilenetv4_conv_large": (32590864, 6376220672),
    "mobilenetv4_hybrid_large": (37764624, 7711877120),
    "mobilenet_v2": (3504872, 300774272),
    "efficientnet_lite0": (4652008, 385187552),
}


# The same of variants/*.json. V3's are torchvision's, whose 1280 biases are batch norms here.
VARIANTS = {
    "mobilenet_v1": (4231976, 568740352),
    "mobilenet_v3_large": (5483032 + 1280, 216589760),
}


class Networks(unittest.TestCase):
    def test_parameters_and_macs(self):
        for name, expected in COUNTS.items():
            with self.subTest(name):
                net = network.load(MODELS / f"{name}.json")
                self.assertEqual((network.parameters(net), network.macs(net)), expected)

    def test_variants(self):
        for name, expected in VARIANTS.items():
            with self.subTest(name):
                net = network.load(MODELS / "variants" / f"{name}.json")
                self.assertEqual((network.parameters(net), network.macs(net)), expected)

    def test_every_file_is_counted(self):
        self.assertEqual({path.stem for path in MODELS.glob("*.json")}, set(COUNTS))

    def test_blocks_join(self):
        for name in COUNTS:
            blocks = network.load(MODELS / f"{name}.json")["blocks"]
            for first, second in zip(blocks, blocks[1:]):
                self.assertEqual(first["out"], second["in"])


class Seeded(unittest.TestCase):
    def test_bits(self):
        """The values that README.md states, which C and Python both gave."""
        weight = seeded.tensor("conv_stem.weight", [32, 3, 3, 3], 1).ravel()
        variance = seeded.tensor("bn1.running_var", [32], 1)
        expected = ["-0x1.545044p-2", "-0x1.cfd78p-4", "0x1.7b59bp-2"]
        self.assertEqual([float(value) for value in weight[:3]], [float.fromhex(text) for text in expected])
        expected = ["0x1.2d46e4p+0", "0x1.dec708p-1", "0x1.3c0ac6p+0"]
        self.assertEqual([float(value) for value in variance[:3]], [float.fromhex(text) for text in expected])

    def test_unknown_key(self):
        with self.assertRaisesRegex(ValueError, "no seeded rule for the key 'scale'"):
            seeded.tensor("scale", [4], 1)

    def test_seeds_differ(self):
        self.assertFalse((seeded.uniform("a", [8], 1) == seeded.uniform("a", [8], 2)).any())


if __name__ == "__main__":
    unittest.main()
