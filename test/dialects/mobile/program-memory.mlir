// RUN: minnow-opt %s --split-input-file --verify-diagnostics

// A program over memory: what plan-memory promises is checked.

mobile.program @good(%x: memref<1x8xf32>, %y: memref<1x8xf32> {mobile.output})
    attributes {arena_bytes = 64 : i64, weights_bytes = 128 : i64} {
  %t = mobile.buffer arena at 0 : memref<1x16xf32>
  %w = mobile.buffer weights at 64 : memref<1x16xf32>
  mobile.yield
}

// -----

mobile.program @outside() attributes {arena_bytes = 64 : i64, weights_bytes = 0 : i64} {
  // expected-error @+1 {{bytes 0 to 68 are outside of the arena of 64 bytes}}
  %t = mobile.buffer arena at 0 : memref<17xf32>
  mobile.yield
}

// -----

mobile.program @unplanned() {
  // expected-error @+1 {{bytes 0 to 4 are outside of the weights of 0 bytes}}
  %t = mobile.buffer weights at 0 : memref<1xf32>
  mobile.yield
}

// -----

mobile.program @unaligned() attributes {arena_bytes = 640 : i64, weights_bytes = 0 : i64} {
  // expected-error @+1 {{offset 4 is no multiple of 64, the alignment of buffers}}
  %t = mobile.buffer arena at 4 : memref<1xf32>
  mobile.yield
}

// -----

mobile.program @overflowing() attributes {arena_bytes = 64 : i64, weights_bytes = 0 : i64} {
  // expected-error @+1 {{has more bytes than can be counted}}
  %t = mobile.buffer arena at 0 : memref<4611686018427387905x4xf32>
  mobile.yield
}

// -----

mobile.program @primitive(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  // expected-error @+1 {{is no call, weight or buffer; a program holds nothing else}}
  %0 = mobile.softmax %x : tensor<1x8xf32>
  mobile.yield %0 : tensor<1x8xf32>
}

// -----

// expected-error @+1 {{must yield values of its result types}}
mobile.program @results(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  mobile.yield
}
