// RUN: minnow-opt %s --form-groups=explain --split-input-file --verify-diagnostics -o /dev/null
// RUN: not minnow-opt %s --form-groups=goal=speed --split-input-file 2>&1 | FileCheck %s --check-prefix=GOAL
// GOAL: unknown goal 'speed'; there is time, memory, blocks, separate

// A widened map that no cache holds stays inside of one kernel.

module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "haswell"}} {
  mobile.weight @e dense_resource<e> : tensor<1x1x8x96xf32>
  mobile.weight @d dense_resource<d> : tensor<3x3x96xf32>
  func.func @fused(%x: tensor<1x112x112x8xf32>) -> tensor<1x112x112x96xf32> {
    %e = mobile.get_weight @e : tensor<1x1x8x96xf32>
    %d = mobile.get_weight @d : tensor<3x3x96xf32>
    %0 = mobile.conv2d %x, %e act relu
        : tensor<1x112x112x8xf32>, tensor<1x1x8x96xf32> -> tensor<1x112x112x96xf32>
    // expected-remark @+1 {{fused, one kernel gains }}
    %1 = mobile.depthwise_conv2d %0, %d pad [1, 1, 1, 1] act relu
        : tensor<1x112x112x96xf32>, tensor<3x3x96xf32> -> tensor<1x112x112x96xf32>
    return %1 : tensor<1x112x112x96xf32>
  }
}

// -----

// Where the caches hold the map, strips only cost.

module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "haswell"}} {
  mobile.weight @e dense_resource<e> : tensor<1x1x96x192xf32>
  mobile.weight @p dense_resource<p> : tensor<1x1x192x96xf32>
  func.func @apart(%x: tensor<1x14x14x96xf32>) -> tensor<1x14x14x96xf32> {
    %e = mobile.get_weight @e : tensor<1x1x96x192xf32>
    %p = mobile.get_weight @p : tensor<1x1x192x96xf32>
    %0 = mobile.conv2d %x, %e act relu
        : tensor<1x14x14x96xf32>, tensor<1x1x96x192xf32> -> tensor<1x14x14x192xf32>
    // expected-remark @+1 {{apart, one kernel loses }}
    %1 = mobile.conv2d %0, %p
        : tensor<1x14x14x192xf32>, tensor<1x1x192x96xf32> -> tensor<1x14x14x96xf32>
    return %1 : tensor<1x14x14x96xf32>
  }
}

// -----

// What the target does not take as one kernel.

module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "haswell"}} {
  mobile.weight @d dense_resource<d> : tensor<3x3x96xf32>
  func.func @refused(%x: tensor<1x14x14x96xf32>) -> tensor<1x1x1x96xf32> {
    %d = mobile.get_weight @d : tensor<3x3x96xf32>
    %0 = mobile.depthwise_conv2d %x, %d pad [1, 1, 1, 1]
        : tensor<1x14x14x96xf32>, tensor<3x3x96xf32> -> tensor<1x14x14x96xf32>
    // expected-remark @+1 {{apart: depthwise3x3_average14x14_14x14x96: a global pool is fused with one pointwise convolution only}}
    %1 = mobile.pool2d average %0 window [14, 14] : tensor<1x14x14x96xf32> -> tensor<1x1x1x96xf32>
    return %1 : tensor<1x1x1x96xf32>
  }
}
