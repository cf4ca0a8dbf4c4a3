// RUN: minnow-opt --pass-pipeline='builtin.module(lower-to-linalg,func.func(channels-innermost))' --split-input-file %s | FileCheck %s

// The output channels n go behind the sum over k.
// CHECK: affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK: affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK: affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-LABEL: func.func @linear
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "reduction", "parallel"]
mobile.kernel @linear(%x: tensor<1x37xf32>, %w: tensor<37x19xf32>) -> tensor<1x19xf32> {
  %y = mobile.linear %x, %w : tensor<1x37xf32>, tensor<37x19xf32> -> tensor<1x19xf32>
  mobile.yield %y : tensor<1x19xf32>
}

// -----

// The sums of a softmax already run over neighbours.
// CHECK-LABEL: func.func @softmax
// CHECK: iterator_types = ["parallel", "reduction"]
// CHECK-NOT: iterator_types = ["reduction", "parallel"]
mobile.kernel @softmax(%x: tensor<3x19xf32>) -> tensor<3x19xf32> {
  %y = mobile.softmax %x : tensor<3x19xf32>
  mobile.yield %y : tensor<3x19xf32>
}
