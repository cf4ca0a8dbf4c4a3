// RUN: minnow-opt --raise --split-input-file %s | FileCheck %s
// RUN: minnow-opt --raise --inline-blocks --split-input-file %s | FileCheck %s --check-prefix=INLINED --implicit-check-not=mobile.uib

// Taken apart again all blocks are gone, and the function is what it was.

// ExtraDW with a stride on the middle depthwise and asymmetric padding; the
// block is named after its layers.

mobile.weight @d1 dense_resource<a> : tensor<5x5x8xf32>
mobile.weight @e dense_resource<b> : tensor<1x1x8x16xf32>
mobile.weight @d2 dense_resource<c> : tensor<3x3x16xf32>
mobile.weight @p dense_resource<d> : tensor<1x1x16x24xf32>
mobile.weight @b dense_resource<e> : tensor<24xf32>

// CHECK-LABEL: func.func @extra_dw
// CHECK-SAME: %[[X:.*]]: tensor<1x6x6x8xf32>
// CHECK-NEXT: %[[Y:.*]] = mobile.uib(%[[IN:.*]] = %[[X]] : tensor<1x6x6x8xf32>) -> tensor<1x3x3x24xf32> {
// CHECK: mobile.depthwise_conv2d %[[IN]],
// CHECK: mobile.conv2d
// CHECK: mobile.depthwise_conv2d {{.*}} stride [2, 2] pad [0, 1, 0, 1] act relu
// CHECK: %[[P:.*]] = mobile.conv2d {{.*}} bias
// CHECK-NEXT: mobile.yield %[[P]]
// CHECK-NEXT: }
// CHECK-NEXT: return %[[Y]]

// INLINED-LABEL: func.func @extra_dw
// INLINED-SAME: %[[X:.*]]: tensor<1x6x6x8xf32>
// INLINED-NEXT: %[[W1:.*]] = mobile.get_weight @d1
// INLINED-NEXT: %[[S:.*]] = mobile.depthwise_conv2d %[[X]], %[[W1]] pad [2, 2, 2, 2] :
// INLINED-NEXT: %[[W2:.*]] = mobile.get_weight @e
// INLINED-NEXT: %[[E:.*]] = mobile.conv2d %[[S]], %[[W2]] act relu
// INLINED-NEXT: %[[W3:.*]] = mobile.get_weight @d2
// INLINED-NEXT: %[[M:.*]] = mobile.depthwise_conv2d %[[E]], %[[W3]] stride [2, 2] pad [0, 1, 0, 1] act relu
// INLINED-NEXT: %[[W4:.*]] = mobile.get_weight @p
// INLINED-NEXT: %[[B:.*]] = mobile.get_weight @b
// INLINED-NEXT: %[[P:.*]] = mobile.conv2d %[[M]], %[[W4]] bias %[[B]]
// INLINED-NEXT: return %[[P]]
func.func @extra_dw(%x: tensor<1x6x6x8xf32>) -> tensor<1x3x3x24xf32> {
  %w1 = mobile.get_weight @d1 : tensor<5x5x8xf32>
  %s = mobile.depthwise_conv2d %x, %w1 pad [2, 2, 2, 2]
      : tensor<1x6x6x8xf32>, tensor<5x5x8xf32> -> tensor<1x6x6x8xf32>
  %w2 = mobile.get_weight @e : tensor<1x1x8x16xf32>
  %e = mobile.conv2d %s, %w2 act relu
      : tensor<1x6x6x8xf32>, tensor<1x1x8x16xf32> -> tensor<1x6x6x16xf32>
  %w3 = mobile.get_weight @d2 : tensor<3x3x16xf32>
  %m = mobile.depthwise_conv2d %e, %w3 stride [2, 2] pad [0, 1, 0, 1] act relu
      : tensor<1x6x6x16xf32>, tensor<3x3x16xf32> -> tensor<1x3x3x16xf32>
  %w4 = mobile.get_weight @p : tensor<1x1x16x24xf32>
  %b = mobile.get_weight @b : tensor<24xf32>
  %p = mobile.conv2d %m, %w4 bias %b
      : tensor<1x3x3x16xf32>, tensor<1x1x16x24xf32>, tensor<24xf32> -> tensor<1x3x3x24xf32>
  return %p : tensor<1x3x3x24xf32>
}

// -----

// The residual and the layer scale belong to the block; the skip may be either
// operand of the sum. The input of the second block, the first one's result,
// has two users.

mobile.weight @d dense_resource<a> : tensor<3x3x8xf32>
mobile.weight @e dense_resource<b> : tensor<1x1x8x16xf32>
mobile.weight @p dense_resource<d> : tensor<1x1x16x8xf32>
mobile.weight @gamma dense_resource<e> : tensor<8xf32>

// CHECK-LABEL: func.func @convnext_and_ffn
// CHECK-SAME: %[[X:.*]]: tensor<1x6x6x8xf32>
// CHECK-NEXT: %[[Y:.*]] = mobile.uib(%[[IN:.*]] = %[[X]]
// CHECK: %[[S:.*]] = mobile.mul
// CHECK-NEXT: %[[R:.*]] = mobile.add %[[IN]], %[[S]]
// CHECK-NEXT: mobile.yield %[[R]]
// CHECK: %[[Z:.*]] = mobile.uib(%[[IN2:.*]] = %[[Y]]
// CHECK: %[[R2:.*]] = mobile.add %{{.*}}, %[[IN2]]
// CHECK-NEXT: mobile.yield %[[R2]]
// CHECK: return %[[Z]]

// INLINED-LABEL: func.func @convnext_and_ffn
// INLINED: %[[R:.*]] = mobile.add %[[X:.*]], %{{.*}}
// INLINED: %[[E:.*]] = mobile.conv2d %[[R]], %{{.*}} act gelu
// INLINED: %[[P:.*]] = mobile.conv2d %[[E]],
// INLINED: %[[R2:.*]] = mobile.add %[[P]], %[[R]]
func.func @convnext_and_ffn(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %d = mobile.get_weight @d : tensor<3x3x8xf32>
  %we = mobile.get_weight @e : tensor<1x1x8x16xf32>
  %wp = mobile.get_weight @p : tensor<1x1x16x8xf32>
  %g = mobile.get_weight @gamma : tensor<8xf32>
  %s = mobile.depthwise_conv2d %x, %d pad [1, 1, 1, 1]
      : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
  %e = mobile.conv2d %s, %we act gelu
      : tensor<1x6x6x8xf32>, tensor<1x1x8x16xf32> -> tensor<1x6x6x16xf32>
  %p = mobile.conv2d %e, %wp
      : tensor<1x6x6x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x6x6x8xf32>
  %l = mobile.mul %p, %g : tensor<1x6x6x8xf32>, tensor<8xf32> -> tensor<1x6x6x8xf32>
  %r = mobile.add %x, %l
      : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
  %e2 = mobile.conv2d %r, %we act gelu
      : tensor<1x6x6x8xf32>, tensor<1x1x8x16xf32> -> tensor<1x6x6x16xf32>
  %p2 = mobile.conv2d %e2, %wp
      : tensor<1x6x6x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x6x6x8xf32>
  %r2 = mobile.add %p2, %r
      : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
  return %r2 : tensor<1x6x6x8xf32>
}

// -----

// The start of MobileNetV2 and EfficientNet-Lite0: the stem is no part of the
// first block, which has no expansion; its result has no activation, so the
// next block does not take it for an expansion. The head is no block.

mobile.weight @stem dense_resource<a> : tensor<3x3x3x8xf32>
mobile.weight @d dense_resource<b> : tensor<3x3x8xf32>
mobile.weight @p dense_resource<c> : tensor<1x1x8x4xf32>
mobile.weight @e2 dense_resource<d> : tensor<1x1x4x24xf32>
mobile.weight @d2 dense_resource<e> : tensor<3x3x24xf32>
mobile.weight @p2 dense_resource<f> : tensor<1x1x24x4xf32>
mobile.weight @head dense_resource<g> : tensor<1x1x4x32xf32>
mobile.weight @fc dense_resource<h> : tensor<1x1x32x64xf32>
mobile.weight @classes dense_resource<i> : tensor<1x1x64x10xf32>

// CHECK-LABEL: func.func @mobilenet_v2
// CHECK: %[[STEM:.*]] = mobile.conv2d %{{.*}} stride [2, 2] pad [0, 1, 0, 1] act relu6
// CHECK-NEXT: %[[A:.*]] = mobile.uib(%{{.*}} = %[[STEM]] :
// CHECK: mobile.depthwise_conv2d
// CHECK: mobile.conv2d
// CHECK-NEXT: mobile.yield
// CHECK: %[[B:.*]] = mobile.uib(%{{.*}} = %[[A]] :
// CHECK: mobile.add
// CHECK: }
// CHECK: %[[H:.*]] = mobile.conv2d %[[B]], %{{.*}} act relu6
// CHECK: mobile.pool2d average %[[H]]
// CHECK-NOT: mobile.uib
func.func @mobilenet_v2(%x: tensor<1x12x12x3xf32>) -> tensor<1x1x1x10xf32> {
  %w0 = mobile.get_weight @stem : tensor<3x3x3x8xf32>
  %s = mobile.conv2d %x, %w0 stride [2, 2] pad [0, 1, 0, 1] act relu6
      : tensor<1x12x12x3xf32>, tensor<3x3x3x8xf32> -> tensor<1x6x6x8xf32>
  %w1 = mobile.get_weight @d : tensor<3x3x8xf32>
  %d = mobile.depthwise_conv2d %s, %w1 pad [1, 1, 1, 1] act relu6
      : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
  %w2 = mobile.get_weight @p : tensor<1x1x8x4xf32>
  %p = mobile.conv2d %d, %w2
      : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
  %w3 = mobile.get_weight @e2 : tensor<1x1x4x24xf32>
  %e2 = mobile.conv2d %p, %w3 act relu6
      : tensor<1x6x6x4xf32>, tensor<1x1x4x24xf32> -> tensor<1x6x6x24xf32>
  %w4 = mobile.get_weight @d2 : tensor<3x3x24xf32>
  %d2 = mobile.depthwise_conv2d %e2, %w4 pad [1, 1, 1, 1] act relu6
      : tensor<1x6x6x24xf32>, tensor<3x3x24xf32> -> tensor<1x6x6x24xf32>
  %w5 = mobile.get_weight @p2 : tensor<1x1x24x4xf32>
  %p2 = mobile.conv2d %d2, %w5
      : tensor<1x6x6x24xf32>, tensor<1x1x24x4xf32> -> tensor<1x6x6x4xf32>
  %r = mobile.add %p2, %p
      : tensor<1x6x6x4xf32>, tensor<1x6x6x4xf32> -> tensor<1x6x6x4xf32>
  %w6 = mobile.get_weight @head : tensor<1x1x4x32xf32>
  %h = mobile.conv2d %r, %w6 act relu6
      : tensor<1x6x6x4xf32>, tensor<1x1x4x32xf32> -> tensor<1x6x6x32xf32>
  %a = mobile.pool2d average %h window [6, 6]
      : tensor<1x6x6x32xf32> -> tensor<1x1x1x32xf32>
  %w7 = mobile.get_weight @fc : tensor<1x1x32x64xf32>
  %f = mobile.conv2d %a, %w7 act relu6
      : tensor<1x1x1x32xf32>, tensor<1x1x32x64xf32> -> tensor<1x1x1x64xf32>
  %w8 = mobile.get_weight @classes : tensor<1x1x64x10xf32>
  %c = mobile.conv2d %f, %w8
      : tensor<1x1x1x64xf32>, tensor<1x1x64x10xf32> -> tensor<1x1x1x10xf32>
  return %c : tensor<1x1x1x10xf32>
}
