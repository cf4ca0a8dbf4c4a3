// RUN: minnow-opt --fold %s | FileCheck %s

mobile.weight @w dense_resource<w> : tensor<3x3x8x8xf32>
mobile.weight @dw dense_resource<dw> : tensor<3x3x8xf32>

// A pad goes into each convolution that uses it; the average's window counted
// the zeros; a maximum over zeros is something else.
// CHECK-LABEL: func.func @pads
// CHECK-SAME: %[[X:.*]]: tensor<1x6x6x8xf32>
// CHECK: %[[P:.*]] = mobile.pad %[[X]] pad [1, 2, 1, 2]
// CHECK: mobile.conv2d %[[X]], %{{.*}} stride [2, 2] pad [1, 2, 1, 2] :
// CHECK: mobile.depthwise_conv2d %[[X]], %{{.*}} pad [2, 3, 1, 2] :
// CHECK: mobile.pool2d average %[[X]] window [3, 3] pad [1, 2, 1, 2] count_pad
// CHECK: mobile.pool2d max %[[P]] window [3, 3] :
func.func @pads(%x: tensor<1x6x6x8xf32>)
    -> (tensor<1x4x4x8xf32>, tensor<1x9x7x8xf32>, tensor<1x7x7x8xf32>, tensor<1x7x7x8xf32>) {
  %w = mobile.get_weight @w : tensor<3x3x8x8xf32>
  %v = mobile.get_weight @dw : tensor<3x3x8xf32>
  %q = mobile.pad %x pad [0, 1, 0, 1] : tensor<1x6x6x8xf32> -> tensor<1x7x7x8xf32>
  %p = mobile.pad %q pad [1, 1, 1, 1] : tensor<1x7x7x8xf32> -> tensor<1x9x9x8xf32>
  %a = mobile.conv2d %p, %w stride [2, 2]
      : tensor<1x9x9x8xf32>, tensor<3x3x8x8xf32> -> tensor<1x4x4x8xf32>
  %b = mobile.depthwise_conv2d %p, %v pad [1, 1, 0, 0]
      : tensor<1x9x9x8xf32>, tensor<3x3x8xf32> -> tensor<1x9x7x8xf32>
  %c = mobile.pool2d average %p window [3, 3]
      : tensor<1x9x9x8xf32> -> tensor<1x7x7x8xf32>
  %d = mobile.pool2d max %p window [3, 3]
      : tensor<1x9x9x8xf32> -> tensor<1x7x7x8xf32>
  return %a, %b, %c, %d
      : tensor<1x4x4x8xf32>, tensor<1x9x7x8xf32>, tensor<1x7x7x8xf32>, tensor<1x7x7x8xf32>
}

// This average does not count its own padding, but would count the pad's.
// CHECK-LABEL: func.func @two_kinds_of_padding
// CHECK: mobile.pad
// CHECK: mobile.pool2d average %{{.*}} window [3, 3] pad [1, 1, 1, 1] :
func.func @two_kinds_of_padding(%x: tensor<1x6x6x8xf32>) -> tensor<1x7x7x8xf32> {
  %p = mobile.pad %x pad [0, 1, 0, 1] : tensor<1x6x6x8xf32> -> tensor<1x7x7x8xf32>
  %y = mobile.pool2d average %p window [3, 3] pad [1, 1, 1, 1]
      : tensor<1x7x7x8xf32> -> tensor<1x7x7x8xf32>
  return %y : tensor<1x7x7x8xf32>
}

// CHECK-LABEL: func.func @no_pad
// CHECK-NEXT: return
func.func @no_pad(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %y = mobile.pad %x pad [0, 0, 0, 0] : tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
  return %y : tensor<1x6x6x8xf32>
}

// CHECK-LABEL: func.func @cancelling_transposes
// CHECK-SAME: %[[X:.*]]: tensor<1x4x6x8xf32>
// CHECK-NEXT: return %[[X]]
func.func @cancelling_transposes(%x: tensor<1x4x6x8xf32>) -> tensor<1x4x6x8xf32> {
  %t = mobile.transpose %x [0, 3, 1, 2] : tensor<1x4x6x8xf32> -> tensor<1x8x4x6xf32>
  %y = mobile.transpose %t [0, 2, 3, 1] : tensor<1x8x4x6xf32> -> tensor<1x4x6x8xf32>
  return %y : tensor<1x4x6x8xf32>
}

// CHECK-LABEL: func.func @composed_transposes
// CHECK-SAME: %[[X:.*]]: tensor<2x4x6x8xf32>
// CHECK-NEXT: %[[Y:.*]] = mobile.transpose %[[X]] [0, 2, 3, 1]
// CHECK-NEXT: return %[[Y]]
func.func @composed_transposes(%x: tensor<2x4x6x8xf32>) -> tensor<2x6x8x4xf32> {
  %t = mobile.transpose %x [0, 3, 1, 2] : tensor<2x4x6x8xf32> -> tensor<2x8x4x6xf32>
  %y = mobile.transpose %t [0, 3, 1, 2] : tensor<2x8x4x6xf32> -> tensor<2x6x8x4xf32>
  return %y : tensor<2x6x8x4xf32>
}

// The way from a pooled map to a matrix, as exporters write it.
// CHECK-LABEL: func.func @flatten
// CHECK-SAME: %[[X:.*]]: tensor<1x1x1x8xf32>
// CHECK-NEXT: %[[Y:.*]] = mobile.reshape %[[X]] : tensor<1x1x1x8xf32> -> tensor<1x8xf32>
// CHECK-NEXT: return %[[Y]]
func.func @flatten(%x: tensor<1x1x1x8xf32>) -> tensor<1x8xf32> {
  %t = mobile.transpose %x [0, 3, 1, 2] : tensor<1x1x1x8xf32> -> tensor<1x8x1x1xf32>
  %r = mobile.reshape %t : tensor<1x8x1x1xf32> -> tensor<8x1xf32>
  %y = mobile.reshape %r : tensor<8x1xf32> -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}
