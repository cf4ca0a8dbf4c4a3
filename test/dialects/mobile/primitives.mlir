// RUN: minnow-opt %s | minnow-opt | FileCheck %s

// Each primitive with all its attributes, and with none. Defaults are not
// printed.

// CHECK-LABEL: func.func @convolutions
func.func @convolutions(%x: tensor<1x8x8x4xf32>, %w: tensor<3x3x4x6xf32>, %b: tensor<6xf32>,
                        %d: tensor<5x5x4xf32>, %c: tensor<4xf32>) {
  // CHECK: mobile.conv2d %{{.*}}, %{{.*}} bias %{{.*}} stride [2, 1] pad [0, 1, 1, 1] act hard_swish : tensor<1x8x8x4xf32>, tensor<3x3x4x6xf32>, tensor<6xf32> -> tensor<1x4x8x6xf32>
  %0 = mobile.conv2d %x, %w bias %b stride [2, 1] pad [0, 1, 1, 1] act hard_swish
      : tensor<1x8x8x4xf32>, tensor<3x3x4x6xf32>, tensor<6xf32> -> tensor<1x4x8x6xf32>
  // CHECK: mobile.conv2d %{{[a-z0-9]+}}, %{{[a-z0-9]+}} : tensor<1x8x8x4xf32>, tensor<3x3x4x6xf32> -> tensor<1x6x6x6xf32>
  %1 = mobile.conv2d %x, %w stride [1, 1] act none
      : tensor<1x8x8x4xf32>, tensor<3x3x4x6xf32> -> tensor<1x6x6x6xf32>
  // CHECK: mobile.depthwise_conv2d %{{.*}}, %{{.*}} bias %{{.*}} stride [2, 2] pad [2, 2, 2, 2] act relu6
  %2 = mobile.depthwise_conv2d %x, %d bias %c stride [2, 2] pad [2, 2, 2, 2] act relu6
      : tensor<1x8x8x4xf32>, tensor<5x5x4xf32>, tensor<4xf32> -> tensor<1x4x4x4xf32>
  // CHECK: mobile.depthwise_conv2d %{{[a-z0-9]+}}, %{{[a-z0-9]+}} :
  %3 = mobile.depthwise_conv2d %x, %d : tensor<1x8x8x4xf32>, tensor<5x5x4xf32> -> tensor<1x4x4x4xf32>
  return
}

// CHECK-LABEL: func.func @matrices
func.func @matrices(%x: tensor<1x8xf32>, %w: tensor<8x3xf32>, %b: tensor<3xf32>) {
  // CHECK: mobile.linear %{{.*}}, %{{.*}} bias %{{.*}} act gelu : tensor<1x8xf32>, tensor<8x3xf32>, tensor<3xf32> -> tensor<1x3xf32>
  %0 = mobile.linear %x, %w bias %b act gelu
      : tensor<1x8xf32>, tensor<8x3xf32>, tensor<3xf32> -> tensor<1x3xf32>
  // CHECK: mobile.linear %{{[a-z0-9]+}}, %{{[a-z0-9]+}} :
  %1 = mobile.linear %x, %w : tensor<1x8xf32>, tensor<8x3xf32> -> tensor<1x3xf32>
  // CHECK: mobile.softmax %{{.*}} : tensor<1x3xf32>
  %2 = mobile.softmax %1 : tensor<1x3xf32>
  return
}

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: tensor<1x8x8x4xf32>, %g: tensor<1x1x1x4xf32>, %c: tensor<4xf32>) {
  // CHECK: mobile.add %{{.*}}, %{{.*}} act relu : tensor<1x8x8x4xf32>, tensor<1x8x8x4xf32> -> tensor<1x8x8x4xf32>
  %0 = mobile.add %x, %x act relu : tensor<1x8x8x4xf32>, tensor<1x8x8x4xf32> -> tensor<1x8x8x4xf32>
  // CHECK: mobile.add %{{.*}}, %{{.*}} : tensor<1x8x8x4xf32>, tensor<4xf32>
  %1 = mobile.add %x, %c : tensor<1x8x8x4xf32>, tensor<4xf32> -> tensor<1x8x8x4xf32>
  // CHECK: mobile.mul %{{.*}}, %{{.*}} : tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32>
  %2 = mobile.mul %x, %g : tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32> -> tensor<1x8x8x4xf32>
  // CHECK: mobile.activate %{{.*}} act silu : tensor<1x8x8x4xf32>
  %3 = mobile.activate %x act silu : tensor<1x8x8x4xf32>
  // CHECK: mobile.batch_norm %{{.*}} epsilon 1.000000e-03 : tensor<1x8x8x4xf32>, tensor<4xf32>
  %4 = mobile.batch_norm %x, %c, %c, %c, %c epsilon 1.0e-3 : tensor<1x8x8x4xf32>, tensor<4xf32>
  return
}

// CHECK-LABEL: func.func @windows
func.func @windows(%x: tensor<1x7x7x4xf32>) {
  // CHECK: mobile.pool2d average %{{.*}} window [7, 7] : tensor<1x7x7x4xf32> -> tensor<1x1x1x4xf32>
  %0 = mobile.pool2d average %x window [7, 7] : tensor<1x7x7x4xf32> -> tensor<1x1x1x4xf32>
  // CHECK: mobile.pool2d average %{{.*}} window [3, 3] stride [2, 2] pad [1, 1, 1, 1] count_pad
  %1 = mobile.pool2d average %x window [3, 3] stride [2, 2] pad [1, 1, 1, 1] count_pad
      : tensor<1x7x7x4xf32> -> tensor<1x4x4x4xf32>
  // CHECK: mobile.pool2d max %{{.*}} window [2, 3] stride [2, 2] :
  %2 = mobile.pool2d max %x window [2, 3] stride [2, 2] : tensor<1x7x7x4xf32> -> tensor<1x3x3x4xf32>
  // CHECK: mobile.pad %{{.*}} pad [0, 1, 2, 3] : tensor<1x7x7x4xf32> -> tensor<1x8x12x4xf32>
  %3 = mobile.pad %x pad [0, 1, 2, 3] : tensor<1x7x7x4xf32> -> tensor<1x8x12x4xf32>
  return
}

// CHECK-LABEL: func.func @shapes
func.func @shapes(%x: tensor<1x6x7x4xf32>) {
  // CHECK: mobile.transpose %{{.*}} [0, 3, 1, 2] : tensor<1x6x7x4xf32> -> tensor<1x4x6x7xf32>
  %0 = mobile.transpose %x [0, 3, 1, 2] : tensor<1x6x7x4xf32> -> tensor<1x4x6x7xf32>
  // CHECK: mobile.reshape %{{.*}} : tensor<1x4x6x7xf32> -> tensor<4x42xf32>
  %1 = mobile.reshape %0 : tensor<1x4x6x7xf32> -> tensor<4x42xf32>
  return
}

// CHECK: mobile.weight @w dense_resource<w> : tensor<2xf32>
mobile.weight @w dense_resource<w> : tensor<2xf32>
// CHECK-LABEL: func.func @weights
func.func @weights() {
  // CHECK: mobile.get_weight @w : tensor<2xf32>
  %0 = mobile.get_weight @w : tensor<2xf32>
  return
}

// CHECK-LABEL: @matmul
func.func @matmul(%a: tensor<1x4x9x6xf32>, %b: tensor<1x1x6x5xf32>) -> tensor<1x4x9x5xf32> {
  // CHECK: mobile.matmul %{{.*}}, %{{.*}} : tensor<1x4x9x6xf32>, tensor<1x1x6x5xf32> -> tensor<1x4x9x5xf32>
  %0 = mobile.matmul %a, %b : tensor<1x4x9x6xf32>, tensor<1x1x6x5xf32> -> tensor<1x4x9x5xf32>
  return %0 : tensor<1x4x9x5xf32>
}

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<1x4x4x32xf32>, %k: tensor<1x2x2x16xf32>, %v: tensor<1x2x2x12xf32>)
    -> tensor<1x4x4x24xf32> {
  // CHECK: mobile.attention %{{.*}}, %{{.*}}, %{{.*}} heads 4 scale 5.000000e-01 :
  %0 = mobile.attention %q, %k, %v heads 4 scale 0.5
      : tensor<1x4x4x32xf32>, tensor<1x2x2x16xf32>, tensor<1x2x2x12xf32> -> tensor<1x4x4x24xf32>
  return %0 : tensor<1x4x4x24xf32>
}
