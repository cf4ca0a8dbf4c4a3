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
      other: "0x0400000000008040",
      root: "0x04000000F304353F",
      one: "0x040000000000803F",
      half: "0x040000000000003F"
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

mobile.weight @root dense_resource<root> : tensor<1x1x1x1xf32>
mobile.weight @one dense_resource<one> : tensor<1x1x1x1xf32>
mobile.weight @half dense_resource<half> : tensor<1x1x1x1xf32>

// TorchScript's order of the factors, torch.export's, and a third.
// CHECK-LABEL: func.func @gelu_by_erf
// CHECK: %[[A:.*]] = mobile.conv2d %{{.*}} act gelu
// CHECK: %[[B:.*]] = mobile.activate %[[A]] act gelu
// CHECK: %[[C:.*]] = mobile.activate %[[B]] act gelu
// CHECK: return %[[C]]
func.func @gelu_by_erf(%x: tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32> {
  %w = mobile.get_weight @w : tensor<1x1x8x8xf32>
  %root = mobile.get_weight @root : tensor<1x1x1x1xf32>
  %one = mobile.get_weight @one : tensor<1x1x1x1xf32>
  %half = mobile.get_weight @half : tensor<1x1x1x1xf32>
  %c = mobile.conv2d %x, %w : tensor<1x4x4x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x4x4x8xf32>
  %a0 = mobile.mul %c, %root : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %a1 = mobile.activate %a0 act erf : tensor<1x4x4x8xf32>
  %a2 = mobile.add %a1, %one : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %a3 = mobile.mul %c, %a2 : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  %a = mobile.mul %a3, %half : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %b0 = mobile.mul %a, %root : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %b1 = mobile.activate %b0 act erf : tensor<1x4x4x8xf32>
  %b2 = mobile.add %b1, %one : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %b3 = mobile.mul %b2, %half : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %b = mobile.mul %a, %b3 : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  %c0 = mobile.mul %b, %root : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %c1 = mobile.activate %c0 act erf : tensor<1x4x4x8xf32>
  %c2 = mobile.add %c1, %one : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %c3 = mobile.mul %b, %half : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %y = mobile.mul %c2, %c3 : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  return %y : tensor<1x4x4x8xf32>
}

// Another x, another factor, another argument of erf.
// CHECK-LABEL: func.func @near_gelu
// CHECK-NOT: gelu
// CHECK: return
func.func @near_gelu(%x: tensor<1x4x4x8xf32>, %z: tensor<1x4x4x8xf32>)
    -> (tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>) {
  %root = mobile.get_weight @root : tensor<1x1x1x1xf32>
  %one = mobile.get_weight @one : tensor<1x1x1x1xf32>
  %half = mobile.get_weight @half : tensor<1x1x1x1xf32>
  %a0 = mobile.mul %x, %root : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %a1 = mobile.activate %a0 act erf : tensor<1x4x4x8xf32>
  %a2 = mobile.add %a1, %one : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %a3 = mobile.mul %z, %a2 : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  %a = mobile.mul %a3, %half : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %b3 = mobile.mul %x, %a2 : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  %b = mobile.mul %b3, %root : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %c0 = mobile.mul %x, %half : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %c1 = mobile.activate %c0 act erf : tensor<1x4x4x8xf32>
  %c2 = mobile.add %c1, %one : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  %c3 = mobile.mul %x, %c2 : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
  %c = mobile.mul %c3, %half : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x4x8xf32>
  return %a, %b, %c : tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>, tensor<1x4x4x8xf32>
}
