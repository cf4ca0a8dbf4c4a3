// RUN: minnow-opt %s --plan-memory --split-input-file | FileCheck %s

// A weight lies once for each layout, at multiples of 64, packed: here two
// panels of two columns, the second one padded.

// CHECK-LABEL: mobile.kernel @k
// CHECK-LABEL: mobile.program @net(
// CHECK-SAME:      %[[X:.*]]: memref<1x2xf32> {mobile.name = "x"}, %[[Y:.*]]: memref<1x3xf32> {mobile.name = "y", mobile.output},
// CHECK-SAME:      %[[Z:.*]]: memref<1x3xf32> {mobile.output})
// CHECK-SAME:      arena_bytes = 0 : i64, weights_bytes = 128 : i64
// CHECK:         %[[W:.*]] = mobile.buffer weights at 0 : memref<2x2x2xf32>
// CHECK-NEXT:    %[[V:.*]] = mobile.buffer weights at 64 : memref<2x3xf32>
// CHECK-NEXT:    mobile.call @k(%[[X]], %[[W]], %[[Y]]) : (memref<1x2xf32>, memref<2x2x2xf32>, memref<1x3xf32>) -> ()
// CHECK-NEXT:    mobile.call @plain(%[[X]], %[[V]], %[[Z]])
// CHECK-NEXT:    mobile.yield
// CHECK:       mobile.weight @net.weights dense_resource<net.weights> : tensor<128xi8>
// CHECK-NOT:   mobile.weight
// CHECK:       net.weights: "0x400000000000803F00000040000080400000A04000004040000000000000C040{{0+}}803F0000004000004040000080400000A0400000C040{{0+}}"
module {
  mobile.weight @w dense_resource<w> : tensor<2x3xf32>
  mobile.kernel @k(%x: tensor<1x2xf32>, %w: tensor<2x3xf32> {mobile.layout = #mobile.layout<panels [2]>})
      -> tensor<1x3xf32> {
    %0 = mobile.linear %x, %w : tensor<1x2xf32>, tensor<2x3xf32> -> tensor<1x3xf32>
    mobile.yield %0 : tensor<1x3xf32>
  }
  mobile.kernel @plain(%x: tensor<1x2xf32>, %w: tensor<2x3xf32>) -> tensor<1x3xf32> {
    %0 = mobile.linear %x, %w : tensor<1x2xf32>, tensor<2x3xf32> -> tensor<1x3xf32>
    mobile.yield %0 : tensor<1x3xf32>
  }
  mobile.program @net(%x: tensor<1x2xf32> {mobile.name = "x"})
      -> (tensor<1x3xf32> {mobile.name = "y"}, tensor<1x3xf32>) {
    %w = mobile.get_weight @w : tensor<2x3xf32>
    %0 = mobile.call @k(%x, %w) : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
    %1 = mobile.call @plain(%x, %w) : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
    mobile.yield %0, %1 : tensor<1x3xf32>, tensor<1x3xf32>
  }
}
{-# dialect_resources: { builtin: {
  w: "0x040000000000803F0000004000004040000080400000A0400000C040"
} } #-}

// -----

// A call writes where nothing lives that it reads; what is dead is used again.

// CHECK-LABEL: mobile.program @chain(
// CHECK-SAME:      arena_bytes = 256 : i64, weights_bytes = 0 : i64
// CHECK:         %[[A:.*]] = mobile.buffer arena at [[#FIRST:]] : memref<1x32xf32>
// CHECK-NEXT:    mobile.call @relu(%{{.*}}, %[[A]])
// CHECK-NEXT:    %[[B:.*]] = mobile.buffer arena at {{[0-9]+}} : memref<1x32xf32>
// CHECK-NEXT:    mobile.call @relu(%[[A]], %[[B]])
// CHECK-NEXT:    %[[C:.*]] = mobile.buffer arena at [[#FIRST]] : memref<1x32xf32>
// CHECK-NEXT:    mobile.call @relu(%[[B]], %[[C]])
// CHECK-NEXT:    mobile.call @relu(%[[C]], %{{.*}})
module {
  mobile.kernel @relu(%x: tensor<1x32xf32>) -> tensor<1x32xf32> {
    %0 = mobile.activate %x act relu : tensor<1x32xf32>
    mobile.yield %0 : tensor<1x32xf32>
  }
  mobile.program @chain(%x: tensor<1x32xf32>) -> tensor<1x32xf32> {
    %0 = mobile.call @relu(%x) : (tensor<1x32xf32>) -> tensor<1x32xf32>
    %1 = mobile.call @relu(%0) : (tensor<1x32xf32>) -> tensor<1x32xf32>
    %2 = mobile.call @relu(%1) : (tensor<1x32xf32>) -> tensor<1x32xf32>
    %3 = mobile.call @relu(%2) : (tensor<1x32xf32>) -> tensor<1x32xf32>
    mobile.yield %3 : tensor<1x32xf32>
  }
}

// -----

// An output that a later call reads stays where the caller wants it.

// CHECK-LABEL: mobile.program @read(
// CHECK-SAME:      %[[X:.*]]: memref<1x32xf32>, %[[Y:.*]]: memref<1x32xf32> {mobile.output}, %[[Z:.*]]: memref<1x32xf32> {mobile.output})
// CHECK-NEXT:    mobile.call @relu(%[[X]], %[[Y]])
// CHECK-NEXT:    mobile.call @relu(%[[Y]], %[[Z]])
module {
  mobile.kernel @relu(%x: tensor<1x32xf32>) -> tensor<1x32xf32> {
    %0 = mobile.activate %x act relu : tensor<1x32xf32>
    mobile.yield %0 : tensor<1x32xf32>
  }
  mobile.program @read(%x: tensor<1x32xf32>) -> (tensor<1x32xf32>, tensor<1x32xf32>) {
    %0 = mobile.call @relu(%x) : (tensor<1x32xf32>) -> tensor<1x32xf32>
    %1 = mobile.call @relu(%0) : (tensor<1x32xf32>) -> tensor<1x32xf32>
    mobile.yield %0, %1 : tensor<1x32xf32>, tensor<1x32xf32>
  }
}
