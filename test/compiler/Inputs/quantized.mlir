// A pointwise convolution on bytes between f32 edges.
!x = !quant.uniform<i8:f32, 2.500000e-02:-2>
!y = !quant.uniform<i8:f32, 5.000000e-02:10>
!w = !quant.uniform<i8<-127:127>:f32:3, {5.000000e-01, 2.500000e-01}>
mobile.weight @conv.weight dense_resource<w> : tensor<1x1x2x2xi8>
func.func @quantized(%x: tensor<1x4x4x2xf32> {mobile.name = "x"}) -> (tensor<1x4x4x2xf32> {mobile.name = "y"}) {
  %0 = mobile.quantize %x : tensor<1x4x4x2xf32> -> tensor<1x4x4x2x!x> loc("input")
  %w = mobile.get_weight @conv.weight : tensor<1x1x2x2x!w>
  %1 = mobile.conv2d %0, %w act relu : tensor<1x4x4x2x!x>, tensor<1x1x2x2x!w> -> tensor<1x4x4x2x!y> loc("conv")
  %2 = mobile.dequantize %1 : tensor<1x4x4x2x!y> -> tensor<1x4x4x2xf32> loc("output")
  return %2 : tensor<1x4x4x2xf32>
}
{-# dialect_resources: { builtin: { w: "0x01000000010203FC" } } #-}
