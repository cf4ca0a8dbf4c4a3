// RUN: minnow-opt --pass-pipeline='builtin.module(lower-to-linalg,func.func(expand-calls))' %s | FileCheck %s

// CHECK-LABEL: func.func @gelu
// CHECK-NOT: math.
mobile.kernel @gelu(%x: tensor<7xf32>) -> tensor<7xf32> {
  %0 = mobile.activate %x act gelu : tensor<7xf32>
  mobile.yield %0 : tensor<7xf32>
}

// CHECK-LABEL: func.func @silu
// CHECK-NOT: math.exp
// CHECK-NOT: math.floor
// CHECK-NOT: math.fma
mobile.kernel @silu(%x: tensor<7xf32>) -> tensor<7xf32> {
  %0 = mobile.activate %x act silu : tensor<7xf32>
  mobile.yield %0 : tensor<7xf32>
}
