// RUN: minnow-opt %s --schedule | FileCheck %s
// RUN: not minnow-opt --schedule %S/Inputs/unknown-target.mlir 2>&1 | FileCheck %s --check-prefix=ERROR

// The target sets the schedule of each kernel and the layout of its weights.

// CHECK:      mobile.kernel @first(
// CHECK-SAME:     tensor<1x1x96x192xf32> {mobile.layout = #mobile.layout<panels
// CHECK-SAME:     attributes {schedule = #mobile.schedule<
// CHECK:      mobile.kernel @second(
// CHECK-SAME:     attributes {schedule = #mobile.schedule<
// A panel of many terms leaves no room for the input: parts of the sums.
// CHECK:      mobile.kernel @third(
// CHECK-SAME:     terms_outer
// Windows of 3 x 3 that move by 2 have a form with fewer products, in pairs of
// rows; of few channels it does not pay.
// CHECK:      mobile.kernel @fourth(
// CHECK-SAME:     tensor<3x3x32x96xf32> {mobile.layout = #mobile.layout<winograd
// CHECK-SAME:     strip 2, [<{{[0-9]+}} by {{[0-9]+}}, {{[a-z_]+}}, winograd>]
// CHECK:      mobile.kernel @fifth(
// CHECK-NOT:      winograd

// ERROR: error: unknown target 'abacus'; there is
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "skylake-avx512"}} {
  mobile.kernel @first(%x: tensor<1x14x14x96xf32>, %w: tensor<1x1x96x192xf32>) -> tensor<1x14x14x192xf32> {
    %y = mobile.conv2d %x, %w : tensor<1x14x14x96xf32>, tensor<1x1x96x192xf32> -> tensor<1x14x14x192xf32>
    mobile.yield %y : tensor<1x14x14x192xf32>
  }
  mobile.kernel @second(%x: tensor<1x14x14x96xf32>) -> tensor<1x14x14x96xf32> {
    %y = mobile.activate %x act relu : tensor<1x14x14x96xf32>
    mobile.yield %y : tensor<1x14x14x96xf32>
  }
  mobile.kernel @third(%x: tensor<1x12x12x2048xf32>, %w: tensor<1x1x2048x512xf32>) -> tensor<1x12x12x512xf32> {
    %y = mobile.conv2d %x, %w : tensor<1x12x12x2048xf32>, tensor<1x1x2048x512xf32> -> tensor<1x12x12x512xf32>
    mobile.yield %y : tensor<1x12x12x512xf32>
  }
  mobile.kernel @fourth(%x: tensor<1x56x56x32xf32>, %w: tensor<3x3x32x96xf32>) -> tensor<1x28x28x96xf32> {
    %y = mobile.conv2d %x, %w stride [2, 2] pad [1, 0, 1, 0] : tensor<1x56x56x32xf32>, tensor<3x3x32x96xf32> -> tensor<1x28x28x96xf32>
    mobile.yield %y : tensor<1x28x28x96xf32>
  }
  mobile.kernel @fifth(%x: tensor<1x56x56x8xf32>, %w: tensor<3x3x8x96xf32>) -> tensor<1x28x28x96xf32> {
    %y = mobile.conv2d %x, %w stride [2, 2] pad [1, 0, 1, 0] : tensor<1x56x56x8xf32>, tensor<3x3x8x96xf32> -> tensor<1x28x28x96xf32>
    mobile.yield %y : tensor<1x28x28x96xf32>
  }
}
