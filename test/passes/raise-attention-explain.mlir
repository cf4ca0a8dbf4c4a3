// RUN: minnow-opt --raise-attention=explain --split-input-file --verify-diagnostics %s | FileCheck %s --implicit-check-not=mobile.attention

// CHECK-LABEL: func.func @masked
// CHECK: mobile.matmul
// CHECK: mobile.softmax
// CHECK: mobile.matmul
func.func @masked(%q: tensor<9x4xf32>, %k: tensor<4x9xf32>, %mask: tensor<9x9xf32>) -> tensor<9x4xf32> {
  %l = mobile.matmul %q, %k : tensor<9x4xf32>, tensor<4x9xf32> -> tensor<9x9xf32>
  %m = mobile.add %l, %mask : tensor<9x9xf32>, tensor<9x9xf32> -> tensor<9x9xf32>
  %w = mobile.softmax %m : tensor<9x9xf32>
  // expected-remark @+1 {{ends no mobile.attention: the softmax must read a product with at most one constant factor, not 'mobile.add'}}
  %y = mobile.matmul %w, %q : tensor<9x9xf32>, tensor<9x4xf32> -> tensor<9x4xf32>
  return %y : tensor<9x4xf32>
}

// -----

// As many queries as keys, but the second product sums over the queries.
func.func @other_axis(%q: tensor<9x4xf32>, %k: tensor<4x9xf32>, %v: tensor<9x4xf32>) -> tensor<9x4xf32> {
  %l = mobile.matmul %q, %k : tensor<9x4xf32>, tensor<4x9xf32> -> tensor<9x9xf32>
  %w = mobile.softmax %l : tensor<9x9xf32>
  %t = mobile.transpose %w [1, 0] : tensor<9x9xf32> -> tensor<9x9xf32>
  // expected-remark @+1 {{the second product does not sum over the keys}}
  %y = mobile.matmul %t, %v : tensor<9x9xf32>, tensor<9x4xf32> -> tensor<9x4xf32>
  return %y : tensor<9x4xf32>
}

// -----

// Over all heads' keys at once.
func.func @joint(%q: tensor<2x9x4xf32>, %k: tensor<2x4x9xf32>, %v: tensor<18x4xf32>) -> tensor<9x4xf32> {
  %l = mobile.matmul %q, %k : tensor<2x9x4xf32>, tensor<2x4x9xf32> -> tensor<2x9x9xf32>
  %t = mobile.transpose %l [1, 0, 2] : tensor<2x9x9xf32> -> tensor<9x2x9xf32>
  %r = mobile.reshape %t : tensor<9x2x9xf32> -> tensor<9x18xf32>
  %w = mobile.softmax %r : tensor<9x18xf32>
  // expected-remark @+1 {{the softmax is not over the keys}}
  %y = mobile.matmul %w, %v : tensor<9x18xf32>, tensor<18x4xf32> -> tensor<9x4xf32>
  return %y : tensor<9x4xf32>
}

// -----

// Each head has keys of its own, but all share the values.
func.func @shared_values(%q: tensor<2x9x4xf32>, %k: tensor<2x4x9xf32>, %v: tensor<1x9x4xf32>) -> tensor<2x9x4xf32> {
  %l = mobile.matmul %q, %k : tensor<2x9x4xf32>, tensor<2x4x9xf32> -> tensor<2x9x9xf32>
  %w = mobile.softmax %l : tensor<2x9x9xf32>
  // expected-remark @+1 {{keys and values have different heads}}
  %y = mobile.matmul %w, %v : tensor<2x9x9xf32>, tensor<1x9x4xf32> -> tensor<2x9x4xf32>
  return %y : tensor<2x9x4xf32>
}

// -----

// The heads of the values come in another order.
func.func @crossed_heads(%q: tensor<2x3x9x4xf32>, %k: tensor<2x3x4x9xf32>, %v: tensor<3x2x9x4xf32>) -> tensor<3x2x9x4xf32> {
  %l = mobile.matmul %q, %k : tensor<2x3x9x4xf32>, tensor<2x3x4x9xf32> -> tensor<2x3x9x9xf32>
  %w = mobile.softmax %l : tensor<2x3x9x9xf32>
  %t = mobile.transpose %w [1, 0, 2, 3] : tensor<2x3x9x9xf32> -> tensor<3x2x9x9xf32>
  // expected-remark @+1 {{keys and values have different heads}}
  %y = mobile.matmul %t, %v : tensor<3x2x9x9xf32>, tensor<3x2x9x4xf32> -> tensor<3x2x9x4xf32>
  return %y : tensor<3x2x9x4xf32>
}

// -----

func.func @weights_leave(%q: tensor<9x4xf32>, %k: tensor<4x9xf32>) -> (tensor<9x9xf32>, tensor<9x4xf32>) {
  %l = mobile.matmul %q, %k : tensor<9x4xf32>, tensor<4x9xf32> -> tensor<9x9xf32>
  %w = mobile.softmax %l : tensor<9x9xf32>
  // expected-remark @+1 {{the logits or the weights are used elsewhere too}}
  %y = mobile.matmul %w, %q : tensor<9x9xf32>, tensor<9x4xf32> -> tensor<9x4xf32>
  return %w, %y : tensor<9x9xf32>, tensor<9x4xf32>
}

// -----

// No softmax, nothing to explain.
func.func @product(%a: tensor<9x4xf32>, %b: tensor<4x9xf32>) -> tensor<9x9xf32> {
  %y = mobile.matmul %a, %b : tensor<9x4xf32>, tensor<4x9xf32> -> tensor<9x9xf32>
  return %y : tensor<9x9xf32>
}

// -----

func.func @empty(%q: tensor<9x4xf32>, %k: tensor<4x0xf32>, %v: tensor<0x4xf32>) -> tensor<9x4xf32> {
  %l = mobile.matmul %q, %k : tensor<9x4xf32>, tensor<4x0xf32> -> tensor<9x0xf32>
  %w = mobile.softmax %l : tensor<9x0xf32>
  %t = mobile.transpose %w [1, 0] : tensor<9x0xf32> -> tensor<0x9xf32>
  %r = mobile.reshape %t : tensor<0x9xf32> -> tensor<9x0xf32>
  // expected-remark @+1 {{a product is empty}}
  %y = mobile.matmul %r, %v : tensor<9x0xf32>, tensor<0x4xf32> -> tensor<9x4xf32>
  return %y : tensor<9x4xf32>
}
