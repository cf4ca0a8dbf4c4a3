// RUN: minnow-opt --lower-quant --split-input-file --verify-diagnostics %s

// A machine of integers alone refuses floats by the name of who computes them.
module attributes {mobile.target = {name = "hexagon", triple = "", cpu = "", features = ""}} {
  func.func @softmax(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = mobile.quantize %x : tensor<1x4xf32> -> tensor<1x4x!quant.uniform<i8:f32, 2.500000e-01>>
    %1 = mobile.dequantize %0 : tensor<1x4x!quant.uniform<i8:f32, 2.500000e-01>> -> tensor<1x4xf32>
    // expected-error @+1 {{'mobile.softmax' op has no integer form here, and the target computes integers only}}
    %2 = mobile.softmax %1 : tensor<1x4xf32>
    return %2 : tensor<1x4xf32>
  }
}

// -----

module attributes {mobile.target = {name = "hexagon", triple = "", cpu = "", features = ""}} {
  // expected-error @+1 {{the network has numbers in f32: the machine computes in integers; compile with --precision int8 --calibrate DIR}}
  func.func @floats(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
    %0 = mobile.softmax %x : tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}
