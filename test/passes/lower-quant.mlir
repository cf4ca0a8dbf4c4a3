// RUN: minnow-opt --lower-quant %s | FileCheck %s

!x = !quant.uniform<i8:f32, 2.500000e-01:-2>
!tiny = !quant.uniform<i8:f32, 5.9604644775390625E-8>
!y = !quant.uniform<i8:f32, 5.000000e-01:10>
!r = !quant.uniform<i8:f32, 5.000000e-01:-128>
!u = !quant.uniform<u8:f32, 2.500000e-01:130>
!w = !quant.uniform<i8<-127:127>:f32:3, {5.000000e-01, 2.500000e-01}>
!s = !quant.uniform<i32:f32:3, {1.250000e-01, 6.250000e-02}>
!d = !quant.uniform<i8<-127:127>:f32, 5.000000e-01>

mobile.weight @w dense_resource<w> : tensor<1x1x2x2xi8>
mobile.weight @b dense_resource<b> : tensor<2xi32>
mobile.weight @d dense_resource<d> : tensor<3x3x2xi8>
mobile.weight @c dense_resource<c> : tensor<1x1x1x1xi8>
mobile.weight @huge dense_resource<huge> : tensor<1xi32>
mobile.weight @near dense_resource<near> : tensor<1xi32>
mobile.weight @over dense_resource<over> : tensor<1xi32>

// CHECK-LABEL: func @product(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<1x8x8x2xi8> {mobile.quantized = !quant.uniform<i8:f32, 2.500000e-01:-2>})
// CHECK-SAME: -> (tensor<1x8x8x2xi8> {mobile.quantized = !quant.uniform<i8:f32, 5.000000e-01:10>})
// CHECK: %[[A:.*]] = mobile.conv2d %[[X]], %{{.*}} bias %{{.*}} : {{.*}} -> tensor<1x8x8x2xi32>
// CHECK: %[[Y:.*]] = mobile.requantize %[[A]] scale %{{.*}} by %{{[a-z0-9]*}} : tensor<1x8x8x2xi32>, tensor<2xf32>
// CHECK: return %[[Y]]
func.func @product(%x: tensor<1x8x8x2x!x>) -> tensor<1x8x8x2x!y> {
  %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
  %b = mobile.get_weight @b : tensor<2xi32>
  %0 = mobile.conv2d %x, %w bias %b act relu6
      : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w>, tensor<2xi32> -> tensor<1x8x8x2x!y>
  return %0 : tensor<1x8x8x2x!y>
}

// A sum goes unrounded into the residual; a block is inlined.
// CHECK-LABEL: func @residual(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<1x8x8x2xi8>
// CHECK-NOT: mobile.uib
// CHECK: mobile.depthwise_conv2d %[[X]], %{{.*}} bias %{{.*}} zero %
// CHECK: %[[E:.*]] = mobile.requantize
// CHECK: %[[A:.*]] = mobile.conv2d %[[E]]
// CHECK: mobile.requantize %[[A]] scale %{{.*}} add %[[X]] scale
func.func @residual(%x: tensor<1x8x8x2x!x>) -> tensor<1x8x8x2x!y> {
  %y = mobile.uib(%in = %x : tensor<1x8x8x2x!x>) -> tensor<1x8x8x2x!y> {
    %d = mobile.get_weight @d : tensor<3x3x2x!d>
    %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
    %0 = mobile.depthwise_conv2d %in, %d pad [1, 1, 1, 1] act relu
        : tensor<1x8x8x2x!x>, tensor<3x3x2x!d> -> tensor<1x8x8x2x!x>
    %1 = mobile.conv2d %0, %w : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w> -> tensor<1x8x8x2x!s>
    %2 = mobile.add %1, %in : tensor<1x8x8x2x!s>, tensor<1x8x8x2x!x> -> tensor<1x8x8x2x!y>
    mobile.yield %2 : tensor<1x8x8x2x!y>
  }
  return %y : tensor<1x8x8x2x!y>
}

// A table: gelu of 0 is 0, which !y stores as 10.
// CHECK-LABEL: func @table(
// CHECK: mobile.conv2d
// CHECK: %[[V:.*]] = mobile.requantize
// CHECK: mobile.lookup %[[V]] in
func.func @table(%x: tensor<1x8x8x2x!x>) -> tensor<1x8x8x2x!y> {
  %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
  %0 = mobile.conv2d %x, %w act gelu via !x
      : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w> -> tensor<1x8x8x2x!y>
  return %0 : tensor<1x8x8x2x!y>
}

// A sum that could leave 32 bits is computed of halves: the filter 2 / 2, the
// bias 0x7FFFFFFD / 2 + 2 * 1, the factor twice 0.25 as that of @d.
// CHECK-LABEL: func @coarse(
// CHECK: get_weight @d.scale
func.func @coarse(%x: tensor<1x8x8x1x!x>) -> tensor<1x8x8x1x!y> {
  %w = mobile.get_weight @c : tensor<1x1x1x1x!d>
  %b = mobile.get_weight @huge : tensor<1xi32>
  %0 = mobile.conv2d %x, %w bias %b
      : tensor<1x8x8x1x!x>, tensor<1x1x1x1x!d>, tensor<1xi32> -> tensor<1x8x8x1x!y>
  return %0 : tensor<1x8x8x1x!y>
}

// The product of two maps less their zero points is exact, and rounded once.
// CHECK-LABEL: func @product_of_maps(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<1x4x4x2xi8>{{.*}}, %[[S:[a-z0-9]*]]: tensor<1x1x1x2xi8>
// CHECK: %[[L:.*]] = mobile.pool2d average %[[X]] zero %{{.*}} window [1, 1] : tensor<1x4x4x2xi8>, tensor<1xi8> -> tensor<1x4x4x2xi32>
// CHECK: %[[R:.*]] = mobile.pool2d average %[[S]] zero %{{.*}} window [1, 1] : tensor<1x1x1x2xi8>, tensor<1xi8> -> tensor<1x1x1x2xi32>
// CHECK: %[[P:.*]] = mobile.mul %[[L]], %[[R]] : tensor<1x4x4x2xi32>, tensor<1x1x1x2xi32> -> tensor<1x4x4x2xi32>
// CHECK: mobile.requantize %[[P]] scale
func.func @product_of_maps(%x: tensor<1x4x4x2x!x>, %s: tensor<1x1x1x2x!y>) -> tensor<1x4x4x2x!x> {
  %0 = mobile.mul %x, %s : tensor<1x4x4x2x!x>, tensor<1x1x1x2x!y> -> tensor<1x4x4x2x!x>
  return %0 : tensor<1x4x4x2x!x>
}

// 100 + 129 * 4 of the first channel, scaled by 2^21, comes too near to 2^31.
// CHECK-LABEL: func @unbounded(
// CHECK: mobile.requantize %{{.*}} scale %{{.*}} by %{{.*}} {full, unbounded}
func.func @unbounded(%x: tensor<1x8x8x2x!x>) -> tensor<1x8x8x2x!tiny> {
  %w = mobile.get_weight @w : tensor<1x1x2x2x!w>
  %b = mobile.get_weight @b : tensor<2xi32>
  %0 = mobile.conv2d %x, %w bias %b
      : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w>, tensor<2xi32> -> tensor<1x8x8x2x!tiny>
  return %0 : tensor<1x8x8x2x!tiny>
}

// The sum is at most 2^23 - 1: a bias of 2^23 - 259 and 2 * (127 + 2).
// CHECK-LABEL: func @rectified(
// CHECK: mobile.requantize {{.*}} {rectified} :
func.func @rectified(%x: tensor<1x8x8x1x!x>) -> tensor<1x8x8x1x!r> {
  %w = mobile.get_weight @c : tensor<1x1x1x1x!d>
  %b = mobile.get_weight @near : tensor<1xi32>
  %0 = mobile.conv2d %x, %w bias %b act relu
      : tensor<1x8x8x1x!x>, tensor<1x1x1x1x!d>, tensor<1xi32> -> tensor<1x8x8x1x!r>
  return %0 : tensor<1x8x8x1x!r>
}

// It may be 2^23.
// CHECK-LABEL: func @too_large_a_sum(
// CHECK: mobile.requantize {{.*}} {full} :
func.func @too_large_a_sum(%x: tensor<1x8x8x1x!x>) -> tensor<1x8x8x1x!r> {
  %w = mobile.get_weight @c : tensor<1x1x1x1x!d>
  %b = mobile.get_weight @over : tensor<1xi32>
  %0 = mobile.conv2d %x, %w bias %b act relu
      : tensor<1x8x8x1x!x>, tensor<1x1x1x1x!d>, tensor<1xi32> -> tensor<1x8x8x1x!r>
  return %0 : tensor<1x8x8x1x!r>
}

// The sum of two maps is none of a product.
// CHECK-LABEL: func @maps_are_no_sums(
// CHECK: mobile.requantize {{.*}} {full} :
func.func @maps_are_no_sums(%x: tensor<1x4x!x>, %y: tensor<1x4x!x>) -> tensor<1x4x!r> {
  %0 = mobile.add %x, %y act relu : tensor<1x4x!x>, tensor<1x4x!x> -> tensor<1x4x!r>
  return %0 : tensor<1x4x!r>
}

// u8 is stored less 128, with zero points of 2; a sum says where its bytes begin.
// CHECK-LABEL: func @unsigned(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<1x4xi8> {mobile.quantized = !quant.uniform<u8:f32, 2.500000e-01:130>}
// CHECK: mobile.requantize %[[X]] scale %{{.*}} add %{{.*}} scale %{{.*}} by %{{.*}} -> tensor<1x4xi8>
func.func @unsigned(%x: tensor<1x4x!u>, %y: tensor<1x4x!u>) -> tensor<1x4x!u> {
  %0 = mobile.add %x, %y : tensor<1x4x!u>, tensor<1x4x!u> -> tensor<1x4x!u>
  return %0 : tensor<1x4x!u>
}

// f32 edges.
// CHECK-LABEL: func @edges(
// CHECK: %[[Q:.*]] = mobile.requantize %arg0 scale {{.*}} : tensor<1x4xf32>, tensor<1xf32>
// CHECK: mobile.dequantize %[[Q]] scale %{{.*}} zero
func.func @edges(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = mobile.quantize %x : tensor<1x4xf32> -> tensor<1x4x!x>
  %1 = mobile.dequantize %0 : tensor<1x4x!x> -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}

// w is [[1, 2], [3, -4]]: b - z * sum(w) = [100 + 2 * 4, 200 + 2 * -2] = [108, 196].
// CHECK-DAG: w.bias: "0x400000006C000000C4000000"
// The factors are [0.25, 0.125], relu6 is at 10 and 6 / 0.5 + 10 = 22.
// CHECK-DAG: w.scale: "0x400000000000803E0000003E"
// CHECK-DAG: d.scale: "0x400000000000003F"
// CHECK-DAG: c_{{[0-9]+}}: "0x4000000001"
// CHECK-DAG: c.bias: "0x4000000000000040"
// CHECK-DAG: w.rounding: "0x400000000A0000000A00000016000000{{0*}}"
// CHECK-DAG: rounding{{.*}}: "0x400000000200000080FFFFFF7F000000020000000200000080FFFFFF"

{-# dialect_resources: { builtin: {
  c: "0x0100000002",
  huge: "0x04000000FDFFFF7F",
  near: "0x04000000FDFE7F00",
  over: "0x04000000FEFE7F00",
  w: "0x01000000010203FC",
  b: "0x0400000064000000C8000000",
  d: "0x01000000010203040506070809000102030405060708"
} } #-}
