// RUN: minnow-opt --split-input-file --verify-diagnostics %s

mobile.weight @w dense_resource<w> : tensor<1x1x4x4xf32>
mobile.kernel @weights_inside(%x: tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32> {
  // expected-error @+1 {{is no primitive; a kernel holds nothing else}}
  %w = mobile.get_weight @w : tensor<1x1x4x4xf32>
  %y = mobile.conv2d %x, %w : tensor<1x4x4x4xf32>, tensor<1x1x4x4xf32> -> tensor<1x4x4x4xf32>
  mobile.yield %y : tensor<1x4x4x4xf32>
}

// -----

// expected-error @+1 {{must yield values of its result types}}
mobile.kernel @result(%x: tensor<1x4x4x4xf32>) -> tensor<1x2x2x4xf32> {
  mobile.yield %x : tensor<1x4x4x4xf32>
}

// -----

mobile.kernel @no_terminator(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{block with no terminator}}
  %y = mobile.activate %x act relu : tensor<4xf32>
}

// -----

mobile.program @outside(%x: memref<4xf32>) attributes {arena_bytes = 64 : i64} {
  // expected-error @+1 {{bytes 64 to 80 are outside of the arena of 64 bytes}}
  %a = mobile.buffer arena at 64 : memref<4xf32>
  mobile.yield
}

// -----

mobile.program @unknown(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{no mobile.kernel is named @k}}
  %y = mobile.call @k(%x) : (tensor<4xf32>) -> tensor<4xf32>
  mobile.yield %y : tensor<4xf32>
}

// -----

mobile.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = mobile.activate %x act relu : tensor<4xf32>
  mobile.yield %y : tensor<4xf32>
}
mobile.program @count(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{kernel takes and gives 2 tensors, found 3}}
  %y = mobile.call @k(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  mobile.yield %y : tensor<4xf32>
}

// -----

mobile.kernel @k(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = mobile.activate %x act relu : tensor<4xf32>
  mobile.yield %y : tensor<4xf32>
}
mobile.program @too_small(%x: memref<4xf32>, %y: memref<3xf32>) {
  // expected-error @+1 {{operand or result 1 is 'memref<3xf32>', expected 'tensor<4xf32>'}}
  mobile.call @k(%x, %y) : (memref<4xf32>, memref<3xf32>) -> ()
  mobile.yield
}

// -----

// expected-error @+1 {{layout panels takes 1 size, 2 or 3 of taps, 4 to 6 of dots, found 0}}
mobile.kernel @no_panel(%x: tensor<4xf32> {mobile.layout = #mobile.layout<panels>}) {
  mobile.yield
}

// -----

// expected-error @+1 {{layout winograd takes 1 size, found 0}}
mobile.kernel @no_width(%x: tensor<3x3x4x4xf32> {mobile.layout = #mobile.layout<winograd>}) {
  mobile.yield
}

// -----

// expected-error @+1 {{layout unsigned takes 0 sizes, found 1}}
mobile.kernel @unsigned_panel(%x: tensor<4xi8> {mobile.layout = #mobile.layout<unsigned [4]>}) {
  mobile.yield
}

// -----

// expected-error @+1 {{layout unsigned is of bytes, not of 'tensor<4x8xf32>'}}
mobile.kernel @unsigned_floats(%x: tensor<4x8xf32>) -> (tensor<4x8xf32> {mobile.layout = #mobile.layout<unsigned>}) {
  %y = mobile.softmax %x : tensor<4x8xf32>
  mobile.yield %y : tensor<4x8xf32>
}

// -----

// expected-error @+1 {{sizes of a layout must be positive}}
mobile.kernel @zero_panel(%x: tensor<4xf32> {mobile.layout = #mobile.layout<panels [0]>}) {
  mobile.yield
}

// -----

// expected-error @+1 {{sums of columns need neighbours of 4 bytes in all, found 2}}
mobile.kernel @sums_of_pairs(%x: tensor<4xf32> {mobile.layout = #mobile.layout<panels [16, 2, 4, 1, 128]>}) {
  mobile.yield
}

// -----

// expected-error @+1 {{blocks of taps have 64 channels and strides of 1 or 2, found 32 and 1}}
mobile.kernel @small_blocks(%x: tensor<3x3x64xi8> {mobile.layout = #mobile.layout<panels [32, 1]>}) {
  mobile.yield
}

// -----

func.func @lost_yield() {
  // expected-error @+1 {{expects parent op to be one of}}
  mobile.yield
}
