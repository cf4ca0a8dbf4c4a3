// RUN: minnow-opt --fuse-quantize %s | FileCheck %s

!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!r = !quant.uniform<i8:f32, 5.000000e-01:-128>
!y = !quant.uniform<i8:f32, 5.000000e-01:10>
!w = !quant.uniform<i8<-127:127>:f32:3, {5.000000e-01, 2.500000e-01}>
!b = !quant.uniform<i32:f32:0, {1.250000e-01, 6.250000e-02}>

mobile.weight @w dense_resource<w> : tensor<1x1x2x2xi8>
mobile.weight @b dense_resource<b> : tensor<2xi32>
mobile.weight @f dense_resource<f> : tensor<2xf32>

// A range without negative numbers is a relu.
// CHECK-LABEL: func @product(
// CHECK: %[[W:.*]] = mobile.get_weight @w : tensor<1x1x2x2x!quant.uniform<i8<-127:127>
// CHECK: %[[B:.*]] = mobile.get_weight @b : tensor<2xi32>
// CHECK: %[[Y:.*]] = mobile.conv2d %arg0, %[[W]] bias %[[B]] act relu
// CHECK-NEXT: return %[[Y]]
func.func @product(%x: tensor<1x8x8x2x!x>) -> tensor<1x8x8x2x!r> {
  %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
  %b = mobile.get_weight @b : tensor<2x!b>
  %0 = mobile.dequantize %x : tensor<1x8x8x2x!x> -> tensor<1x8x8x2xf32>
  %1 = mobile.dequantize %w : tensor<1x1x2x2x!w> -> tensor<1x1x2x2xf32>
  %2 = mobile.dequantize %b : tensor<2x!b> -> tensor<2xf32>
  %3 = mobile.conv2d %0, %1 bias %2 : tensor<1x8x8x2xf32>, tensor<1x1x2x2xf32>, tensor<2xf32> -> tensor<1x8x8x2xf32>
  %4 = mobile.quantize %3 : tensor<1x8x8x2xf32> -> tensor<1x8x8x2x!r>
  return %4 : tensor<1x8x8x2x!r>
}

// A projection that nothing rounds is added as it is; a bias in f32 is rounded.
// CHECK-LABEL: func @residual(
// CHECK: %[[A:.*]] = mobile.conv2d %arg0, {{.*}} -> tensor<1x8x8x2x!quant.uniform<i32:f32:3
// CHECK: mobile.add %[[A]], %arg0 {{.*}} -> tensor<1x8x8x2x!quant.uniform<i8:f32, 5.0
// CHECK-NOT: mobile.quantize
func.func @residual(%x: tensor<1x8x8x2x!x>) -> tensor<1x8x8x2x!y> {
  %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
  %f = mobile.get_weight @f : tensor<2xf32>
  %0 = mobile.dequantize %x : tensor<1x8x8x2x!x> -> tensor<1x8x8x2xf32>
  %1 = mobile.dequantize %w : tensor<1x1x2x2x!w> -> tensor<1x1x2x2xf32>
  %2 = mobile.conv2d %0, %1 bias %f : tensor<1x8x8x2xf32>, tensor<1x1x2x2xf32>, tensor<2xf32> -> tensor<1x8x8x2xf32>
  %3 = mobile.add %2, %0 : tensor<1x8x8x2xf32>, tensor<1x8x8x2xf32> -> tensor<1x8x8x2xf32>
  %4 = mobile.quantize %3 : tensor<1x8x8x2xf32> -> tensor<1x8x8x2x!y>
  return %4 : tensor<1x8x8x2x!y>
}

// Movement goes through to where it meets a pair that cancels.
// CHECK-LABEL: func @movement(
// CHECK: %[[P:.*]] = mobile.pool2d average %arg0 {{.*}} -> tensor<1x1x1x2x!quant.uniform<i8:f32, 5.0
// CHECK-NEXT: %[[F:.*]] = mobile.reshape %[[P]]
// CHECK-NEXT: return %[[F]]
func.func @movement(%x: tensor<1x8x8x2x!x>) -> tensor<1x2x!y> {
  %0 = mobile.dequantize %x : tensor<1x8x8x2x!x> -> tensor<1x8x8x2xf32>
  %1 = mobile.pool2d average %0 window [8, 8] : tensor<1x8x8x2xf32> -> tensor<1x1x1x2xf32>
  %2 = mobile.quantize %1 : tensor<1x1x1x2xf32> -> tensor<1x1x1x2x!y>
  %3 = mobile.dequantize %2 : tensor<1x1x1x2x!y> -> tensor<1x1x1x2xf32>
  %4 = mobile.reshape %3 : tensor<1x1x1x2xf32> -> tensor<1x2xf32>
  %5 = mobile.quantize %4 : tensor<1x2xf32> -> tensor<1x2x!y>
  return %5 : tensor<1x2x!y>
}

// What has no integer form stays f32, and a filter that only that uses becomes
// a weight in f32.
// CHECK-LABEL: func @islands(
// CHECK: mobile.dequantize %arg0
// CHECK: mobile.softmax
// CHECK: %[[W:.*]] = mobile.get_weight @{{.*}} : tensor<1x1x2x2xf32>
// CHECK: mobile.conv2d %arg1, %[[W]]
func.func @islands(%x: tensor<1x4x!x>, %y: tensor<1x8x8x2xf32>) -> (tensor<1x4xf32>, tensor<1x8x8x2xf32>) {
  %0 = mobile.dequantize %x : tensor<1x4x!x> -> tensor<1x4xf32>
  %1 = mobile.softmax %0 : tensor<1x4xf32>
  %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
  %2 = mobile.dequantize %w : tensor<1x1x2x2x!w> -> tensor<1x1x2x2xf32>
  %3 = mobile.conv2d %y, %2 : tensor<1x8x8x2xf32>, tensor<1x1x2x2xf32> -> tensor<1x8x8x2xf32>
  return %1, %3 : tensor<1x4xf32>, tensor<1x8x8x2xf32>
}

// The filter of @islands, 0.5 * [1, 3] and 0.25 * [2, -4]; the bias of @residual,
// 1.0 and 0.5 by the scales 0.125 and 0.0625.
// CHECK: w_1: "0x400000000000003F0000003F0000C03F000080BF"
// CHECK: f_1: "0x400000000800000008000000"

{-# dialect_resources: { builtin: {
  w: "0x01000000010203FC",
  b: "0x0400000064000000C8000000",
  f: "0x040000000000803F0000003F"
} } #-}
