// RUN: minnow-opt --fold %s | FileCheck %s

mobile.weight @w dense_resource<w> : tensor<1x1x8x8xf32>
mobile.weight @m dense_resource<m> : tensor<8x8xf32>

// CHECK-LABEL: func.func @into_producers
// CHECK: mobile.linear %{{.*}} act hard_swish
// CHECK: mobile.mul %{{.*}} act gelu
// CHECK: mobile.add %{{.*}} act relu
// CHECK-NOT: mobile.activate
func.func @into_producers(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %m = mobile.get_weight @m : tensor<8x8xf32>
  %a = mobile.linear %x, %m : tensor<1x8xf32>, tensor<8x8xf32> -> tensor<1x8xf32>
  %b = mobile.activate %a act hard_swish : tensor<1x8xf32>
  %c = mobile.mul %b, %x : tensor<1x8xf32>, tensor<1x8xf32> -> tensor<1x8xf32>
  %d = mobile.activate %c act gelu : tensor<1x8xf32>
  %e = mobile.add %d, %x : tensor<1x8xf32>, tensor<1x8xf32> -> tensor<1x8xf32>
  %f = mobile.activate %e act relu : tensor<1x8xf32>
  return %f : tensor<1x8xf32>
}

// One activation is taken, the second stays; a value that is used without the
// activation keeps it apart; an argument has nothing to take it.
// CHECK-LABEL: func.func @kept
// CHECK: %[[A:.*]] = mobile.conv2d %{{.*}} act relu :
// CHECK: %[[B:.*]] = mobile.activate %[[A]] act sigmoid
// CHECK: %[[C:.*]] = mobile.conv2d %{{.*}}, %{{[a-z0-9]+}} :
// CHECK: %[[D:.*]] = mobile.activate %[[C]] act relu
// CHECK: %[[E:.*]] = mobile.activate %arg0 act relu
// CHECK: return %[[B]], %[[C]], %[[D]], %[[E]]
func.func @kept(%x: tensor<1x4x4x8xf32>)
    -> (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) {
  %w = mobile.get_weight @w : tensor<1x1x8x8xf32>
  %p = mobile.conv2d %x, %w : tensor<1x4x4x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x4x4x8xf32>
  %a = mobile.activate %p act relu : tensor<1x4x4x8xf32>
  %b = mobile.activate %a act sigmoid : tensor<1x4x4x8xf32>
  %c = mobile.conv2d %x, %w : tensor<1x4x4x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x4x4x8xf32>
  %d = mobile.activate %c act relu : tensor<1x4x4x8xf32>
  %e = mobile.activate %x act relu : tensor<1x4x4x8xf32>
  return %b, %c, %d, %e
      : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>
}

// CHECK-LABEL: func.func @gates
// CHECK: mobile.conv2d %{{.*}} act silu
// CHECK: mobile.activate %{{.*}} act hard_swish
// CHECK-NOT: mobile.mul
func.func @gates(%x: tensor<1x4x4x8xf32>) -> (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) {
  %w = mobile.get_weight @w : tensor<1x1x8x8xf32>
  %c = mobile.conv2d %x, %w : tensor<1x4x4x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x4x4x8xf32>
  %s = mobile.activate %c act sigmoid : tensor<1x4x4x8xf32>
  %y = mobile.mul %c, %s : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  %h = mobile.activate %x act hard_sigmoid : tensor<1x4x4x8xf32>
  %z = mobile.mul %h, %x : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  return %y, %z : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>
}

// The gate of something else is a squeeze and excitation, not a silu.
// CHECK-LABEL: func.func @foreign_gate
// CHECK: %[[S:.*]] = mobile.activate %arg1 act sigmoid
// CHECK: mobile.mul %arg0, %[[S]]
func.func @foreign_gate(%x: tensor<1x4x4x8xf32>, %g: tensor<1x1x1x8xf32>) -> tensor<1x4x4x8xf32> {
  %s = mobile.activate %g act sigmoid : tensor<1x1x1x8xf32>
  %y = mobile.mul %x, %s : tensor<1x4x4x8xf32>, tensor<1x1x1x8xf32> -> tensor<1x4x4x8xf32>
  return %y : tensor<1x4x4x8xf32>
}

{-#
  dialect_resources: {
    builtin: {
      three: "0x0400000000004040",
      sixth: "0x04000000ABAA2A3E",
      other: "0x0400000000008040"
    }
  }
#-}

mobile.weight @three dense_resource<three> : tensor<1x1x1x1xf32>
mobile.weight @sixth dense_resource<sixth> : tensor<1x1x1x1xf32>
mobile.weight @other dense_resource<other> : tensor<1x1x1x1xf32>

// PaddlePaddle's spelling, and the gate alone.
// CHECK-LABEL: func.func @hard_gates
// CHECK: %[[A:.*]] = mobile.conv2d %{{.*}} act hard_swish
// CHECK: %[[B:.*]] = mobile.activate %arg0 act hard_sigmoid
// CHECK: return %[[A]], %[[B]]
func.func @hard_gates(%x: tensor<1x4x4x8xf32>) -> (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) {
  %w = mobile.get_weight @w : tensor<1x1x8x8xf32>
  %three = mobile.get_weight @three : tensor<1x1x1x1xf32>
  %sixth = mobile.get_weight @sixth : tensor<1x1x1x1xf32>
  %c = mobile.conv2d %x, %w : tensor<1x4x4x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x4x4x8xf32>
  %a = mobile.add %c, %three : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %r = mobile.activate %a act relu6 : tensor<1x4x4x8xf32>
  %p = mobile.mul %c, %r : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  %y = mobile.mul %p, %sixth : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %b = mobile.add %x, %three act relu6 : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %z = mobile.mul %b, %sixth : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  return %y, %z : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>
}

// Another shift, another bound or another factor is no hard sigmoid.
// CHECK-LABEL: func.func @near_gates
// CHECK-NOT: hard_
func.func @near_gates(%x: tensor<1x4x4x8xf32>)
    -> (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) {
  %three = mobile.get_weight @three : tensor<1x1x1x1xf32>
  %sixth = mobile.get_weight @sixth : tensor<1x1x1x1xf32>
  %other = mobile.get_weight @other : tensor<1x1x1x1xf32>
  %a = mobile.add %x, %other act relu6 : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %u = mobile.mul %a, %sixth : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %b = mobile.add %x, %three act relu : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %v = mobile.mul %b, %sixth : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %c = mobile.add %x, %three act relu6 : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %t = mobile.mul %c, %other : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  return %u, %v, %t : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>
}
