// RUN: minnow-opt %s | minnow-opt | FileCheck %s

// CHECK-LABEL: mobile.kernel @pointwise
// CHECK-SAME: %{{.*}}: tensor<1x4x4x96xf32>, %{{.*}}: tensor<1x1x96x100xf32> {mobile.layout = #mobile.layout<panels[48]>}) -> tensor<1x4x4x100xf32>
// CHECK-SAME: attributes {schedule = #mobile.schedule<rows 2, strip 1, [<4 by 3, pixels_outer>]>}
// CHECK: mobile.yield %{{.*}} : tensor<1x4x4x100xf32>
mobile.kernel @pointwise(%x: tensor<1x4x4x96xf32>,
                         %w: tensor<1x1x96x100xf32> {mobile.layout = #mobile.layout<panels [48]>})
    -> tensor<1x4x4x100xf32>
    attributes {schedule = #mobile.schedule<rows 2, strip 1, [<4 by 3, pixels_outer>]>} {
  %y = mobile.conv2d %x, %w : tensor<1x4x4x96xf32>, tensor<1x1x96x100xf32> -> tensor<1x4x4x100xf32>
  mobile.yield %y : tensor<1x4x4x100xf32>
}

// CHECK-LABEL: mobile.kernel @behind
// CHECK-SAME: strip 1, [<4 by 3, pixels_outer>], behind 65536>
mobile.kernel @behind(%x: tensor<1x8xf32>, %w: tensor<8x8xf32>) -> tensor<1x8xf32>
    attributes {schedule = #mobile.schedule<rows 2, strip 1, [<4 by 3, pixels_outer>], behind 65536>} {
  %y = mobile.linear %x, %w : tensor<1x8xf32>, tensor<8x8xf32> -> tensor<1x8xf32>
  mobile.yield %y : tensor<1x8xf32>
}

mobile.weight @w dense_resource<w> : tensor<1x1x96x100xf32>

// CHECK-LABEL: mobile.program @tensors
// CHECK: %[[W:.*]] = mobile.get_weight @w
// CHECK: %[[Y:.*]] = mobile.call @pointwise(%{{.*}}, %[[W]]) : (tensor<1x4x4x96xf32>, tensor<1x1x96x100xf32>) -> tensor<1x4x4x100xf32>
// CHECK: mobile.yield %[[Y]]
mobile.program @tensors(%x: tensor<1x4x4x96xf32> {mobile.name = "input"}) -> tensor<1x4x4x100xf32> {
  %w = mobile.get_weight @w : tensor<1x1x96x100xf32>
  %y = mobile.call @pointwise(%x, %w)
      : (tensor<1x4x4x96xf32>, tensor<1x1x96x100xf32>) -> tensor<1x4x4x100xf32>
  mobile.yield %y : tensor<1x4x4x100xf32>
}

// Panels of 48 hold 144 columns for 100, and the memory has them all.
// CHECK-LABEL: mobile.program @buffers
// CHECK-SAME: attributes {arena_bytes = 128 : i64, weights_bytes = 55296 : i64}
// CHECK: mobile.buffer weights at 0 : memref<3x96x48xf32>
// CHECK: mobile.buffer arena at 64 : memref<4xf32>
// CHECK: mobile.call @pointwise({{.*}}) : ({{.*}}) -> ()
// CHECK: mobile.yield{{$}}
mobile.program @buffers(%x: memref<1x4x4x96xf32>, %y: memref<1x4x4x100xf32>)
    attributes {arena_bytes = 128 : i64, weights_bytes = 55296 : i64} {
  %w = mobile.buffer weights at 0 : memref<3x96x48xf32>
  %a = mobile.buffer arena at 64 : memref<4xf32>
  mobile.call @pointwise(%x, %w, %y)
      : (memref<1x4x4x96xf32>, memref<3x96x48xf32>, memref<1x4x4x100xf32>) -> ()
  mobile.yield
}
