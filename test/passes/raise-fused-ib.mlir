// RUN: minnow-opt --raise --split-input-file %s | FileCheck %s

// Conv-S: the stem is no block, each pair behind it is one, with an activation
// after the projection.

mobile.weight @stem dense_resource<a> : tensor<3x3x3x8xf32>
mobile.weight @e1 dense_resource<b> : tensor<3x3x8x8xf32>
mobile.weight @p1 dense_resource<c> : tensor<1x1x8x8xf32>
mobile.weight @e2 dense_resource<d> : tensor<3x3x8x24xf32>
mobile.weight @p2 dense_resource<e> : tensor<1x1x24x16xf32>

// CHECK-LABEL: func.func @conv_s
// CHECK: %[[S:.*]] = mobile.conv2d
// CHECK-NEXT: %[[A:.*]] = mobile.fused_ib(%{{.*}} = %[[S]] :
// CHECK: mobile.conv2d {{.*}} stride [2, 2]
// CHECK: %[[P:.*]] = mobile.conv2d {{.*}} act relu
// CHECK-NEXT: mobile.yield %[[P]]
// CHECK: %[[B:.*]] = mobile.fused_ib(%{{.*}} = %[[A]] :
// CHECK: return %[[B]]
func.func @conv_s(%x: tensor<1x32x32x3xf32>) -> tensor<1x4x4x16xf32> {
  %w0 = mobile.get_weight @stem : tensor<3x3x3x8xf32>
  %s = mobile.conv2d %x, %w0 stride [2, 2] pad [1, 1, 1, 1] act relu
      : tensor<1x32x32x3xf32>, tensor<3x3x3x8xf32> -> tensor<1x16x16x8xf32>
  %w1 = mobile.get_weight @e1 : tensor<3x3x8x8xf32>
  %e1 = mobile.conv2d %s, %w1 stride [2, 2] pad [1, 1, 1, 1] act relu
      : tensor<1x16x16x8xf32>, tensor<3x3x8x8xf32> -> tensor<1x8x8x8xf32>
  %w2 = mobile.get_weight @p1 : tensor<1x1x8x8xf32>
  %p1 = mobile.conv2d %e1, %w2 act relu
      : tensor<1x8x8x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x8x8x8xf32>
  %w3 = mobile.get_weight @e2 : tensor<3x3x8x24xf32>
  %e2 = mobile.conv2d %p1, %w3 stride [2, 2] pad [1, 1, 1, 1] act relu
      : tensor<1x8x8x8xf32>, tensor<3x3x8x24xf32> -> tensor<1x4x4x24xf32>
  %w4 = mobile.get_weight @p2 : tensor<1x1x24x16xf32>
  %p2 = mobile.conv2d %e2, %w4 act relu
      : tensor<1x4x4x24xf32>, tensor<1x1x24x16xf32> -> tensor<1x4x4x16xf32>
  return %p2 : tensor<1x4x4x16xf32>
}

// -----

// With a residual, as in EfficientNetV2.

mobile.weight @e dense_resource<b> : tensor<3x3x8x32xf32>
mobile.weight @p dense_resource<c> : tensor<1x1x32x8xf32>

// CHECK-LABEL: func.func @residual
// CHECK: mobile.fused_ib(%[[IN:.*]] = %{{.*}} :
// CHECK: mobile.add %{{.*}}, %[[IN]]
// CHECK-NEXT: mobile.yield
func.func @residual(%x: tensor<1x8x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %we = mobile.get_weight @e : tensor<3x3x8x32xf32>
  %wp = mobile.get_weight @p : tensor<1x1x32x8xf32>
  %e = mobile.conv2d %x, %we pad [1, 1, 1, 1] act silu
      : tensor<1x8x8x8xf32>, tensor<3x3x8x32xf32> -> tensor<1x8x8x32xf32>
  %p = mobile.conv2d %e, %wp
      : tensor<1x8x8x32xf32>, tensor<1x1x32x8xf32> -> tensor<1x8x8x8xf32>
  %y = mobile.add %p, %x
      : tensor<1x8x8x8xf32>, tensor<1x8x8x8xf32> -> tensor<1x8x8x8xf32>
  return %y : tensor<1x8x8x8xf32>
}

// -----

// A pointwise convolution with activation that expands for an inverted
// bottleneck does not end a fused one with the stem before it.

mobile.weight @stem dense_resource<a> : tensor<3x3x3x16xf32>
mobile.weight @e dense_resource<b> : tensor<1x1x16x16xf32>
mobile.weight @d dense_resource<c> : tensor<3x3x16xf32>
mobile.weight @p dense_resource<d> : tensor<1x1x16x8xf32>

// CHECK-LABEL: func.func @stem_then_ib
// CHECK-NOT: mobile.fused_ib
// CHECK: %[[S:.*]] = mobile.conv2d
// CHECK-NEXT: mobile.uib(%{{.*}} = %[[S]] :
func.func @stem_then_ib(%x: tensor<1x8x8x3xf32>) -> tensor<1x8x8x8xf32> {
  %w0 = mobile.get_weight @stem : tensor<3x3x3x16xf32>
  %s = mobile.conv2d %x, %w0 pad [1, 1, 1, 1] act relu
      : tensor<1x8x8x3xf32>, tensor<3x3x3x16xf32> -> tensor<1x8x8x16xf32>
  %w1 = mobile.get_weight @e : tensor<1x1x16x16xf32>
  %e = mobile.conv2d %s, %w1 act relu
      : tensor<1x8x8x16xf32>, tensor<1x1x16x16xf32> -> tensor<1x8x8x16xf32>
  %w2 = mobile.get_weight @d : tensor<3x3x16xf32>
  %d = mobile.depthwise_conv2d %e, %w2 pad [1, 1, 1, 1] act relu
      : tensor<1x8x8x16xf32>, tensor<3x3x16xf32> -> tensor<1x8x8x16xf32>
  %w3 = mobile.get_weight @p : tensor<1x1x16x8xf32>
  %p = mobile.conv2d %d, %w3
      : tensor<1x8x8x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x8x8x8xf32>
  return %p : tensor<1x8x8x8xf32>
}
