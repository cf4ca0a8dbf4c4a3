// RUN: minnow-opt %s --form-groups --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// A call says which layers it runs; a kernel says nothing of the kind, so that
// its code does not depend on who calls it.

// CHECK-NOT: layer
// CHECK:     mobile.program
// CHECK:     mobile.call @fused_ib_{{.*}} loc("layer.0.conv+proj"(fused["layer.0.conv", "layer.0.proj"]))
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @a dense_resource<a> : tensor<3x3x8x16xf32>
  mobile.weight @b dense_resource<b> : tensor<1x1x16x8xf32>
  func.func @net(%x: tensor<1x8x8x8xf32>) -> tensor<1x6x6x8xf32> {
    %a = mobile.get_weight @a : tensor<3x3x8x16xf32>
    %b = mobile.get_weight @b : tensor<1x1x16x8xf32>
    %0 = mobile.conv2d %x, %a act relu
        : tensor<1x8x8x8xf32>, tensor<3x3x8x16xf32> -> tensor<1x6x6x16xf32> loc("layer.0.conv")
    %1 = mobile.conv2d %0, %b
        : tensor<1x6x6x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x6x6x8xf32> loc("layer.0.proj")
    return %1 : tensor<1x6x6x8xf32>
  }
}
