// RUN: minnow-opt %s --form-groups --split-input-file | FileCheck %s

// Equal primitives are one kernel that is called with other weights. Arguments
// are the activations, then the weights, both in the order of their use.

// CHECK-LABEL: mobile.kernel @pointwise_28x28x96_relu(
// CHECK-SAME:      %[[X:.*]]: tensor<1x28x28x96xf32>, %[[W:.*]]: tensor<1x1x96x96xf32>, %[[B:.*]]: tensor<96xf32>)
// CHECK-NEXT:    %[[Y:.*]] = mobile.conv2d %[[X]], %[[W]] bias %[[B]]
// CHECK-NEXT:    mobile.yield %[[Y]]
// CHECK-NOT:   mobile.kernel
// CHECK-LABEL: mobile.program @net(
// CHECK-SAME:      %[[IN:.*]]: tensor<1x28x28x96xf32> {mobile.name = "x"}) -> (tensor<1x28x28x96xf32> {mobile.name = "y"})
// CHECK-SAME:      mobile.preprocessing = {resize = 256 : i64}
// CHECK:         %[[W0:.*]] = mobile.get_weight @w0
// CHECK:         %[[B0:.*]] = mobile.get_weight @b
// CHECK:         %[[T:.*]] = mobile.call @pointwise_28x28x96_relu(%[[IN]], %[[W0]], %[[B0]])
// CHECK:         %[[W1:.*]] = mobile.get_weight @w1
// CHECK:         %[[R:.*]] = mobile.call @pointwise_28x28x96_relu(%[[T]], %[[W1]], %[[B0]])
// CHECK:         mobile.yield %[[R]]
// CHECK-NOT:   func.func
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @w0 dense_resource<w0> : tensor<1x1x96x96xf32>
  mobile.weight @w1 dense_resource<w1> : tensor<1x1x96x96xf32>
  mobile.weight @b dense_resource<b> : tensor<96xf32>
  func.func @net(%x: tensor<1x28x28x96xf32> {mobile.name = "x"}) -> (tensor<1x28x28x96xf32> {mobile.name = "y"})
      attributes {mobile.preprocessing = {resize = 256 : i64}} {
    %b = mobile.get_weight @b : tensor<96xf32>
    %w0 = mobile.get_weight @w0 : tensor<1x1x96x96xf32>
    %w1 = mobile.get_weight @w1 : tensor<1x1x96x96xf32>
    %0 = mobile.conv2d %x, %w0 bias %b act relu
        : tensor<1x28x28x96xf32>, tensor<1x1x96x96xf32>, tensor<96xf32> -> tensor<1x28x28x96xf32>
    %1 = mobile.conv2d %0, %w1 bias %b act relu
        : tensor<1x28x28x96xf32>, tensor<1x1x96x96xf32>, tensor<96xf32> -> tensor<1x28x28x96xf32>
    return %1 : tensor<1x28x28x96xf32>
  }
}

// -----

// Names that collide get a number; what differs is the padding.

// CHECK: mobile.kernel @depthwise3x3_8x8x32(
// CHECK: mobile.kernel @depthwise3x3_8x8x32_v2(
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @w dense_resource<w> : tensor<3x3x32xf32>
  func.func @net(%x: tensor<1x8x8x32xf32>) -> (tensor<1x8x8x32xf32>, tensor<1x6x6x32xf32>) {
    %w = mobile.get_weight @w : tensor<3x3x32xf32>
    %0 = mobile.depthwise_conv2d %x, %w pad [1, 1, 1, 1]
        : tensor<1x8x8x32xf32>, tensor<3x3x32xf32> -> tensor<1x8x8x32xf32>
    %1 = mobile.depthwise_conv2d %x, %w : tensor<1x8x8x32xf32>, tensor<3x3x32xf32> -> tensor<1x6x6x32xf32>
    return %0, %1 : tensor<1x8x8x32xf32>, tensor<1x6x6x32xf32>
  }
}

// -----

// The edges of a classifier: the transposition goes with the stem, the pool with
// the convolution before it, the reshape with a neighbour, the sum of a residual
// with the projection. Nothing of these is a kernel of its own.

// CHECK:      mobile.kernel @transpose_conv3x3s2_3x64x64_32_relu(
// CHECK:      mobile.kernel @pointwise_32x32x32_64_relu(
// CHECK:      mobile.kernel @pointwise_add_32x32x64_32(
// CHECK:      mobile.kernel @pointwise_average32x32_32x32x32_64
// CHECK:      mobile.kernel @linear_
// CHECK-NOT:  mobile.kernel
// CHECK:      mobile.program
// CHECK-COUNT-5: mobile.call
// CHECK-NOT:  mobile.call
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @stem dense_resource<stem> : tensor<3x3x3x32xf32>
  mobile.weight @expand dense_resource<expand> : tensor<1x1x32x64xf32>
  mobile.weight @project dense_resource<project> : tensor<1x1x64x32xf32>
  mobile.weight @fc dense_resource<fc> : tensor<64x10xf32>
  func.func @net(%x: tensor<1x3x64x64xf32>) -> tensor<1x10xf32> {
    %ws = mobile.get_weight @stem : tensor<3x3x3x32xf32>
    %we = mobile.get_weight @expand : tensor<1x1x32x64xf32>
    %wp = mobile.get_weight @project : tensor<1x1x64x32xf32>
    %wf = mobile.get_weight @fc : tensor<64x10xf32>
    %t = mobile.transpose %x [0, 2, 3, 1] : tensor<1x3x64x64xf32> -> tensor<1x64x64x3xf32>
    %s = mobile.conv2d %t, %ws stride [2, 2] pad [1, 1, 1, 1] act relu
        : tensor<1x64x64x3xf32>, tensor<3x3x3x32xf32> -> tensor<1x32x32x32xf32>
    %e = mobile.conv2d %s, %we act relu
        : tensor<1x32x32x32xf32>, tensor<1x1x32x64xf32> -> tensor<1x32x32x64xf32>
    %p = mobile.conv2d %e, %wp : tensor<1x32x32x64xf32>, tensor<1x1x64x32xf32> -> tensor<1x32x32x32xf32>
    %a = mobile.add %p, %s : tensor<1x32x32x32xf32>, tensor<1x32x32x32xf32> -> tensor<1x32x32x32xf32>
    %h = mobile.conv2d %a, %we : tensor<1x32x32x32xf32>, tensor<1x1x32x64xf32> -> tensor<1x32x32x64xf32>
    %m = mobile.pool2d average %h window [32, 32] : tensor<1x32x32x64xf32> -> tensor<1x1x1x64xf32>
    %r = mobile.reshape %m : tensor<1x1x1x64xf32> -> tensor<1x64xf32>
    %l = mobile.linear %r, %wf : tensor<1x64xf32>, tensor<64x10xf32> -> tensor<1x10xf32>
    return %l : tensor<1x10xf32>
  }
}

// -----

// An input that is a result, and a value that is two, are copied: each result
// has memory of its own.

// CHECK:      mobile.program @copies(%[[X:.*]]: tensor<1x8xf32>)
// CHECK-DAG:    %[[A:.*]] = mobile.call @activate_8_relu(%[[X]])
// CHECK-DAG:    %[[B:.*]] = mobile.call @reshape_8(%[[A]])
// CHECK-DAG:    %[[C:.*]] = mobile.call @reshape_8(%[[X]])
// CHECK:        mobile.yield %[[A]], %[[B]], %[[C]]
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  func.func @copies(%x: tensor<1x8xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>) {
    %0 = mobile.activate %x act relu : tensor<1x8xf32>
    return %0, %0, %x : tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>
  }
}

// -----

// What no result needs is gone, and a side branch does not tear a chain apart.

// CHECK:      mobile.kernel @pointwise_average8x8_8x8x16_32(
// CHECK-NOT:  softmax
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.weight @w dense_resource<w> : tensor<1x1x16x32xf32>
  func.func @net(%x: tensor<1x8x8x16xf32>, %y: tensor<1x8x8x16xf32>)
      -> (tensor<1x1x1x32xf32>, tensor<1x8x8x16xf32>) {
    %w = mobile.get_weight @w : tensor<1x1x16x32xf32>
    %0 = mobile.conv2d %x, %w : tensor<1x8x8x16xf32>, tensor<1x1x16x32xf32> -> tensor<1x8x8x32xf32>
    %1 = mobile.activate %y act relu : tensor<1x8x8x16xf32>
    %dead = mobile.softmax %y : tensor<1x8x8x16xf32>
    %2 = mobile.pool2d average %0 window [8, 8] : tensor<1x8x8x32xf32> -> tensor<1x1x1x32xf32>
    return %2, %1 : tensor<1x1x1x32xf32>, tensor<1x8x8x16xf32>
  }
}
