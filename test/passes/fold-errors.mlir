// RUN: minnow-opt --fold --split-input-file --verify-diagnostics %s

// Numbers that were elided when the module was printed cannot be folded, and it
// is said once a weight.
mobile.weight @w dense_resource<elided_filter> : tensor<1x1x1x1xf32>
// expected-error @+1 {{@gamma has no numbers to fold: the module was printed without its resources; start from the model or from bytecode}}
mobile.weight @gamma dense_resource<elided_gamma> : tensor<1xf32>
func.func @elided(%x: tensor<1x4x4x1xf32>) -> tensor<1x4x4x1xf32> {
  %w = mobile.get_weight @w : tensor<1x1x1x1xf32>
  %g = mobile.get_weight @gamma : tensor<1xf32>
  %c = mobile.conv2d %x, %w
      : tensor<1x4x4x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x1xf32>
  %y = mobile.mul %c, %g : tensor<1x4x4x1xf32>, tensor<1xf32> -> tensor<1x4x4x1xf32>
  return %y : tensor<1x4x4x1xf32>
}

// -----

mobile.weight @one dense_resource<one> : tensor<2xf32>
// expected-error @+1 {{@var is no variance: value 1 is -2.000000, must be positive}}
mobile.weight @var dense_resource<negative> : tensor<2xf32>
func.func @negative(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  %o = mobile.get_weight @one : tensor<2xf32>
  %v = mobile.get_weight @var : tensor<2xf32>
  %y = mobile.batch_norm %x, %o, %o, %o, %v epsilon 1.0
      : tensor<1x4x4x2xf32>, tensor<2xf32>
  return %y : tensor<1x4x4x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      one: "0x040000000000803F0000803F",
      negative: "0x040000000000803F000000C0"
    }
  }
#-}
