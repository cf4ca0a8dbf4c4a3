// RUN: minnow-opt --split-input-file --fuse-quantize --verify-diagnostics %s

!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!w = !quant.uniform<i8:f32:2, {5.000000e-01, 2.500000e-01}>
mobile.weight @w dense_resource<w> : tensor<1x1x2x2xi8>
func.func @axis(%x: tensor<1x8x8x2x!x>) -> tensor<1x8x8x2x!x> {
  %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
  %0 = mobile.dequantize %x : tensor<1x8x8x2x!x> -> tensor<1x8x8x2xf32>
  %1 = mobile.dequantize %w : tensor<1x1x2x2x!w> -> tensor<1x1x2x2xf32>
  // expected-error @+1 {{its filter has a scale for each index of another dimension than the output channels}}
  %2 = mobile.conv2d %0, %1 : tensor<1x8x8x2xf32>, tensor<1x1x2x2xf32> -> tensor<1x8x8x2xf32>
  %3 = mobile.quantize %2 : tensor<1x8x8x2xf32> -> tensor<1x8x8x2x!x>
  return %3 : tensor<1x8x8x2x!x>
}
{-# dialect_resources: { builtin: { w: "0x0100000001020304" } } #-}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!w = !quant.uniform<i8:f32, 5.000000e-01:3>
mobile.weight @w dense_resource<w> : tensor<1x1x1x1xi8>
func.func @asymmetric(%x: tensor<1x8x8x1x!x>) -> tensor<1x8x8x1x!x> {
  %w = mobile.get_weight @w : tensor<1x1x1x1x!w>
  %0 = mobile.dequantize %x : tensor<1x8x8x1x!x> -> tensor<1x8x8x1xf32>
  %1 = mobile.dequantize %w : tensor<1x1x1x1x!w> -> tensor<1x1x1x1xf32>
  // expected-error @+1 {{its filter has a zero point other than 0; quantize weights symmetrically}}
  %2 = mobile.conv2d %0, %1 : tensor<1x8x8x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x8x8x1xf32>
  %3 = mobile.quantize %2 : tensor<1x8x8x1xf32> -> tensor<1x8x8x1x!x>
  return %3 : tensor<1x8x8x1x!x>
}
{-# dialect_resources: { builtin: { w: "0x0100000001" } } #-}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!w = !quant.uniform<i8:f32, 5.000000e-01>
!b = !quant.uniform<i32:f32, 5.000000e-01>
mobile.weight @w dense_resource<w> : tensor<1x1x1x1xi8>
mobile.weight @b dense_resource<b> : tensor<1xi32>
func.func @bias(%x: tensor<1x8x8x1x!x>) -> tensor<1x8x8x1x!x> {
  %w = mobile.get_weight @w : tensor<1x1x1x1x!w>
  %b = mobile.get_weight @b : tensor<1x!b>
  %0 = mobile.dequantize %x : tensor<1x8x8x1x!x> -> tensor<1x8x8x1xf32>
  %1 = mobile.dequantize %w : tensor<1x1x1x1x!w> -> tensor<1x1x1x1xf32>
  %2 = mobile.dequantize %b : tensor<1x!b> -> tensor<1xf32>
  // expected-error @+1 {{its bias has the scale 5.000000e-01 in channel 0, input times filter 1.250000e-01; they must be equal}}
  %3 = mobile.conv2d %0, %1 bias %2 : tensor<1x8x8x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32> -> tensor<1x8x8x1xf32>
  %4 = mobile.quantize %3 : tensor<1x8x8x1xf32> -> tensor<1x8x8x1x!x>
  return %4 : tensor<1x8x8x1x!x>
}
{-# dialect_resources: { builtin: { w: "0x0100000001", b: "0x0400000005000000" } } #-}
