// RUN: minnow-opt %s --plan-memory --split-input-file --verify-diagnostics

// expected-error @+1 {{'mobile.program' op result 0 must be written by a call and be no other result too; form-groups inserts a copy where a network needs one}}
mobile.program @net(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  mobile.yield %x : tensor<1x8xf32>
}

// -----

// expected-error @+1 {{'mobile.weight' op has no numbers; the module was printed without them}}
mobile.weight @w dense_resource<elided> : tensor<8x8xf32>
mobile.kernel @k(%x: tensor<1x8xf32>, %w: tensor<8x8xf32>) -> tensor<1x8xf32> {
  %0 = mobile.linear %x, %w : tensor<1x8xf32>, tensor<8x8xf32> -> tensor<1x8xf32>
  mobile.yield %0 : tensor<1x8xf32>
}
mobile.program @net(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %w = mobile.get_weight @w : tensor<8x8xf32>
  %0 = mobile.call @k(%x, %w) : (tensor<1x8xf32>, tensor<8x8xf32>) -> tensor<1x8xf32>
  mobile.yield %0 : tensor<1x8xf32>
}

// -----

mobile.kernel @k(%x: tensor<4x8xf32> {mobile.layout = #mobile.layout<panels [4]>}) -> tensor<4x8xf32> {
  %0 = mobile.softmax %x : tensor<4x8xf32>
  mobile.yield %0 : tensor<4x8xf32>
}
mobile.program @net(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{operand 0 is an activation with #mobile.layout<panels[4]>; only weights can be packed}}
  %0 = mobile.call @k(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  mobile.yield %0 : tensor<4x8xf32>
}

// -----

mobile.kernel @write(%x: tensor<4x8xi8>, %t: tensor<256xi8>) -> (tensor<4x8xi8> {mobile.layout = #mobile.layout<unsigned>}) {
  %0 = mobile.lookup %x in %t : tensor<4x8xi8>, tensor<256xi8> -> tensor<4x8xi8>
  mobile.yield %0 : tensor<4x8xi8>
}
mobile.kernel @read(%x: tensor<4x8xi8>, %t: tensor<256xi8>) -> tensor<4x8xi8> {
  %0 = mobile.lookup %x in %t : tensor<4x8xi8>, tensor<256xi8> -> tensor<4x8xi8>
  mobile.yield %0 : tensor<4x8xi8>
}
mobile.program @net(%x: tensor<4x8xi8>, %t: tensor<256xi8>) -> tensor<4x8xi8> {
  %0 = mobile.call @write(%x, %t) : (tensor<4x8xi8>, tensor<256xi8>) -> tensor<4x8xi8>
  // expected-error @+1 {{operand 0 is not in the layout in which it was written}}
  %1 = mobile.call @read(%0, %t) : (tensor<4x8xi8>, tensor<256xi8>) -> tensor<4x8xi8>
  mobile.yield %1 : tensor<4x8xi8>
}

// -----

mobile.kernel @write(%x: tensor<4x8xi8>, %t: tensor<256xi8>) -> (tensor<4x8xi8> {mobile.layout = #mobile.layout<unsigned>}) {
  %0 = mobile.lookup %x in %t : tensor<4x8xi8>, tensor<256xi8> -> tensor<4x8xi8>
  mobile.yield %0 : tensor<4x8xi8>
}
// expected-error @+1 {{result 0 must be row-major}}
mobile.program @net(%x: tensor<4x8xi8>, %t: tensor<256xi8>) -> tensor<4x8xi8> {
  %0 = mobile.call @write(%x, %t) : (tensor<4x8xi8>, tensor<256xi8>) -> tensor<4x8xi8>
  mobile.yield %0 : tensor<4x8xi8>
}
