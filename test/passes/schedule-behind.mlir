// RUN: minnow-opt %s --schedule | FileCheck %s

// The last product of many positions fetches the weights of what comes behind
// it, which reads each once.

// CHECK-LABEL: mobile.kernel @often(
// CHECK-NOT:       behind
// CHECK-LABEL: mobile.kernel @last(
// CHECK:           behind 81920>
// CHECK-LABEL: mobile.kernel @one(
// CHECK-NOT:       behind
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "sapphirerapids"}} {
  mobile.weight @w dense_resource<elided> : tensor<1x1x64x64xf32>
  mobile.weight @v dense_resource<elided> : tensor<64x320xf32>
  mobile.kernel @often(%x: tensor<1x8x8x64xf32>, %w: tensor<1x1x64x64xf32>) -> tensor<1x8x8x64xf32> {
    %0 = mobile.conv2d %x, %w : tensor<1x8x8x64xf32>, tensor<1x1x64x64xf32> -> tensor<1x8x8x64xf32>
    mobile.yield %0 : tensor<1x8x8x64xf32>
  }
  mobile.kernel @last(%x: tensor<1x8x8x64xf32>, %w: tensor<1x1x64x64xf32>) -> tensor<1x1x1x64xf32> {
    %0 = mobile.conv2d %x, %w act relu : tensor<1x8x8x64xf32>, tensor<1x1x64x64xf32> -> tensor<1x8x8x64xf32>
    %1 = mobile.pool2d average %0 window [8, 8] : tensor<1x8x8x64xf32> -> tensor<1x1x1x64xf32>
    mobile.yield %1 : tensor<1x1x1x64xf32>
  }
  mobile.kernel @one(%x: tensor<1x1x1x64xf32>, %w: tensor<64x320xf32>) -> tensor<1x320xf32> {
    %0 = mobile.reshape %x : tensor<1x1x1x64xf32> -> tensor<1x64xf32>
    %1 = mobile.linear %0, %w : tensor<1x64xf32>, tensor<64x320xf32> -> tensor<1x320xf32>
    mobile.yield %1 : tensor<1x320xf32>
  }
  mobile.program @net(%x: tensor<1x8x8x64xf32>) -> tensor<1x320xf32> {
    %w = mobile.get_weight @w : tensor<1x1x64x64xf32>
    %v = mobile.get_weight @v : tensor<64x320xf32>
    %0 = mobile.call @often(%x, %w) : (tensor<1x8x8x64xf32>, tensor<1x1x64x64xf32>) -> tensor<1x8x8x64xf32>
    %1 = mobile.call @often(%0, %w) : (tensor<1x8x8x64xf32>, tensor<1x1x64x64xf32>) -> tensor<1x8x8x64xf32>
    %2 = mobile.call @last(%1, %w) : (tensor<1x8x8x64xf32>, tensor<1x1x64x64xf32>) -> tensor<1x1x1x64xf32>
    %3 = mobile.call @one(%2, %v) : (tensor<1x1x1x64xf32>, tensor<64x320xf32>) -> tensor<1x320xf32>
    mobile.yield %3 : tensor<1x320xf32>
  }
}
