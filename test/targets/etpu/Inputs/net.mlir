// An inverted bottleneck with its residual, on quantized types.
!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!y = !quant.uniform<i8:f32, 5.000000e-01:10>
!w = !quant.uniform<i8<-127:127>:f32:3, {5.000000e-01, 2.500000e-01}>
!s = !quant.uniform<i32:f32:3, {1.250000e-01, 6.250000e-02}>
!d = !quant.uniform<i8<-127:127>:f32, 5.000000e-01>

mobile.weight @w dense_resource<w> : tensor<1x1x2x2xi8>
mobile.weight @d dense_resource<d> : tensor<3x3x2xi8>

func.func @net(%f: tensor<1x8x8x2xf32>) -> tensor<1x8x8x2xf32> {
  %x = mobile.quantize %f : tensor<1x8x8x2xf32> -> tensor<1x8x8x2x!x>
  %d = mobile.get_weight @d : tensor<3x3x2x!d>
  %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
  %0 = mobile.depthwise_conv2d %x, %d pad [1, 1, 1, 1] act relu
      : tensor<1x8x8x2x!x>, tensor<3x3x2x!d> -> tensor<1x8x8x2x!x>
  %1 = mobile.conv2d %0, %w : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w> -> tensor<1x8x8x2x!s>
  %2 = mobile.add %1, %x : tensor<1x8x8x2x!s>, tensor<1x8x8x2x!x> -> tensor<1x8x8x2x!y>
  %3 = mobile.dequantize %2 : tensor<1x8x8x2x!y> -> tensor<1x8x8x2xf32>
  return %3 : tensor<1x8x8x2xf32>
}

{-# dialect_resources: { builtin: {
  w: "0x01000000010203FC",
  d: "0x01000000010203040506070809000102030405060708"
} } #-}
