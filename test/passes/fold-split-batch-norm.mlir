// RUN: minnow-opt --fold %s | FileCheck %s

// 2 * x - 3 and 3 * x - 2.5 with no convolution beside it. It has two users, so
// the one that is a convolution does not take it either.

mobile.weight @bn.weight dense_resource<gamma> : tensor<2xf32>
mobile.weight @bn.bias dense_resource<beta> : tensor<2xf32>
mobile.weight @bn.mean dense_resource<mean> : tensor<2xf32>
mobile.weight @bn.var dense_resource<var> : tensor<2xf32>
mobile.weight @w dense_resource<w> : tensor<1x1x2x2xf32>

// CHECK: mobile.weight @bn.weight dense_resource<[[S:.*]]> : tensor<2xf32>
// CHECK-NEXT: mobile.weight @bn.bias dense_resource<[[T:.*]]> : tensor<2xf32>
// CHECK-NEXT: mobile.weight @w
// CHECK-LABEL: func.func @alone
// CHECK: %[[SCALE:.*]] = mobile.get_weight @bn.weight
// CHECK: %[[M:.*]] = mobile.mul %{{.*}}, %[[SCALE]]
// CHECK: %[[SHIFT:.*]] = mobile.get_weight @bn.bias
// CHECK: %[[A:.*]] = mobile.add %[[M]], %[[SHIFT]]
// CHECK: %[[Y:.*]] = mobile.conv2d %[[A]], %{{.*}} :
// CHECK: return %[[A]], %[[Y]]
func.func @alone(%x: tensor<1x4x4x2xf32>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>) {
  %g = mobile.get_weight @bn.weight : tensor<2xf32>
  %o = mobile.get_weight @bn.bias : tensor<2xf32>
  %m = mobile.get_weight @bn.mean : tensor<2xf32>
  %v = mobile.get_weight @bn.var : tensor<2xf32>
  %n = mobile.batch_norm %x, %g, %o, %m, %v epsilon 1.0 : tensor<1x4x4x2xf32>, tensor<2xf32>
  %w = mobile.get_weight @w : tensor<1x1x2x2xf32>
  %y = mobile.conv2d %n, %w : tensor<1x4x4x2xf32>, tensor<1x1x2x2xf32> -> tensor<1x4x4x2xf32>
  return %n, %y : tensor<1x4x4x2xf32>, tensor<1x4x4x2xf32>
}
// CHECK-DAG: [[S]]: "0x040000000000004000004040"
// CHECK-DAG: [[T]]: "0x04000000000040C0000020C0"

{-#
  dialect_resources: {
    builtin: {
      gamma: "0x040000000000804000004040",
      beta: "0x040000000000803F000080BF",
      mean: "0x04000000000000400000003F",
      var: "0x040000000000404000000000",
      w: "0x040000000000803F000000400000404000008040"
    }
  }
#-}
