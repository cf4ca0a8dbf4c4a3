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

mobile.weight @wq dense_resource<wq> : tensor<1x1x8x12xf32>
mobile.weight @wk dense_resource<wk> : tensor<1x1x8x6xf32>
mobile.weight @ko dense_resource<ko> : tensor<1x3x3x6xf32>
mobile.weight @wo dense_resource<wo> : tensor<1x1x12x8xf32>

// Keys and values at half the resolution, each with its own depthwise
// convolution; only the keys have offsets.
// CHECK-LABEL: func.func @mqa
// CHECK-NEXT: mobile.mqa(%[[IN:.*]] = %arg0 : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
// CHECK: mobile.conv2d %[[IN]],
// CHECK: mobile.attention
// CHECK: mobile.yield
func.func @mqa(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %y = mobile.mqa(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %wq = mobile.get_weight @wq : tensor<1x1x8x12xf32>
    %d = mobile.get_weight @d : tensor<3x3x8xf32>
    %wk = mobile.get_weight @wk : tensor<1x1x8x6xf32>
    %ko = mobile.get_weight @ko : tensor<1x3x3x6xf32>
    %wo = mobile.get_weight @wo : tensor<1x1x12x8xf32>
    %g = mobile.get_weight @g : tensor<8xf32>
    %q = mobile.conv2d %in, %wq
        : tensor<1x6x6x8xf32>, tensor<1x1x8x12xf32> -> tensor<1x6x6x12xf32>
    %kd = mobile.depthwise_conv2d %in, %d stride [2, 2] pad [1, 1, 1, 1]
        : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x3x3x8xf32>
    %kp = mobile.conv2d %kd, %wk
        : tensor<1x3x3x8xf32>, tensor<1x1x8x6xf32> -> tensor<1x3x3x6xf32>
    %k = mobile.add %kp, %ko : tensor<1x3x3x6xf32>, tensor<1x3x3x6xf32> -> tensor<1x3x3x6xf32>
    %vd = mobile.depthwise_conv2d %in, %d stride [2, 2] pad [1, 1, 1, 1]
        : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x3x3x8xf32>
    %v = mobile.conv2d %vd, %wk
        : tensor<1x3x3x8xf32>, tensor<1x1x8x6xf32> -> tensor<1x3x3x6xf32>
    %o = mobile.attention %q, %k, %v heads 2 scale 0.5
        : tensor<1x6x6x12xf32>, tensor<1x3x3x6xf32>, tensor<1x3x3x6xf32> -> tensor<1x6x6x12xf32>
    %p = mobile.conv2d %o, %wo
        : tensor<1x6x6x12xf32>, tensor<1x1x12x8xf32> -> tensor<1x6x6x8xf32>
    %s = mobile.mul %p, %g : tensor<1x6x6x8xf32>, tensor<8xf32> -> tensor<1x6x6x8xf32>
    %r = mobile.add %s, %in : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %r : tensor<1x6x6x8xf32>
  }
  return %y : tensor<1x6x6x8xf32>
}
