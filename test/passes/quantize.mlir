// RUN: minnow-opt --quantize --split-input-file %s | FileCheck %s
// RUN: minnow-opt --quantize=per-tensor --split-input-file %s | FileCheck %s --check-prefix=TENSOR

// The input is quantized, the result dequantized; ranges become scales, the lower end the zero point.
// CHECK-LABEL: func @product
// CHECK-SAME: (%[[X:.*]]: tensor<1x1x1x2xf32>) -> tensor<1x1x1x1xf32>
// CHECK: %[[Q:.*]] = mobile.quantize %[[X]] {{.*}} -> tensor<1x1x1x2x!quant.uniform<i8:f32, 0.0039215688593685627:-128>>
// CHECK: %[[W:.*]] = mobile.get_weight @a.weight : tensor<1x1x2x1x!quant.uniform<i8<-127:127>:f32:3, {{.*}}>>
// CHECK: %[[B:.*]] = mobile.get_weight @a.bias : tensor<1xi32>
// CHECK: %[[Y:.*]] = mobile.conv2d %[[Q]], %[[W]] bias %[[B]] act relu
// CHECK-SAME: -> tensor<1x1x1x1x!quant.uniform<i8:f32, {{.*}}:-128>>
// CHECK: %[[F:.*]] = mobile.dequantize %[[Y]]
// CHECK: return %[[F]]
// TENSOR: mobile.get_weight @a.weight : tensor<1x1x2x1x!quant.uniform<i8<-127:127>:f32, 0.00{{.*}}>>
func.func @product(%x: tensor<1x1x1x2xf32> {mobile.range = array<f64: 0.0, 1.0>}) -> tensor<1x1x1x1xf32> {
  %w = mobile.get_weight @a.weight : tensor<1x1x2x1xf32>
  %b = mobile.get_weight @a.bias : tensor<1xf32>
  %y = mobile.conv2d %x, %w bias %b act relu {mobile.range = array<f64: 0.0, 2.0>}
      : tensor<1x1x1x2xf32>, tensor<1x1x2x1xf32>, tensor<1xf32> -> tensor<1x1x1x1xf32>
  return %y : tensor<1x1x1x1xf32>
}
mobile.weight @a.weight dense_resource<a.weight> : tensor<1x1x2x1xf32>
mobile.weight @a.bias dense_resource<a.bias> : tensor<1xf32>
{-#
  dialect_resources: {
    builtin: {
      a.weight: "0x040000000000803F000000BF",
      a.bias: "0x040000009A99993E"
    }
  }
#-}

// -----

// The projection goes into the residual's sum unrounded; the block stays one.
// CHECK-LABEL: func @block
// CHECK: mobile.uib(%[[IN:.*]] = %{{.*}} : tensor<1x2x2x1x!quant.uniform<i8:f32, {{.*}}>>)
// CHECK: mobile.conv2d %[[IN]]
// CHECK: %[[P:.*]] = mobile.conv2d {{.*}} -> tensor<1x2x2x1x!quant.uniform<i32:f32, {{.*}}>>
// CHECK: mobile.add %[[P]], %[[IN]] : {{.*}} -> tensor<1x2x2x1x!quant.uniform<i8:f32, {{.*}}>>
// CHECK-NOT: mobile.range
func.func @block(%x: tensor<1x2x2x1xf32> {mobile.range = array<f64: -1.0, 1.0>}) -> tensor<1x2x2x1xf32> {
  %y = mobile.uib(%in = %x : tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32> {
    %we = mobile.get_weight @expand : tensor<1x1x1x2xf32>
    %wp = mobile.get_weight @project : tensor<1x1x2x1xf32>
    %e = mobile.conv2d %in, %we act relu {mobile.range = array<f64: 0.0, 3.0>}
        : tensor<1x2x2x1xf32>, tensor<1x1x1x2xf32> -> tensor<1x2x2x2xf32>
    %p = mobile.conv2d %e, %wp {mobile.range = array<f64: 0.0, 3.0>}
        : tensor<1x2x2x2xf32>, tensor<1x1x2x1xf32> -> tensor<1x2x2x1xf32>
    %r = mobile.add %p, %in {mobile.range = array<f64: -1.0, 3.0>}
        : tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32> -> tensor<1x2x2x1xf32>
    mobile.yield %r : tensor<1x2x2x1xf32>
  }
  return %y : tensor<1x2x2x1xf32>
}
mobile.weight @expand dense_resource<expand> : tensor<1x1x1x2xf32>
mobile.weight @project dense_resource<project> : tensor<1x1x2x1xf32>
{-#
  dialect_resources: {
    builtin: {
      expand: "0x040000000000803F0000803F",
      project: "0x040000000000003F0000803F"
    }
  }
#-}

// -----

// What has no integer form stays f32.
// CHECK-LABEL: func @mixed
// CHECK: %[[P:.*]] = mobile.pool2d average
// CHECK: %[[F:.*]] = mobile.dequantize %[[P]]
// CHECK: mobile.mul %{{.*}}, %[[F]] {{.*}} -> tensor<1x2x2x1xf32>
func.func @mixed(%x: tensor<1x2x2x1xf32> {mobile.range = array<f64: -1.0, 1.0>}) -> tensor<1x2x2x1xf32> {
  %a = mobile.pool2d max %x window [1, 1] : tensor<1x2x2x1xf32> -> tensor<1x2x2x1xf32>
  %p = mobile.pool2d average %x window [2, 2] {mobile.range = array<f64: -1.0, 1.0>}
      : tensor<1x2x2x1xf32> -> tensor<1x1x1x1xf32>
  %m = mobile.mul %x, %p act hard_swish : tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x2x2x1xf32>
  return %m : tensor<1x2x2x1xf32>
}

// -----

// The product of a map and a factor a channel.
// CHECK-LABEL: func @scaled
// CHECK: %[[X:.*]] = mobile.quantize
// CHECK: %[[P:.*]] = mobile.pool2d average %[[X]]
// CHECK: mobile.mul %[[X]], %[[P]] : {{.*}} -> tensor<1x2x2x1x!quant.uniform<i8:f32, 0.0117
func.func @scaled(%x: tensor<1x2x2x1xf32> {mobile.range = array<f64: -1.0, 1.0>}) -> tensor<1x2x2x1xf32> {
  %p = mobile.pool2d average %x window [2, 2] {mobile.range = array<f64: -1.0, 1.0>}
      : tensor<1x2x2x1xf32> -> tensor<1x1x1x1xf32>
  %m = mobile.mul %x, %p {mobile.range = array<f64: -1.0, 2.0>}
      : tensor<1x2x2x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x2x2x1xf32>
  return %m : tensor<1x2x2x1xf32>
}

// -----

// Attention takes the zero point 0.
// CHECK-LABEL: func @attention
// CHECK-COUNT-3: mobile.quantize {{.*}} -> tensor<1x2x2x4x!quant.uniform<i8:f32, 0.0078{{[0-9]*}}>>
// CHECK: mobile.attention {{.*}} -> tensor<1x2x2x4x!quant.uniform<i8:f32, {{.*}}>>
func.func @attention(%q: tensor<1x2x2x4xf32> {mobile.range = array<f64: 0.0, 1.0>},
                     %k: tensor<1x2x2x4xf32> {mobile.range = array<f64: -1.0, 0.5>},
                     %v: tensor<1x2x2x4xf32> {mobile.range = array<f64: -1.0, 1.0>}) -> tensor<1x2x2x4xf32> {
  %y = mobile.attention %q, %k, %v heads 1 scale 0.5 {mobile.range = array<f64: -1.0, 1.0>}
      : tensor<1x2x2x4xf32>, tensor<1x2x2x4xf32>, tensor<1x2x2x4xf32> -> tensor<1x2x2x4xf32>
  return %y : tensor<1x2x2x4xf32>
}
