// RUN: minnow-opt %s --schedule | FileCheck %s

// Maps between products of bytes are stored as VNNI multiplies them, if all that
// write or read them can; not so inputs, outputs, and what a table reads.

// CHECK-LABEL: mobile.kernel @first(
// CHECK-SAME:      %{{.*}}: tensor<1x8x8x64xi8>, %{{.*}}: tensor<1x1x64x64xi8> {mobile.layout = #mobile.layout<panels
// CHECK-SAME:      -> (tensor<1x8x8x64xi8> {mobile.layout = #mobile.layout<unsigned>})
// CHECK-LABEL: mobile.kernel @second(
// CHECK-SAME:      %{{.*}}: tensor<1x8x8x64xi8> {mobile.layout = #mobile.layout<unsigned>}
// CHECK-SAME:      -> tensor<1x8x8x64xi8> attributes
// CHECK-LABEL: mobile.kernel @table(
// CHECK-NOT:       unsigned
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "sapphirerapids"}} {
  mobile.weight @w dense_resource<elided> : tensor<1x1x64x64xi8>
  mobile.weight @t dense_resource<elided> : tensor<256xi8>
  mobile.weight @s dense_resource<elided> : tensor<1xf32>
  mobile.weight @p dense_resource<elided> : tensor<6xi32>
  mobile.kernel @first(%x: tensor<1x8x8x64xi8>, %w: tensor<1x1x64x64xi8>, %s: tensor<1xf32>, %p: tensor<6xi32>) -> tensor<1x8x8x64xi8> {
    %0 = mobile.conv2d %x, %w : tensor<1x8x8x64xi8>, tensor<1x1x64x64xi8> -> tensor<1x8x8x64xi32>
    %1 = mobile.requantize %0 scale %s by %p : tensor<1x8x8x64xi32>, tensor<1xf32>, tensor<6xi32> -> tensor<1x8x8x64xi8>
    mobile.yield %1 : tensor<1x8x8x64xi8>
  }
  mobile.kernel @second(%x: tensor<1x8x8x64xi8>, %w: tensor<1x1x64x64xi8>, %s: tensor<1xf32>, %p: tensor<6xi32>) -> tensor<1x8x8x64xi8> {
    %0 = mobile.conv2d %x, %w : tensor<1x8x8x64xi8>, tensor<1x1x64x64xi8> -> tensor<1x8x8x64xi32>
    %1 = mobile.requantize %0 scale %s by %p : tensor<1x8x8x64xi32>, tensor<1xf32>, tensor<6xi32> -> tensor<1x8x8x64xi8>
    mobile.yield %1 : tensor<1x8x8x64xi8>
  }
  mobile.kernel @table(%x: tensor<1x8x8x64xi8>, %t: tensor<256xi8>) -> tensor<1x8x8x64xi8> {
    %0 = mobile.lookup %x in %t : tensor<1x8x8x64xi8>, tensor<256xi8> -> tensor<1x8x8x64xi8>
    mobile.yield %0 : tensor<1x8x8x64xi8>
  }
  mobile.program @net(%x: tensor<1x8x8x64xi8>) -> tensor<1x8x8x64xi8> {
    %w = mobile.get_weight @w : tensor<1x1x64x64xi8>
    %t = mobile.get_weight @t : tensor<256xi8>
    %s = mobile.get_weight @s : tensor<1xf32>
    %p = mobile.get_weight @p : tensor<6xi32>
    %0 = mobile.call @first(%x, %w, %s, %p) : (tensor<1x8x8x64xi8>, tensor<1x1x64x64xi8>, tensor<1xf32>, tensor<6xi32>) -> tensor<1x8x8x64xi8>
    %1 = mobile.call @second(%0, %w, %s, %p) : (tensor<1x8x8x64xi8>, tensor<1x1x64x64xi8>, tensor<1xf32>, tensor<6xi32>) -> tensor<1x8x8x64xi8>
    %2 = mobile.call @table(%1, %t) : (tensor<1x8x8x64xi8>, tensor<256xi8>) -> tensor<1x8x8x64xi8>
    mobile.yield %2 : tensor<1x8x8x64xi8>
  }
}
