// RUN: minnow-opt --raise=explain --split-input-file --verify-diagnostics %s | FileCheck %s

// CHECK-NOT: mobile.uib
// CHECK-NOT: mobile.fused_ib
// CHECK-NOT: mobile.mqa

mobile.weight @e dense_resource<a> : tensor<1x1x8x16xf32>
mobile.weight @p dense_resource<b> : tensor<1x1x16x8xf32>

func.func @no_residual(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %we = mobile.get_weight @e : tensor<1x1x8x16xf32>
  %wp = mobile.get_weight @p : tensor<1x1x16x8xf32>
  %e = mobile.conv2d %x, %we act relu
      : tensor<1x6x6x8xf32>, tensor<1x1x8x16xf32> -> tensor<1x6x6x16xf32>
  // expected-remark @+1 {{ends no block; no mobile.uib: without a depthwise convolution it must have a residual; no mobile.fused_ib: expected a full convolution with activation before the projection, the expansion}}
  %p = mobile.conv2d %e, %wp
      : tensor<1x6x6x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x6x6x8xf32>
  return %p : tensor<1x6x6x8xf32>
}

// -----

mobile.weight @d dense_resource<a> : tensor<3x3x8xf32>
mobile.weight @p dense_resource<b> : tensor<1x1x8x8xf32>

// The expanded tensor leaves the block.
func.func @second_user(%x: tensor<1x6x6x8xf32>) -> (tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32>) {
  %wd = mobile.get_weight @d : tensor<3x3x8xf32>
  %wp = mobile.get_weight @p : tensor<1x1x8x8xf32>
  %d = mobile.depthwise_conv2d %x, %wd pad [1, 1, 1, 1] act relu
      : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
  // expected-remark @+1 {{no mobile.uib: expected an expansion or a depthwise convolution with activation before the projection; no mobile.fused_ib: expected a full convolution}}
  %p = mobile.conv2d %d, %wp
      : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  return %d, %p : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32>
}

// -----

mobile.weight @d dense_resource<a> : tensor<3x3x8xf32>

func.func @computed_filter(%x: tensor<1x6x6x8xf32>, %wp: tensor<1x1x8x8xf32>) -> tensor<1x6x6x8xf32> {
  %wd = mobile.get_weight @d : tensor<3x3x8xf32>
  %d = mobile.depthwise_conv2d %x, %wd pad [1, 1, 1, 1] act relu
      : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
  // expected-remark @+1 {{no mobile.uib: a filter or bias is computed, not a weight}}
  %p = mobile.conv2d %d, %wp
      : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  return %p : tensor<1x6x6x8xf32>
}

// -----

// A bottleneck of ResNet is not inverted.

mobile.weight @e dense_resource<a> : tensor<3x3x8x8xf32>
mobile.weight @p dense_resource<b> : tensor<1x1x8x32xf32>

func.func @resnet(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x32xf32> {
  %we = mobile.get_weight @e : tensor<3x3x8x8xf32>
  %wp = mobile.get_weight @p : tensor<1x1x8x32xf32>
  %e = mobile.conv2d %x, %we pad [1, 1, 1, 1] act relu
      : tensor<1x6x6x8xf32>, tensor<3x3x8x8xf32> -> tensor<1x6x6x8xf32>
  // expected-remark @+1 {{no mobile.fused_ib: expected an expansion with no fewer outputs than inputs, a projection with no more}}
  %p = mobile.conv2d %e, %wp
      : tensor<1x6x6x8xf32>, tensor<1x1x8x32xf32> -> tensor<1x6x6x32xf32>
  return %p : tensor<1x6x6x32xf32>
}

// -----

// Four heads of queries, two of keys and values.

mobile.weight @q dense_resource<a> : tensor<1x1x8x8xf32>
mobile.weight @k dense_resource<b> : tensor<1x1x8x4xf32>

func.func @two_key_heads(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %wq = mobile.get_weight @q : tensor<1x1x8x8xf32>
  %wk = mobile.get_weight @k : tensor<1x1x8x4xf32>
  %q = mobile.conv2d %x, %wq : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  %k = mobile.conv2d %x, %wk : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
  %v = mobile.conv2d %x, %wk : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
  %o = mobile.attention %q, %k, %v heads 4 scale 0.5
      : tensor<1x6x6x8xf32>, tensor<1x6x6x4xf32>, tensor<1x6x6x4xf32> -> tensor<1x6x6x8xf32>
  // expected-remark @+1 {{ends no block; no mobile.mqa: the attention must share its keys and values among all heads}}
  %p = mobile.conv2d %o, %wq : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  return %p : tensor<1x6x6x8xf32>
}
