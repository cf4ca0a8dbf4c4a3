// RUN: minnow-opt %s | minnow-opt | FileCheck %s

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
!y = !quant.uniform<i8:f32, 5.000000e-02:10>
!w = !quant.uniform<i8<-127:127>:f32:3, {1.000000e-02, 2.000000e-02}>
!d = !quant.uniform<i8<-127:127>:f32, 1.000000e-02>

// The scale 0.025 * 0.01 is rounded to f32, as a product of two f32.
// CHECK-LABEL: func @uib
// CHECK: mobile.conv2d {{.*}} act gelu via !quant.uniform<i8:f32, 4.000000e-02:1>
func.func @uib(%x: tensor<1x8x8x2x!x>, %w: tensor<1x1x2x2x!w>, %b: tensor<2xi32>)
    -> tensor<1x8x8x2x!y> {
  %0 = mobile.conv2d %x, %w bias %b act gelu via !quant.uniform<i8:f32, 4.000000e-02:1>
      : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w>, tensor<2xi32> -> tensor<1x8x8x2x!y>
  return %0 : tensor<1x8x8x2x!y>
}

// CHECK-LABEL: func @depthwise_and_pool
// CHECK: mobile.pool2d average
func.func @depthwise_and_pool(%x: tensor<1x8x8x2x!x>, %w: tensor<3x3x2x!d>) -> tensor<1x1x1x2x!y> {
  %0 = mobile.depthwise_conv2d %x, %w pad [1, 1, 1, 1] act relu6
      : tensor<1x8x8x2x!x>, tensor<3x3x2x!d> -> tensor<1x8x8x2x!y>
  %1 = mobile.pool2d average %0 window [8, 8] : tensor<1x8x8x2x!y> -> tensor<1x1x1x2x!y>
  return %1 : tensor<1x1x1x2x!y>
}

// CHECK-LABEL: func @edges
// CHECK: mobile.quantize
// CHECK: mobile.activate {{.*}} -> tensor<1x4x!quant.uniform<i8:f32, 5.000000e-02:10>>
// CHECK: mobile.dequantize
func.func @edges(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = mobile.quantize %x : tensor<1x4xf32> -> tensor<1x4x!x>
  %1 = mobile.activate %0 act hard_swish : tensor<1x4x!x> -> tensor<1x4x!y>
  %2 = mobile.dequantize %1 : tensor<1x4x!y> -> tensor<1x4xf32>
  return %2 : tensor<1x4xf32>
}

// CHECK-LABEL: func @stored
// CHECK: mobile.conv2d {{.*}} zero
// CHECK: mobile.requantize {{.*}} add {{.*}} scale {{.*}} by
// CHECK: mobile.lookup
// CHECK: mobile.dequantize {{.*}} scale {{.*}} zero
func.func @stored(%x: tensor<1x8x8x2xi8>, %w: tensor<3x3x2x2xi8>, %b: tensor<2xi32>, %z: tensor<1xi8>,
                  %m: tensor<2xf32>, %r: tensor<1xf32>, %p: tensor<6xi32>, %t: tensor<256xi8>,
                  %o: tensor<1xi32>) -> tensor<1x8x8x2xf32> {
  %0 = mobile.conv2d %x, %w bias %b zero %z pad [1, 1, 1, 1]
      : tensor<1x8x8x2xi8>, tensor<3x3x2x2xi8>, tensor<2xi32>, tensor<1xi8> -> tensor<1x8x8x2xi32>
  %1 = mobile.requantize %0 scale %m add %x scale %r by %p
      : tensor<1x8x8x2xi32>, tensor<2xf32>, tensor<1x8x8x2xi8>, tensor<1xf32>, tensor<6xi32>
      -> tensor<1x8x8x2xi8>
  %2 = mobile.lookup %1 in %t : tensor<1x8x8x2xi8>, tensor<256xi8> -> tensor<1x8x8x2xi8>
  %3 = mobile.dequantize %2 scale %r zero %o
      : tensor<1x8x8x2xi8>, tensor<1xf32>, tensor<1xi32> -> tensor<1x8x8x2xf32>
  return %3 : tensor<1x8x8x2xf32>
}
