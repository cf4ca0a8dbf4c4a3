// RUN: minnow-opt --raise-attention --split-input-file %s | FileCheck %s --implicit-check-not=mobile.matmul --implicit-check-not=mobile.softmax

// Each function is a way to write attention. Nothing of it is left besides what
// the maps themselves need.

// Four heads share keys and values of half the resolution; the square root of
// the scale on both, as torch's exporters write it.

mobile.weight @root dense_resource<root> : tensor<1x1x1x1xf32>

// CHECK-LABEL: func.func @exported
// CHECK-SAME: (%[[Q:.*]]: tensor<1x4x4x32xf32>, %[[K:.*]]: tensor<1x2x2x8xf32>, %[[V:.*]]: tensor<1x2x2x6xf32>)
// CHECK-NEXT: %[[Y:.*]] = mobile.attention %[[Q]], %[[K]], %[[V]] heads 4 scale 2.500000e-01
// CHECK-NEXT: return %[[Y]]
func.func @exported(%q: tensor<1x4x4x32xf32>, %k: tensor<1x2x2x8xf32>, %v: tensor<1x2x2x6xf32>) -> tensor<1x4x4x24xf32> {
  %root = mobile.get_weight @root : tensor<1x1x1x1xf32>
  %q0 = mobile.transpose %q [0, 3, 1, 2] : tensor<1x4x4x32xf32> -> tensor<1x32x4x4xf32>
  %q1 = mobile.reshape %q0 : tensor<1x32x4x4xf32> -> tensor<1x4x8x16xf32>
  %q2 = mobile.transpose %q1 [0, 1, 3, 2] : tensor<1x4x8x16xf32> -> tensor<1x4x16x8xf32>
  %q3 = mobile.mul %q2, %root : tensor<1x4x16x8xf32>, tensor<1x1x1x1xf32> -> tensor<1x4x16x8xf32>
  %k0 = mobile.transpose %k [0, 3, 1, 2] : tensor<1x2x2x8xf32> -> tensor<1x8x2x2xf32>
  %k1 = mobile.reshape %k0 : tensor<1x8x2x2xf32> -> tensor<1x1x8x4xf32>
  %k2 = mobile.mul %k1, %root : tensor<1x1x8x4xf32>, tensor<1x1x1x1xf32> -> tensor<1x1x8x4xf32>
  %l = mobile.matmul %q3, %k2 : tensor<1x4x16x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x4x16x4xf32>
  %w = mobile.softmax %l : tensor<1x4x16x4xf32>
  %v0 = mobile.reshape %v : tensor<1x2x2x6xf32> -> tensor<1x1x4x6xf32>
  %o = mobile.matmul %w, %v0 : tensor<1x4x16x4xf32>, tensor<1x1x4x6xf32> -> tensor<1x4x16x6xf32>
  %o0 = mobile.transpose %o [0, 2, 1, 3] : tensor<1x4x16x6xf32> -> tensor<1x16x4x6xf32>
  %y = mobile.reshape %o0 : tensor<1x16x4x6xf32> -> tensor<1x4x4x24xf32>
  return %y : tensor<1x4x4x24xf32>
}

{-# dialect_resources: { builtin: { root: "0x040000000000003F" } } #-}

// -----

// The paper's order: positions and heads are rows of one matrix, nothing moves;
// the scale is on the logits.

mobile.weight @scale dense_resource<scale> : tensor<1x1x1x1xf32>

// CHECK-LABEL: func.func @rows
// CHECK-NEXT: %[[Y:.*]] = mobile.attention %arg0, %arg1, %arg2 heads 4 scale 1.250000e-01
// CHECK-NEXT: return %[[Y]]
func.func @rows(%q: tensor<1x4x4x32xf32>, %k: tensor<1x2x2x8xf32>, %v: tensor<1x2x2x8xf32>) -> tensor<1x4x4x32xf32> {
  %q0 = mobile.reshape %q : tensor<1x4x4x32xf32> -> tensor<64x8xf32>
  %k0 = mobile.reshape %k : tensor<1x2x2x8xf32> -> tensor<4x8xf32>
  %k1 = mobile.transpose %k0 [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  %l = mobile.matmul %q0, %k1 : tensor<64x8xf32>, tensor<8x4xf32> -> tensor<64x4xf32>
  %l0 = mobile.reshape %l : tensor<64x4xf32> -> tensor<1x16x4x4xf32>
  %scale = mobile.get_weight @scale : tensor<1x1x1x1xf32>
  %l1 = mobile.mul %l0, %scale : tensor<1x16x4x4xf32>, tensor<1x1x1x1xf32> -> tensor<1x16x4x4xf32>
  %w = mobile.softmax %l1 : tensor<1x16x4x4xf32>
  %w0 = mobile.reshape %w : tensor<1x16x4x4xf32> -> tensor<64x4xf32>
  %v0 = mobile.reshape %v : tensor<1x2x2x8xf32> -> tensor<4x8xf32>
  %o = mobile.matmul %w0, %v0 : tensor<64x4xf32>, tensor<4x8xf32> -> tensor<64x8xf32>
  %y = mobile.reshape %o : tensor<64x8xf32> -> tensor<1x4x4x32xf32>
  return %y : tensor<1x4x4x32xf32>
}

{-# dialect_resources: { builtin: { scale: "0x040000000000003E" } } #-}

// -----

// Multi-head attention of tokens: each head has keys and values of its own.

// CHECK-LABEL: func.func @tokens
// CHECK-NEXT: %[[Q:.*]] = mobile.reshape %arg0 : tensor<9x12xf32> -> tensor<1x9x1x12xf32>
// CHECK-NEXT: %[[K:.*]] = mobile.reshape %arg1
// CHECK-NEXT: %[[V:.*]] = mobile.reshape %arg2
// CHECK-NEXT: %[[Y:.*]] = mobile.attention %[[Q]], %[[K]], %[[V]] heads 3 scale 1.000000e+00
// CHECK-NEXT: %[[R:.*]] = mobile.reshape %[[Y]] : tensor<1x9x1x12xf32> -> tensor<9x12xf32>
// CHECK-NEXT: return %[[R]]
func.func @tokens(%q: tensor<9x12xf32>, %k: tensor<9x12xf32>, %v: tensor<9x12xf32>) -> tensor<9x12xf32> {
  %q0 = mobile.reshape %q : tensor<9x12xf32> -> tensor<9x3x4xf32>
  %q1 = mobile.transpose %q0 [1, 0, 2] : tensor<9x3x4xf32> -> tensor<3x9x4xf32>
  %k0 = mobile.reshape %k : tensor<9x12xf32> -> tensor<9x3x4xf32>
  %k1 = mobile.transpose %k0 [1, 2, 0] : tensor<9x3x4xf32> -> tensor<3x4x9xf32>
  %v0 = mobile.reshape %v : tensor<9x12xf32> -> tensor<9x3x4xf32>
  %v1 = mobile.transpose %v0 [1, 0, 2] : tensor<9x3x4xf32> -> tensor<3x9x4xf32>
  %l = mobile.matmul %q1, %k1 : tensor<3x9x4xf32>, tensor<3x4x9xf32> -> tensor<3x9x9xf32>
  %w = mobile.softmax %l : tensor<3x9x9xf32>
  %o = mobile.matmul %w, %v1 : tensor<3x9x9xf32>, tensor<3x9x4xf32> -> tensor<3x9x4xf32>
  %o0 = mobile.transpose %o [1, 0, 2] : tensor<3x9x4xf32> -> tensor<9x3x4xf32>
  %y = mobile.reshape %o0 : tensor<9x3x4xf32> -> tensor<9x12xf32>
  return %y : tensor<9x12xf32>
}

// -----

// Everything transposed: keys times queries, the softmax over the rows, values
// times weights, as non-local blocks write it.

// CHECK-LABEL: func.func @transposed
// CHECK-NEXT: %[[Y:.*]] = mobile.attention %arg0, %arg1, %arg2 heads 1 scale 1.000000e+00
// CHECK-NEXT: return %[[Y]]
func.func @transposed(%q: tensor<1x3x3x4xf32>, %k: tensor<1x3x3x4xf32>, %v: tensor<1x3x3x8xf32>) -> tensor<1x3x3x8xf32> {
  %q0 = mobile.reshape %q : tensor<1x3x3x4xf32> -> tensor<1x9x4xf32>
  %q1 = mobile.transpose %q0 [0, 2, 1] : tensor<1x9x4xf32> -> tensor<1x4x9xf32>
  %k0 = mobile.reshape %k : tensor<1x3x3x4xf32> -> tensor<1x9x4xf32>
  %l = mobile.matmul %k0, %q1 : tensor<1x9x4xf32>, tensor<1x4x9xf32> -> tensor<1x9x9xf32>
  %l0 = mobile.transpose %l [0, 2, 1] : tensor<1x9x9xf32> -> tensor<1x9x9xf32>
  %w = mobile.softmax %l0 : tensor<1x9x9xf32>
  %w0 = mobile.transpose %w [0, 2, 1] : tensor<1x9x9xf32> -> tensor<1x9x9xf32>
  %v0 = mobile.reshape %v : tensor<1x3x3x8xf32> -> tensor<1x9x8xf32>
  %v1 = mobile.transpose %v0 [0, 2, 1] : tensor<1x9x8xf32> -> tensor<1x8x9xf32>
  %o = mobile.matmul %v1, %w0 : tensor<1x8x9xf32>, tensor<1x9x9xf32> -> tensor<1x8x9xf32>
  %o0 = mobile.transpose %o [0, 2, 1] : tensor<1x8x9xf32> -> tensor<1x9x8xf32>
  %y = mobile.reshape %o0 : tensor<1x9x8xf32> -> tensor<1x3x3x8xf32>
  return %y : tensor<1x3x3x8xf32>
}

// -----

// Two heads of keys and values for four of queries.

// CHECK-LABEL: func.func @grouped
// CHECK-NEXT: %[[Y:.*]] = mobile.attention %arg0, %arg1, %arg2 heads 4 scale 1.000000e+00
// CHECK-SAME: tensor<1x2x2x16xf32>, tensor<1x2x2x8xf32>, tensor<1x2x2x6xf32> -> tensor<1x2x2x12xf32>
// CHECK-NEXT: return %[[Y]]
func.func @grouped(%q: tensor<1x2x2x16xf32>, %k: tensor<1x2x2x8xf32>, %v: tensor<1x2x2x6xf32>) -> tensor<1x2x2x12xf32> {
  %q0 = mobile.reshape %q : tensor<1x2x2x16xf32> -> tensor<4x2x2x4xf32>
  %q1 = mobile.transpose %q0 [1, 2, 0, 3] : tensor<4x2x2x4xf32> -> tensor<2x2x4x4xf32>
  %k0 = mobile.reshape %k : tensor<1x2x2x8xf32> -> tensor<4x2x1x4xf32>
  %k1 = mobile.transpose %k0 [1, 2, 3, 0] : tensor<4x2x1x4xf32> -> tensor<2x1x4x4xf32>
  %v0 = mobile.reshape %v : tensor<1x2x2x6xf32> -> tensor<4x2x1x3xf32>
  %v1 = mobile.transpose %v0 [1, 2, 0, 3] : tensor<4x2x1x3xf32> -> tensor<2x1x4x3xf32>
  %l = mobile.matmul %q1, %k1 : tensor<2x2x4x4xf32>, tensor<2x1x4x4xf32> -> tensor<2x2x4x4xf32>
  %w = mobile.softmax %l : tensor<2x2x4x4xf32>
  %o = mobile.matmul %w, %v1 : tensor<2x2x4x4xf32>, tensor<2x1x4x3xf32> -> tensor<2x2x4x3xf32>
  %o0 = mobile.transpose %o [2, 0, 1, 3] : tensor<2x2x4x3xf32> -> tensor<4x2x2x3xf32>
  %y = mobile.reshape %o0 : tensor<4x2x2x3xf32> -> tensor<1x2x2x12xf32>
  return %y : tensor<1x2x2x12xf32>
}

// -----

// The channels are [width][heads], and the result is wanted in that order: two
// transposes of maps stay.

// CHECK-LABEL: func.func @width_first
// CHECK: %[[Q:.*]] = mobile.transpose {{.*}} [0, 2, 1] : tensor<4x3x2xf32> -> tensor<4x2x3xf32>
// CHECK: %[[R:.*]] = mobile.reshape %[[Q]] : tensor<4x2x3xf32> -> tensor<1x2x2x6xf32>
// CHECK: %[[Y:.*]] = mobile.attention %[[R]], %arg1, %arg1 heads 2
// CHECK: mobile.transpose {{.*}} [0, 2, 1] : tensor<4x2x3xf32> -> tensor<4x3x2xf32>
func.func @width_first(%q: tensor<1x2x2x6xf32>, %k: tensor<1x2x2x3xf32>) -> tensor<1x2x2x6xf32> {
  %q0 = mobile.reshape %q : tensor<1x2x2x6xf32> -> tensor<4x3x2xf32>
  %q1 = mobile.transpose %q0 [2, 0, 1] : tensor<4x3x2xf32> -> tensor<2x4x3xf32>
  %k0 = mobile.reshape %k : tensor<1x2x2x3xf32> -> tensor<1x4x3xf32>
  %k1 = mobile.transpose %k0 [0, 2, 1] : tensor<1x4x3xf32> -> tensor<1x3x4xf32>
  %l = mobile.matmul %q1, %k1 : tensor<2x4x3xf32>, tensor<1x3x4xf32> -> tensor<2x4x4xf32>
  %w = mobile.softmax %l : tensor<2x4x4xf32>
  %o = mobile.matmul %w, %k0 : tensor<2x4x4xf32>, tensor<1x4x3xf32> -> tensor<2x4x3xf32>
  %o0 = mobile.transpose %o [1, 2, 0] : tensor<2x4x3xf32> -> tensor<4x3x2xf32>
  %y = mobile.reshape %o0 : tensor<4x3x2xf32> -> tensor<1x2x2x6xf32>
  return %y : tensor<1x2x2x6xf32>
}
