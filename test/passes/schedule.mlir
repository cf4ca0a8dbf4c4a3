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
}
