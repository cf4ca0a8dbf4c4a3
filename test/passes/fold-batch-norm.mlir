// RUN: minnow-opt --fold %s | FileCheck %s

// With epsilon 1 the norm is 2 * x - 3 in the first channel, 3 * x - 2.5 in the
// second. A filter [1, 2; 3, 4] (input by output channels) before it becomes
// [2, 6; 6, 12], a bias of [10, 20] becomes [17, 57.5].

mobile.weight @conv.weight dense_resource<filter> : tensor<1x1x2x2xf32>
mobile.weight @conv.bias dense_resource<bias> : tensor<2xf32>
mobile.weight @bn.weight dense_resource<gamma> : tensor<2xf32>
mobile.weight @bn.bias dense_resource<beta> : tensor<2xf32>
mobile.weight @bn.running_mean dense_resource<mean> : tensor<2xf32>
mobile.weight @bn.running_var dense_resource<var> : tensor<2xf32>
mobile.weight @unused dense_resource<bias> : tensor<2xf32>

// CHECK: mobile.weight @conv.weight dense_resource<[[F:.*]]> : tensor<1x1x2x2xf32>
// CHECK: mobile.weight @conv.bias dense_resource<[[B:.*]]> : tensor<2xf32>
// CHECK-NOT: mobile.weight

// CHECK-LABEL: func.func @into_convolution
// CHECK-DAG: %[[W:.*]] = mobile.get_weight @conv.weight
// CHECK-DAG: %[[V:.*]] = mobile.get_weight @conv.bias
// CHECK: %[[Y:.*]] = mobile.conv2d %{{.*}}, %[[W]] bias %[[V]] act relu
// CHECK-NEXT: return %[[Y]]
func.func @into_convolution(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  %w = mobile.get_weight @conv.weight : tensor<1x1x2x2xf32>
  %b = mobile.get_weight @conv.bias : tensor<2xf32>
  %c = mobile.conv2d %x, %w bias %b
      : tensor<1x4x4x2xf32>, tensor<1x1x2x2xf32>, tensor<2xf32> -> tensor<1x4x4x2xf32>
  %g = mobile.get_weight @bn.weight : tensor<2xf32>
  %o = mobile.get_weight @bn.bias : tensor<2xf32>
  %m = mobile.get_weight @bn.running_mean : tensor<2xf32>
  %v = mobile.get_weight @bn.running_var : tensor<2xf32>
  %n = mobile.batch_norm %c, %g, %o, %m, %v epsilon 1.0
      : tensor<1x4x4x2xf32>, tensor<2xf32>
  %y = mobile.activate %n act relu : tensor<1x4x4x2xf32>
  return %y : tensor<1x4x4x2xf32>
}

// CHECK-DAG: [[F]]: "0x04000000000000400000C0400000C04000004041"
// CHECK-DAG: [[B]]: "0x040000000000884100006642"

{-#
  dialect_resources: {
    builtin: {
      filter: "0x040000000000803F000000400000404000008040",
      bias: "0x04000000000020410000A041",
      gamma: "0x040000000000804000004040",
      beta: "0x040000000000803F000080BF",
      mean: "0x04000000000000400000003F",
      var: "0x040000000000404000000000"
    }
  }
#-}
