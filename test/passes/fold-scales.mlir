// RUN: minnow-opt --fold --split-input-file %s | FileCheck %s

// A layer scale and a sum by channel after a depthwise convolution without
// bias: the filter [1, 2] becomes [2, 6], the new bias is [4, -1].

mobile.weight @dw.weight dense_resource<filter> : tensor<1x1x2xf32>
mobile.weight @gamma dense_resource<gamma> : tensor<2xf32>
mobile.weight @beta dense_resource<beta> : tensor<2xf32>

// CHECK: mobile.weight @dw.weight dense_resource<[[F:.*]]> : tensor<1x1x2xf32>
// CHECK: mobile.weight @dw.bias dense_resource<[[B:.*]]> : tensor<2xf32>
// CHECK-LABEL: func.func @after_depthwise
// CHECK: %[[Y:.*]] = mobile.depthwise_conv2d %{{.*}}, %{{.*}} bias %{{.*}} act relu6
// CHECK-NEXT: return %[[Y]]
func.func @after_depthwise(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  %w = mobile.get_weight @dw.weight : tensor<1x1x2xf32>
  %g = mobile.get_weight @gamma : tensor<2xf32>
  %b = mobile.get_weight @beta : tensor<2xf32>
  %c = mobile.depthwise_conv2d %x, %w : tensor<1x4x4x2xf32>, tensor<1x1x2xf32> -> tensor<1x4x4x2xf32>
  %m = mobile.mul %c, %g : tensor<1x4x4x2xf32>, tensor<2xf32> -> tensor<1x4x4x2xf32>
  %y = mobile.add %m, %b act relu6 : tensor<1x4x4x2xf32>, tensor<2xf32> -> tensor<1x4x4x2xf32>
  return %y : tensor<1x4x4x2xf32>
}
// CHECK-DAG: [[F]]: "0x04000000000000400000C040"
// CHECK-DAG: [[B]]: "0x0400000000008040000080BF"

{-#
  dialect_resources: {
    builtin: {
      filter: "0x040000000000803F00000040",
      gamma: "0x040000000000004000004040",
      beta: "0x0400000000008040000080BF"
    }
  }
#-}

// -----

// Before a linear op a scale is one of its input channels (rows), and a shift
// is a bias: [1, 2; 3, 4] becomes [2, 4; 9, 12], of the shift [4, -1] becomes
// 4 * [1, 2] - [3, 4].

mobile.weight @fc.weight dense_resource<matrix> : tensor<2x2xf32>
mobile.weight @scale dense_resource<gamma2> : tensor<1x2xf32>
mobile.weight @shift dense_resource<beta2> : tensor<2xf32>

// CHECK: mobile.weight @fc.weight dense_resource<[[F:.*]]> : tensor<2x2xf32>
// CHECK: mobile.weight @fc.bias dense_resource<[[B:.*]]> : tensor<2xf32>
// CHECK-LABEL: func.func @before_linear
// CHECK-SAME: %[[X:.*]]: tensor<1x2xf32>
// CHECK: %[[Y:.*]] = mobile.linear %[[X]], %{{.*}} bias %{{.*}} :
// CHECK-NEXT: return %[[Y]]
func.func @before_linear(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %s = mobile.get_weight @scale : tensor<1x2xf32>
  %t = mobile.get_weight @shift : tensor<2xf32>
  %w = mobile.get_weight @fc.weight : tensor<2x2xf32>
  %m = mobile.mul %x, %s : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
  %a = mobile.add %m, %t : tensor<1x2xf32>, tensor<2xf32> -> tensor<1x2xf32>
  %y = mobile.linear %a, %w : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
// CHECK-DAG: [[F]]: "0x0400000000000040000080400000104100004041"
// CHECK-DAG: [[B]]: "0x040000000000803F00008040"

{-#
  dialect_resources: {
    builtin: {
      matrix: "0x040000000000803F000000400000404000008040",
      gamma2: "0x040000000000004000004040",
      beta2: "0x0400000000008040000080BF"
    }
  }
#-}

// -----

// The zeros of the padding are not shifted, so the sum stays; the product goes.

mobile.weight @w dense_resource<filter3> : tensor<3x1x1x1xf32>
mobile.weight @scale dense_resource<two> : tensor<1xf32>
mobile.weight @shift dense_resource<four> : tensor<1xf32>

// CHECK-LABEL: func.func @before_padded
// CHECK-NOT: mobile.mul
// CHECK: mobile.get_weight @w :
// CHECK-NEXT: mobile.add
// CHECK-NEXT: mobile.conv2d
func.func @before_padded(%x: tensor<1x4x4x1xf32>)
    -> (tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>) {
  %s = mobile.get_weight @scale : tensor<1xf32>
  %t = mobile.get_weight @shift : tensor<1xf32>
  %w = mobile.get_weight @w : tensor<3x1x1x1xf32>
  %w2 = mobile.get_weight @w : tensor<3x1x1x1xf32>
  %a = mobile.add %x, %t : tensor<1x4x4x1xf32>, tensor<1xf32> -> tensor<1x4x4x1xf32>
  %y = mobile.conv2d %a, %w2 pad [1, 1, 0, 0]
      : tensor<1x4x4x1xf32>, tensor<3x1x1x1xf32> -> tensor<1x4x4x1xf32>
  %m = mobile.mul %x, %s : tensor<1x4x4x1xf32>, tensor<1xf32> -> tensor<1x4x4x1xf32>
  // The same weight folded in two ways is two weights.
  // CHECK: mobile.get_weight @w_0
  // CHECK-NEXT: mobile.conv2d
  %z = mobile.conv2d %m, %w pad [1, 1, 0, 0]
      : tensor<1x4x4x1xf32>, tensor<3x1x1x1xf32> -> tensor<1x4x4x1xf32>
  return %y, %z : tensor<1x4x4x1xf32>, tensor<1x4x4x1xf32>
}
// CHECK-DAG: w: "0x0400000000000040000080400000C040"
// CHECK-DAG: filter3: "0x040000000000803F0000004000004040"

{-#
  dialect_resources: {
    builtin: {
      filter3: "0x040000000000803F0000004000004040",
      two: "0x0400000000000040",
      four: "0x0400000000008040"
    }
  }
#-}
