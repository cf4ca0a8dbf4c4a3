// RUN: minnow-opt --lower-quant=quantized-edges %s | FileCheck %s

!x = !quant.uniform<i8:f32, 2.500000e-01:-2>

// Bytes come in and go out, and what lies between is told of them.
// CHECK-LABEL: func @edges(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<1x4xi8> {mobile.quantized = !quant.uniform<i8:f32, 2.500000e-01:-2>})
// CHECK-SAME: -> (tensor<1x4xi8> {mobile.quantized = !quant.uniform<i8:f32, 2.500000e-01:-2>})
// CHECK-NEXT: return %[[X]] : tensor<1x4xi8>
func.func @edges(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = mobile.quantize %x : tensor<1x4xf32> -> tensor<1x4x!x>
  %1 = mobile.dequantize %0 : tensor<1x4x!x> -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}

// What is only moved before it is rounded is moved as bytes.
// CHECK-LABEL: func @moved(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<3x4x5xi8> {mobile.quantized
// CHECK-NEXT: %[[R:.*]] = mobile.reshape %[[X]] : tensor<3x4x5xi8> -> tensor<1x3x4x5xi8>
// CHECK-NEXT: %[[T:.*]] = mobile.transpose %[[R]] [0, 2, 3, 1] : tensor<1x3x4x5xi8> -> tensor<1x4x5x3xi8>
// CHECK-NEXT: return %[[T]]
func.func @moved(%x: tensor<3x4x5xf32>) -> tensor<1x4x5x3x!x> {
  %0 = mobile.reshape %x : tensor<3x4x5xf32> -> tensor<1x3x4x5xf32>
  %1 = mobile.transpose %0 [0, 2, 3, 1] : tensor<1x3x4x5xf32> -> tensor<1x4x5x3xf32>
  %2 = mobile.quantize %1 : tensor<1x4x5x3xf32> -> tensor<1x4x5x3x!x>
  return %2 : tensor<1x4x5x3x!x>
}

// Not so where another reads the floats.
// CHECK-LABEL: func @shared(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<1x4xf32>)
// CHECK: mobile.requantize %[[X]]
func.func @shared(%x: tensor<1x4xf32>) -> (tensor<1x4x!x>, tensor<1x4xf32>) {
  %0 = mobile.quantize %x : tensor<1x4xf32> -> tensor<1x4x!x>
  return %0, %x : tensor<1x4x!x>, tensor<1x4xf32>
}
