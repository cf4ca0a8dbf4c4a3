// RUN: minnow-opt --inline-blocks --mlir-print-debuginfo %s | FileCheck %s

mobile.weight @expand dense_resource<a> : tensor<1x1x8x16xf32>
mobile.weight @project dense_resource<b> : tensor<1x1x16x8xf32>
mobile.weight @full dense_resource<c> : tensor<3x3x8x16xf32>

// CHECK-LABEL: func.func @two_blocks
// CHECK-SAME: (%[[X:.*]]: tensor<1x6x6x8xf32>
// CHECK-NOT: mobile.uib
// CHECK: %[[E:.*]] = mobile.conv2d %[[X]], %{{.*}} act relu : {{.*}} loc(#[[E_LOC:.*]])
// CHECK: %[[P:.*]] = mobile.conv2d %[[E]],
// CHECK: %[[R:.*]] = mobile.add %[[P]], %[[X]]
// CHECK-NOT: mobile.fused_ib
// CHECK: %[[F:.*]] = mobile.conv2d %[[R]], %{{.*}} act relu6
// CHECK: %[[Y:.*]] = mobile.conv2d %[[F]],
// CHECK: return %[[Y]]
// CHECK-DAG: #[[LAYER:.*]] = loc("blocks.0.conv_pw")
// CHECK-DAG: #[[BLOCK:.*]] = loc("blocks.0")
// CHECK: #[[E_LOC]] = loc(callsite(#[[LAYER]] at #[[BLOCK]]))
func.func @two_blocks(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %we = mobile.get_weight @expand : tensor<1x1x8x16xf32>
    %wp = mobile.get_weight @project : tensor<1x1x16x8xf32>
    %e = mobile.conv2d %in, %we act relu
        : tensor<1x6x6x8xf32>, tensor<1x1x8x16xf32> -> tensor<1x6x6x16xf32> loc("blocks.0.conv_pw")
    %p = mobile.conv2d %e, %wp
        : tensor<1x6x6x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x6x6x8xf32>
    %r = mobile.add %p, %in
        : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %r : tensor<1x6x6x8xf32>
  } loc("blocks.0")
  %z = mobile.fused_ib(%in = %y : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %we = mobile.get_weight @full : tensor<3x3x8x16xf32>
    %wp = mobile.get_weight @project : tensor<1x1x16x8xf32>
    %e = mobile.conv2d %in, %we pad [1, 1, 1, 1] act relu6
        : tensor<1x6x6x8xf32>, tensor<3x3x8x16xf32> -> tensor<1x6x6x16xf32>
    %p = mobile.conv2d %e, %wp
        : tensor<1x6x6x16xf32>, tensor<1x1x16x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %p : tensor<1x6x6x8xf32>
  }
  return %z : tensor<1x6x6x8xf32>
}
