// RUN: minnow-opt --fold %s | FileCheck %s

// A matrix [n, k] as exporters write it, and a filter [out, in, height, width].

mobile.weight @fc.weight dense_resource<matrix> : tensor<3x2xf32>
mobile.weight @conv.weight dense_resource<filter> : tensor<2x1x1x2xf32>
mobile.weight @scale dense_resource<scale> : tensor<1x2x1x1xf32>

// CHECK: mobile.weight @fc.weight dense_resource<[[M:.*]]> : tensor<2x3xf32>
// CHECK: mobile.weight @conv.weight dense_resource<[[F:.*]]> : tensor<1x2x1x2xf32>
// CHECK: mobile.weight @scale dense_resource<scale> : tensor<2xf32>

// CHECK-LABEL: func.func @transposed
// CHECK-NOT: mobile.transpose
// CHECK-NOT: mobile.reshape
// CHECK: mobile.linear
// CHECK: mobile.conv2d
// CHECK: mobile.mul
func.func @transposed(%x: tensor<1x2xf32>, %y: tensor<1x4x4x1xf32>)
    -> (tensor<1x3xf32>, tensor<1x4x3x2xf32>) {
  %n = mobile.get_weight @fc.weight : tensor<3x2xf32>
  %m = mobile.transpose %n [1, 0] : tensor<3x2xf32> -> tensor<2x3xf32>
  %a = mobile.linear %x, %m : tensor<1x2xf32>, tensor<2x3xf32> -> tensor<1x3xf32>
  %v = mobile.get_weight @conv.weight : tensor<2x1x1x2xf32>
  %w = mobile.transpose %v [2, 3, 1, 0] : tensor<2x1x1x2xf32> -> tensor<1x2x1x2xf32>
  %c = mobile.conv2d %y, %w act relu
      : tensor<1x4x4x1xf32>, tensor<1x2x1x2xf32> -> tensor<1x4x3x2xf32>
  %s = mobile.get_weight @scale : tensor<1x2x1x1xf32>
  %r = mobile.reshape %s : tensor<1x2x1x1xf32> -> tensor<2xf32>
  %b = mobile.mul %c, %r : tensor<1x4x3x2xf32>, tensor<2xf32> -> tensor<1x4x3x2xf32>
  return %a, %b : tensor<1x3xf32>, tensor<1x4x3x2xf32>
}
// CHECK-DAG: [[M]]: "0x040000000000803F000040400000A04000000040000080400000C040"
// CHECK-DAG: [[F]]: "0x040000000000803F000040400000004000008040"

{-#
  dialect_resources: {
    builtin: {
      matrix: "0x040000000000803F0000004000004040000080400000A0400000C040",
      filter: "0x040000000000803F000000400000404000008040",
      scale: "0x040000000000E04000000041"
    }
  }
#-}
