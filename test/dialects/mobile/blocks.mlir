// RUN: minnow-opt %s | minnow-opt | FileCheck %s

mobile.weight @d dense_resource<d> : tensor<3x3x8xf32>
mobile.weight @e dense_resource<e> : tensor<1x1x8x16xf32>
mobile.weight @m dense_resource<m> : tensor<5x5x16xf32>
mobile.weight @p dense_resource<p> : tensor<1x1x16x8xf32>
mobile.weight @q dense_resource<q> : tensor<1x1x8x4xf32>
mobile.weight @g dense_resource<g> : tensor<8xf32>
mobile.weight @f dense_resource<f> : tensor<3x3x8x16xf32>

// CHECK-LABEL: func.func @extra_dw
// CHECK-NEXT: mobile.uib(%[[IN:.*]] = %arg0 : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
// CHECK: mobile.depthwise_conv2d %[[IN]],
// CHECK: mobile.conv2d
// CHECK: mobile.depthwise_conv2d
// CHECK: mobile.conv2d
// CHECK: mobile.mul
// CHECK: mobile.add
// CHECK: mobile.yield %{{.*}} : tensor<1x6x6x8xf32>
func.func @extra_dw(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %d = mobile.get_weight @d : tensor<3x3x8xf32>
    %e = mobile.get_weight @e : tensor<1x1x8x16xf32>
    %m = mobile.get_weight @m : tensor<5x5x16xf32>
    %p = mobile.get_weight @p : tensor<1x1x16x8xf32>
    %g = mobile.get_weight @g : tensor<8xf32>
    %0 = mobile.depthwise_conv2d %in, %d pad [1, 1, 1, 1]
        : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
    %1 = mobile.conv2d %0, %e act relu
        : tensor<1x6x6x8xf32>, tensor<1x1x8x16xf32> -> tensor<1x6x6x16xf32>
    %2 = mobile.depthwise_conv2d %1, %m pad [2, 2, 2, 2] act relu
        : tensor<1x6x6x16xf32>, tensor<5x5x16xf32> -> tensor<1x6x6x16xf32>
    %3 = mobile.conv2d %2, %p
        : tensor<1x6x6x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x6x6x8xf32>
    %4 = mobile.mul %3, %g : tensor<1x6x6x8xf32>, tensor<8xf32> -> tensor<1x6x6x8xf32>
    %5 = mobile.add %in, %4
        : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %5 : tensor<1x6x6x8xf32>
  }
  return %y : tensor<1x6x6x8xf32>
}

// MobileNetV2's first block.
// CHECK-LABEL: func.func @no_expansion
// CHECK-NEXT: mobile.uib({{.*}}) -> tensor<1x3x3x4xf32> attributes {note = "first"} {
func.func @no_expansion(%x: tensor<1x6x6x8xf32>) -> tensor<1x3x3x4xf32> {
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x3x3x4xf32> attributes {note = "first"} {
    %d = mobile.get_weight @d : tensor<3x3x8xf32>
    %q = mobile.get_weight @q : tensor<1x1x8x4xf32>
    %0 = mobile.depthwise_conv2d %in, %d stride [2, 2] pad [0, 1, 0, 1] act relu6
        : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x3x3x8xf32>
    %1 = mobile.conv2d %0, %q
        : tensor<1x3x3x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x3x3x4xf32>
    mobile.yield %1 : tensor<1x3x3x4xf32>
  }
  return %y : tensor<1x3x3x4xf32>
}

// CHECK-LABEL: func.func @fused_ib
// CHECK-NEXT: mobile.fused_ib(%[[IN:.*]] = %arg0 : tensor<1x6x6x8xf32>) -> tensor<1x3x3x8xf32> {
// CHECK: mobile.conv2d %[[IN]],
// CHECK: mobile.conv2d {{.*}} act relu
func.func @fused_ib(%x: tensor<1x6x6x8xf32>) -> tensor<1x3x3x8xf32> {
  %y = mobile.fused_ib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x3x3x8xf32> {
    %f = mobile.get_weight @f : tensor<3x3x8x16xf32>
    %p = mobile.get_weight @p : tensor<1x1x16x8xf32>
    %0 = mobile.conv2d %in, %f stride [2, 2] pad [1, 1, 1, 1] act relu
        : tensor<1x6x6x8xf32>, tensor<3x3x8x16xf32> -> tensor<1x3x3x16xf32>
    %1 = mobile.conv2d %0, %p act relu
        : tensor<1x3x3x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x3x3x8xf32>
    mobile.yield %1 : tensor<1x3x3x8xf32>
  }
  return %y : tensor<1x3x3x8xf32>
}
