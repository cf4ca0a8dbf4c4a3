// RUN: minnow-opt --quantize --split-input-file --verify-diagnostics %s

// expected-error @below {{has no `mobile.range` of two numbers; calibrate the network first}}
func.func @no_range(%x: tensor<1x2x2x1xf32>) -> tensor<1x1x1x1xf32> {
  %p = mobile.pool2d average %x window [2, 2] : tensor<1x2x2x1xf32> -> tensor<1x1x1x1xf32>
  return %p : tensor<1x1x1x1xf32>
}

// -----

!q = !quant.uniform<i8:f32, 0.5>
// expected-error @below {{the network is quantized already; leave out the calibration}}
func.func @twice(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %q = mobile.quantize %x : tensor<1x2xf32> -> tensor<1x2x!q>
  %y = mobile.dequantize %q : tensor<1x2x!q> -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// The second element is NaN.
func.func @weights(%x: tensor<1x1x1x1xf32> {mobile.range = array<f64: 0.0, 1.0>}) -> tensor<1x1x1x2xf32> {
  // expected-error @below {{weight 'a.weight' holds NaN or infinity (element 1); quantization needs finite numbers}}
  %w = mobile.get_weight @a.weight : tensor<1x1x1x2xf32>
  %y = mobile.conv2d %x, %w {mobile.range = array<f64: 0.0, 2.0>}
      : tensor<1x1x1x1xf32>, tensor<1x1x1x2xf32> -> tensor<1x1x1x2xf32>
  return %y : tensor<1x1x1x2xf32>
}
mobile.weight @a.weight dense_resource<a.weight> : tensor<1x1x1x2xf32>
{-#
  dialect_resources: {
    builtin: {
      a.weight: "0x040000000000803F0000C07F"
    }
  }
#-}
