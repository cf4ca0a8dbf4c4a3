// A permutation that is no change between NCHW and NHWC.
func.func @swap(%x: tensor<2x3x4xf32> {mobile.name = "x"}) -> (tensor<3x2x4xf32> {mobile.name = "y"}) {
  %y = mobile.transpose %x [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
  return %y : tensor<3x2x4xf32>
}
