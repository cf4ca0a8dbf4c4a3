// RUN: minnow-opt --split-input-file --lower-quant --verify-diagnostics %s

!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!w = !quant.uniform<i8<-127:127>:f32, 5.000000e-01>
mobile.weight @w dense_resource<w> : tensor<1x1x1x1xi8>
mobile.weight @b dense_resource<b> : tensor<1xi32>
!s = !quant.uniform<i32:f32, 1.250000e-01>
func.func @overflow(%x: tensor<1x8x8x1x!x>) -> tensor<1x8x8x1x!s> {
  %w = mobile.get_weight @w : tensor<1x1x1x1x!w>
  %b = mobile.get_weight @b : tensor<1xi32>
  // expected-error @+1 {{the sum of channel 0 could be more than its 32 bits hold; its bias is too large}}
  %0 = mobile.conv2d %x, %w bias %b
      : tensor<1x8x8x1x!x>, tensor<1x1x1x1x!w>, tensor<1xi32> -> tensor<1x8x8x1x!s>
  return %0 : tensor<1x8x8x1x!s>
}
{-# dialect_resources: { builtin: { w: "0x0100000001", b: "0x04000000FDFFFF7F" } } #-}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!w = !quant.uniform<i8<-127:127>:f32, 5.000000e-01>
func.func @computed(%x: tensor<1x8x8x1x!x>, %w: tensor<1x1x1x1x!w>) -> tensor<1x8x8x1x!x> {
  // expected-error @-1 {{a filter or bias is computed, not a weight}}
  %0 = mobile.conv2d %x, %w : tensor<1x8x8x1x!x>, tensor<1x1x1x1x!w> -> tensor<1x8x8x1x!x>
  return %0 : tensor<1x8x8x1x!x>
}
