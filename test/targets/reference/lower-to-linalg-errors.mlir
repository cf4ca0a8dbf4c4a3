// RUN: minnow-opt --lower-to-linalg --split-input-file --verify-diagnostics %s

mobile.kernel @integers(%x: tensor<7xf16>) -> tensor<7xf16> {
  // expected-error @below {{has a value of 'tensor<7xf16>'; reference kernels take elements of f32, i8 and i32}}
  %0 = mobile.add %x, %x : tensor<7xf16>, tensor<7xf16> -> tensor<7xf16>
  mobile.yield %0 : tensor<7xf16>
}

// -----

mobile.kernel @k(%x: tensor<7xf32>) -> tensor<7xf32> {
  %0 = mobile.activate %x act relu : tensor<7xf32>
  mobile.yield %0 : tensor<7xf32>
}
// expected-error @below {{calls kernels; lower-to-linalg takes a module that holds kernels alone}}
mobile.program @net(%x: tensor<7xf32>) -> tensor<7xf32> {
  %0 = mobile.call @k(%x) : (tensor<7xf32>) -> tensor<7xf32>
  mobile.yield %0 : tensor<7xf32>
}
