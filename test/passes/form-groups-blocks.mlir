// RUN: minnow-opt %s --form-groups=goal=memory --schedule --plan-memory --split-input-file \
// RUN:   | FileCheck %s --implicit-check-not=mobile.kernel --implicit-check-not="buffer arena"

// Each kind of block becomes one kernel; its expanded tensor is in no memory.

// Inverted bottleneck.
// CHECK-LABEL: mobile.kernel @uib_6x6x2_relu
// CHECK:       mobile.program @net
// CHECK-SAME:    arena_bytes = 0
// CHECK:         mobile.call @uib_6x6x2_relu
// CHECK-NEXT:    mobile.yield
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @expand dense_resource<expand> : tensor<1x1x2x4xf32>
  mobile.weight @middle dense_resource<middle> : tensor<3x3x4xf32>
  mobile.weight @project dense_resource<project> : tensor<1x1x4x2xf32>
  func.func @net(%x: tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
    %y = mobile.uib(%in = %x : tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
      %expand = mobile.get_weight @expand : tensor<1x1x2x4xf32>
      %middle = mobile.get_weight @middle : tensor<3x3x4xf32>
      %project = mobile.get_weight @project : tensor<1x1x4x2xf32>
      %0 = mobile.conv2d %in, %expand act relu
          : tensor<1x6x6x2xf32>, tensor<1x1x2x4xf32> -> tensor<1x6x6x4xf32>
      %1 = mobile.depthwise_conv2d %0, %middle pad [1, 1, 1, 1] act relu
          : tensor<1x6x6x4xf32>, tensor<3x3x4xf32> -> tensor<1x6x6x4xf32>
      %2 = mobile.conv2d %1, %project
          : tensor<1x6x6x4xf32>, tensor<1x1x4x2xf32> -> tensor<1x6x6x2xf32>
      %3 = mobile.add %2, %in : tensor<1x6x6x2xf32>, tensor<1x6x6x2xf32> -> tensor<1x6x6x2xf32>
      mobile.yield %3 : tensor<1x6x6x2xf32>
    }
    return %y : tensor<1x6x6x2xf32>
  }
}
{-# dialect_resources: { builtin: {
  expand: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  middle: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  project: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
} } #-}

// -----

// ConvNext-like.
// CHECK-LABEL: mobile.kernel @uib_6x6x2_relu
// CHECK:       mobile.program @net
// CHECK-SAME:    arena_bytes = 0
// CHECK:         mobile.call @uib_6x6x2_relu
// CHECK-NEXT:    mobile.yield
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @start dense_resource<start> : tensor<3x3x2xf32>
  mobile.weight @expand dense_resource<expand> : tensor<1x1x2x4xf32>
  mobile.weight @project dense_resource<project> : tensor<1x1x4x2xf32>
  func.func @net(%x: tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
    %y = mobile.uib(%in = %x : tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
      %start = mobile.get_weight @start : tensor<3x3x2xf32>
      %expand = mobile.get_weight @expand : tensor<1x1x2x4xf32>
      %project = mobile.get_weight @project : tensor<1x1x4x2xf32>
      %0 = mobile.depthwise_conv2d %in, %start pad [1, 1, 1, 1]
          : tensor<1x6x6x2xf32>, tensor<3x3x2xf32> -> tensor<1x6x6x2xf32>
      %1 = mobile.conv2d %0, %expand act relu
          : tensor<1x6x6x2xf32>, tensor<1x1x2x4xf32> -> tensor<1x6x6x4xf32>
      %2 = mobile.conv2d %1, %project
          : tensor<1x6x6x4xf32>, tensor<1x1x4x2xf32> -> tensor<1x6x6x2xf32>
      %3 = mobile.add %2, %in : tensor<1x6x6x2xf32>, tensor<1x6x6x2xf32> -> tensor<1x6x6x2xf32>
      mobile.yield %3 : tensor<1x6x6x2xf32>
    }
    return %y : tensor<1x6x6x2xf32>
  }
}
{-# dialect_resources: { builtin: {
  start: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  expand: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  project: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
} } #-}

// -----

// ExtraDW.
// CHECK-LABEL: mobile.kernel @uib_6x6x2_relu
// CHECK:       mobile.program @net
// CHECK-SAME:    arena_bytes = 0
// CHECK:         mobile.call @uib_6x6x2_relu
// CHECK-NEXT:    mobile.yield
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @start dense_resource<start> : tensor<3x3x2xf32>
  mobile.weight @expand dense_resource<expand> : tensor<1x1x2x4xf32>
  mobile.weight @middle dense_resource<middle> : tensor<3x3x4xf32>
  mobile.weight @project dense_resource<project> : tensor<1x1x4x2xf32>
  func.func @net(%x: tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
    %y = mobile.uib(%in = %x : tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
      %start = mobile.get_weight @start : tensor<3x3x2xf32>
      %expand = mobile.get_weight @expand : tensor<1x1x2x4xf32>
      %middle = mobile.get_weight @middle : tensor<3x3x4xf32>
      %project = mobile.get_weight @project : tensor<1x1x4x2xf32>
      %0 = mobile.depthwise_conv2d %in, %start pad [1, 1, 1, 1]
          : tensor<1x6x6x2xf32>, tensor<3x3x2xf32> -> tensor<1x6x6x2xf32>
      %1 = mobile.conv2d %0, %expand act relu
          : tensor<1x6x6x2xf32>, tensor<1x1x2x4xf32> -> tensor<1x6x6x4xf32>
      %2 = mobile.depthwise_conv2d %1, %middle pad [1, 1, 1, 1] act relu
          : tensor<1x6x6x4xf32>, tensor<3x3x4xf32> -> tensor<1x6x6x4xf32>
      %3 = mobile.conv2d %2, %project
          : tensor<1x6x6x4xf32>, tensor<1x1x4x2xf32> -> tensor<1x6x6x2xf32>
      %4 = mobile.add %3, %in : tensor<1x6x6x2xf32>, tensor<1x6x6x2xf32> -> tensor<1x6x6x2xf32>
      mobile.yield %4 : tensor<1x6x6x2xf32>
    }
    return %y : tensor<1x6x6x2xf32>
  }
}
{-# dialect_resources: { builtin: {
  start: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  expand: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  middle: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  project: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
} } #-}

// -----

// FFN.
// CHECK-LABEL: mobile.kernel @uib_6x6x2_relu
// CHECK:       mobile.program @net
// CHECK-SAME:    arena_bytes = 0
// CHECK:         mobile.call @uib_6x6x2_relu
// CHECK-NEXT:    mobile.yield
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @expand dense_resource<expand> : tensor<1x1x2x4xf32>
  mobile.weight @project dense_resource<project> : tensor<1x1x4x2xf32>
  func.func @net(%x: tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
    %y = mobile.uib(%in = %x : tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
      %expand = mobile.get_weight @expand : tensor<1x1x2x4xf32>
      %project = mobile.get_weight @project : tensor<1x1x4x2xf32>
      %0 = mobile.conv2d %in, %expand act relu
          : tensor<1x6x6x2xf32>, tensor<1x1x2x4xf32> -> tensor<1x6x6x4xf32>
      %1 = mobile.conv2d %0, %project
          : tensor<1x6x6x4xf32>, tensor<1x1x4x2xf32> -> tensor<1x6x6x2xf32>
      %2 = mobile.add %1, %in : tensor<1x6x6x2xf32>, tensor<1x6x6x2xf32> -> tensor<1x6x6x2xf32>
      mobile.yield %2 : tensor<1x6x6x2xf32>
    }
    return %y : tensor<1x6x6x2xf32>
  }
}
{-# dialect_resources: { builtin: {
  expand: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  project: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
} } #-}

// -----

// Fused inverted bottleneck.
// CHECK-LABEL: mobile.kernel @fused_ib_6x6x2_relu
// CHECK:       mobile.program @net
// CHECK-SAME:    arena_bytes = 0
// CHECK:         mobile.call @fused_ib_6x6x2_relu
// CHECK-NEXT:    mobile.yield
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @expand dense_resource<expand> : tensor<3x3x2x4xf32>
  mobile.weight @project dense_resource<project> : tensor<1x1x4x2xf32>
  func.func @net(%x: tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
    %y = mobile.fused_ib(%in = %x : tensor<1x6x6x2xf32>) -> tensor<1x6x6x2xf32> {
      %expand = mobile.get_weight @expand : tensor<3x3x2x4xf32>
      %project = mobile.get_weight @project : tensor<1x1x4x2xf32>
      %0 = mobile.conv2d %in, %expand pad [1, 1, 1, 1] act relu
          : tensor<1x6x6x2xf32>, tensor<3x3x2x4xf32> -> tensor<1x6x6x4xf32>
      %1 = mobile.conv2d %0, %project
          : tensor<1x6x6x4xf32>, tensor<1x1x4x2xf32> -> tensor<1x6x6x2xf32>
      mobile.yield %1 : tensor<1x6x6x2xf32>
    }
    return %y : tensor<1x6x6x2xf32>
  }
}
{-# dialect_resources: { builtin: {
  expand: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F",
  project: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
} } #-}
