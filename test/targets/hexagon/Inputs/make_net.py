#===- make_net.py - an inverted bottleneck on quantized types ------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints one of 32 and 64 channels, or as many as the argument says, whose weights are numbers of a formula."""

import re
import sys

WIDE = sys.argv[1] if len(sys.argv) > 1 else "64"

BYTES = {"e": 32 * int(WIDE), "d": 9 * int(WIDE), "p": int(WIDE) * 32}

TYPES = """!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!w = !quant.uniform<i8<-127:127>:f32, 1.000000e-02>
"""

NETWORK = """
func.func @net(%f: tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32> {
  %x = mobile.quantize %f : tensor<1x8x8x32xf32> -> tensor<1x8x8x32x!x>
  %e = mobile.get_weight @e : tensor<1x1x32x64x!w>
  %d = mobile.get_weight @d : tensor<3x3x64x!w>
  %p = mobile.get_weight @p : tensor<1x1x64x32x!w>
  %0 = mobile.conv2d %x, %e act relu : tensor<1x8x8x32x!x>, tensor<1x1x32x64x!w> -> tensor<1x8x8x64x!x>
  %1 = mobile.depthwise_conv2d %0, %d pad [1, 1, 1, 1] act relu
      : tensor<1x8x8x64x!x>, tensor<3x3x64x!w> -> tensor<1x8x8x64x!x>
  %2 = mobile.conv2d %1, %p : tensor<1x8x8x64x!x>, tensor<1x1x64x32x!w> -> tensor<1x8x8x32x!x>
  %3 = mobile.dequantize %2 : tensor<1x8x8x32x!x> -> tensor<1x8x8x32xf32>
  return %3 : tensor<1x8x8x32xf32>
}
"""

SHAPES = {"e": f"1x1x32x{WIDE}", "d": f"3x3x{WIDE}", "p": f"1x1x{WIDE}x32"}

print(TYPES)
for name, shape in SHAPES.items():
    print(f"mobile.weight @{name} dense_resource<{name}> : tensor<{shape}xi8>")
print(re.sub(r"x64(?=x)", f"x{WIDE}", NETWORK))
blobs = [f'  {name}: "0x01000000' + bytes((7 * i * i + i) % 251 for i in range(size)).hex() + '"'
         for name, size in BYTES.items()]
print("{-# dialect_resources: { builtin: {\n" + ",\n".join(blobs) + "\n} } #-}")
