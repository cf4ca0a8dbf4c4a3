// RUN: minnow-opt --raise --mlir-print-debuginfo %s | FileCheck %s

mobile.weight @e dense_resource<b> : tensor<3x3x8x32xf32>
mobile.weight @p dense_resource<c> : tensor<1x1x32x8xf32>

// Common components, not common letters; without any, the first layer's name.
// CHECK-LABEL: func.func @names
// CHECK: mobile.fused_ib
// CHECK: } loc(#[[A:.*]])
// CHECK: mobile.fused_ib
// CHECK: } loc(#[[B:.*]])
// CHECK: mobile.fused_ib
// CHECK: } loc(#[[C:.*]])
// CHECK-DAG: #[[A]] = loc("blocks.1.0")
// CHECK-DAG: #[[B]] = loc("/blocks/blocks.2")
// CHECK-DAG: #[[C]] = loc("Conv_7")
func.func @names(%x: tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %we = mobile.get_weight @e : tensor<3x3x8x32xf32>
  %wp = mobile.get_weight @p : tensor<1x1x32x8xf32>
  %e1 = mobile.conv2d %x, %we pad [1, 1, 1, 1] act relu
      : tensor<1x8x8x8xf32>, tensor<3x3x8x32xf32> -> tensor<1x8x8x32xf32> loc("blocks.1.0.conv_exp")
  %p1 = mobile.conv2d %e1, %wp
      : tensor<1x8x8x32xf32>, tensor<1x1x32x8xf32> -> tensor<1x8x8x8xf32> loc("blocks.1.0.conv_pwl")
  %e2 = mobile.conv2d %p1, %we pad [1, 1, 1, 1] act relu
      : tensor<1x8x8x8xf32>, tensor<3x3x8x32xf32> -> tensor<1x8x8x32xf32> loc("/blocks/blocks.2")
  %p2 = mobile.conv2d %e2, %wp
      : tensor<1x8x8x32xf32>, tensor<1x1x32x8xf32> -> tensor<1x8x8x8xf32> loc("/blocks/blocks.2/blocks.2.0/Conv")
  %e3 = mobile.conv2d %p2, %we pad [1, 1, 1, 1] act relu
      : tensor<1x8x8x8xf32>, tensor<3x3x8x32xf32> -> tensor<1x8x8x32xf32> loc("Conv_7")
  %p3 = mobile.conv2d %e3, %wp
      : tensor<1x8x8x32xf32>, tensor<1x1x32x8xf32> -> tensor<1x8x8x8xf32> loc("Conv_71")
  return %p3 : tensor<1x8x8x8xf32>
}
