// RUN: minnow-opt --lower-to-linalg --split-input-file %s | FileCheck %s

// Padding is made explicit, the sum starts from the bias, the activation follows.
// CHECK-LABEL: func.func @convolution
// CHECK-SAME: (%[[X:.*]]: tensor<1x9x7x5xf32>, %[[W:.*]]: tensor<3x3x5x6xf32>, %[[B:.*]]: tensor<6xf32>)
// CHECK: %[[PADDED:.*]] = tensor.pad %[[X]] low[0, 1, 1, 0] high[0, 0, 1, 0]
// CHECK: %[[BIAS:.*]] = linalg.broadcast ins(%[[B]] {{.*}} dimensions = [0, 1, 2]
// CHECK: %[[SUM:.*]] = linalg.conv_2d_nhwc_hwcf {{.*}}strides = dense<2> {{.*}} ins(%[[PADDED]], %[[W]] {{.*}} outs(%[[BIAS]]
// CHECK: %[[R:.*]] = linalg.generic {{.*}} ins(%[[SUM]]
// CHECK: arith.maximumf
// CHECK: return %[[R]]
mobile.kernel @convolution(%x: tensor<1x9x7x5xf32>, %w: tensor<3x3x5x6xf32>, %b: tensor<6xf32>)
    -> tensor<1x4x4x6xf32> {
  %y = mobile.conv2d %x, %w bias %b stride [2, 2] pad [1, 0, 1, 1] act relu
      : tensor<1x9x7x5xf32>, tensor<3x3x5x6xf32>, tensor<6xf32> -> tensor<1x4x4x6xf32>
  mobile.yield %y : tensor<1x4x4x6xf32>
}

// -----

// A packed argument has its physical shape and is read through its layout.
// CHECK: #[[PANELS:.*]] = affine_map<(d0, d1) -> (d1 floordiv 16, d0, d1 mod 16)>
// CHECK-LABEL: func.func @packed
// CHECK-SAME: (%[[X:.*]]: tensor<1x37xf32>, %[[W:.*]]: tensor<2x37x16xf32>)
// CHECK: %[[UNPACKED:.*]] = linalg.generic {indexing_maps = [#[[PANELS]], {{.*}} ins(%[[W]]
// CHECK: linalg.matmul ins(%[[X]], %[[UNPACKED]] : tensor<1x37xf32>, tensor<37x19xf32>)
mobile.kernel @packed(%x: tensor<1x37xf32>,
                      %w: tensor<37x19xf32> {mobile.layout = #mobile.layout<panels [16]>})
    -> tensor<1x19xf32> {
  %y = mobile.linear %x, %w : tensor<1x37xf32>, tensor<37x19xf32> -> tensor<1x19xf32>
  mobile.yield %y : tensor<1x19xf32>
}

// -----

// CHECK-LABEL: func.func @shapes
// CHECK: linalg.depthwise_conv_2d_nhwc_hwc
// CHECK: linalg.pooling_nhwc_max
// CHECK: linalg.transpose {{.*}} permutation = [0, 3, 1, 2]
// CHECK: tensor.collapse_shape
// CHECK: tensor.expand_shape
// CHECK-NOT: mobile
mobile.kernel @shapes(%x: tensor<1x5x5x3xf32>, %w: tensor<3x3x3xf32>) -> tensor<1x12xf32> {
  %0 = mobile.depthwise_conv2d %x, %w : tensor<1x5x5x3xf32>, tensor<3x3x3xf32> -> tensor<1x3x3x3xf32>
  %1 = mobile.pool2d max %0 window [2, 2] : tensor<1x3x3x3xf32> -> tensor<1x2x2x3xf32>
  %2 = mobile.transpose %1 [0, 3, 1, 2] : tensor<1x2x2x3xf32> -> tensor<1x3x2x2xf32>
  %3 = mobile.reshape %2 : tensor<1x3x2x2xf32> -> tensor<1x12xf32>
  mobile.yield %3 : tensor<1x12xf32>
}

// -----

// Each result is a buffer of its own.
// CHECK-LABEL: func.func @twice
// CHECK: %[[COPY:.*]] = linalg.copy ins(%[[R:[0-9]+]] :
// CHECK: return %[[R]], %[[COPY]]
mobile.kernel @twice(%x: tensor<7xf32>) -> (tensor<7xf32>, tensor<7xf32>) {
  %0 = mobile.activate %x act relu : tensor<7xf32>
  mobile.yield %0, %0 : tensor<7xf32>, tensor<7xf32>
}
