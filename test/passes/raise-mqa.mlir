// RUN: minnow-opt --raise --split-input-file %s | FileCheck %s
// RUN: minnow-opt --raise --inline-blocks --split-input-file %s | FileCheck %s --check-prefix=INLINED --implicit-check-not=mobile.mqa

// Keys and values at half the resolution with offsets, layer scale, residual.
// Taken apart again it is what it was.

mobile.weight @wq dense_resource<a> : tensor<1x1x8x12xf32>
mobile.weight @bq dense_resource<b> : tensor<12xf32>
mobile.weight @dk dense_resource<c> : tensor<3x3x8xf32>
mobile.weight @wk dense_resource<d> : tensor<1x1x8x6xf32>
mobile.weight @ko dense_resource<e> : tensor<1x3x3x6xf32>
mobile.weight @dv dense_resource<f> : tensor<3x3x8xf32>
mobile.weight @wv dense_resource<g> : tensor<1x1x8x5xf32>
mobile.weight @vo dense_resource<h> : tensor<1x3x3x5xf32>
mobile.weight @wo dense_resource<i> : tensor<1x1x10x8xf32>
mobile.weight @gamma dense_resource<j> : tensor<8xf32>

// CHECK-LABEL: func.func @strided
// CHECK-SAME: %[[X:.*]]: tensor<1x6x6x8xf32>
// CHECK-NEXT: %[[Y:.*]] = mobile.mqa(%[[IN:.*]] = %[[X]] : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
// CHECK: mobile.conv2d %[[IN]],
// CHECK: mobile.depthwise_conv2d %[[IN]],
// CHECK: mobile.depthwise_conv2d %[[IN]],
// CHECK: mobile.attention
// CHECK: mobile.mul
// CHECK: %[[R:.*]] = mobile.add %[[IN]], %{{.*}}
// CHECK-NEXT: mobile.yield %[[R]]
// CHECK-NEXT: }
// CHECK-NEXT: return %[[Y]]

// INLINED-LABEL: func.func @strided
// INLINED-SAME: %[[X:.*]]: tensor<1x6x6x8xf32>
// INLINED-NEXT: %[[WQ:.*]] = mobile.get_weight @wq
// INLINED-NEXT: %[[BQ:.*]] = mobile.get_weight @bq
// INLINED-NEXT: %[[Q:.*]] = mobile.conv2d %[[X]], %[[WQ]] bias %[[BQ]] :
// INLINED-NEXT: %[[DK:.*]] = mobile.get_weight @dk
// INLINED-NEXT: %[[KD:.*]] = mobile.depthwise_conv2d %[[X]], %[[DK]] stride [2, 2] pad [1, 1, 1, 1] :
// INLINED-NEXT: %[[WK:.*]] = mobile.get_weight @wk
// INLINED-NEXT: %[[KP:.*]] = mobile.conv2d %[[KD]], %[[WK]] :
// INLINED-NEXT: %[[KO:.*]] = mobile.get_weight @ko
// INLINED-NEXT: %[[K:.*]] = mobile.add %[[KP]], %[[KO]] :
// INLINED-NEXT: %[[DV:.*]] = mobile.get_weight @dv
// INLINED-NEXT: %[[VD:.*]] = mobile.depthwise_conv2d %[[X]], %[[DV]] stride [2, 2] pad [1, 1, 1, 1] :
// INLINED-NEXT: %[[WV:.*]] = mobile.get_weight @wv
// INLINED-NEXT: %[[VP:.*]] = mobile.conv2d %[[VD]], %[[WV]] :
// INLINED-NEXT: %[[VO:.*]] = mobile.get_weight @vo
// INLINED-NEXT: %[[V:.*]] = mobile.add %[[VP]], %[[VO]] :
// INLINED-NEXT: %[[O:.*]] = mobile.attention %[[Q]], %[[K]], %[[V]] heads 2 scale 5.000000e-01 :
// INLINED-NEXT: %[[WO:.*]] = mobile.get_weight @wo
// INLINED-NEXT: %[[P:.*]] = mobile.conv2d %[[O]], %[[WO]] :
// INLINED-NEXT: %[[G:.*]] = mobile.get_weight @gamma
// INLINED-NEXT: %[[S:.*]] = mobile.mul %[[P]], %[[G]] :
// INLINED-NEXT: %[[R:.*]] = mobile.add %[[X]], %[[S]] :
// INLINED-NEXT: return %[[R]]
func.func @strided(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %wq = mobile.get_weight @wq : tensor<1x1x8x12xf32>
  %bq = mobile.get_weight @bq : tensor<12xf32>
  %q = mobile.conv2d %x, %wq bias %bq
      : tensor<1x6x6x8xf32>, tensor<1x1x8x12xf32>, tensor<12xf32> -> tensor<1x6x6x12xf32>
  %dk = mobile.get_weight @dk : tensor<3x3x8xf32>
  %kd = mobile.depthwise_conv2d %x, %dk stride [2, 2] pad [1, 1, 1, 1]
      : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x3x3x8xf32>
  %wk = mobile.get_weight @wk : tensor<1x1x8x6xf32>
  %kp = mobile.conv2d %kd, %wk
      : tensor<1x3x3x8xf32>, tensor<1x1x8x6xf32> -> tensor<1x3x3x6xf32>
  %ko = mobile.get_weight @ko : tensor<1x3x3x6xf32>
  %k = mobile.add %kp, %ko : tensor<1x3x3x6xf32>, tensor<1x3x3x6xf32> -> tensor<1x3x3x6xf32>
  %dv = mobile.get_weight @dv : tensor<3x3x8xf32>
  %vd = mobile.depthwise_conv2d %x, %dv stride [2, 2] pad [1, 1, 1, 1]
      : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x3x3x8xf32>
  %wv = mobile.get_weight @wv : tensor<1x1x8x5xf32>
  %vp = mobile.conv2d %vd, %wv
      : tensor<1x3x3x8xf32>, tensor<1x1x8x5xf32> -> tensor<1x3x3x5xf32>
  %vo = mobile.get_weight @vo : tensor<1x3x3x5xf32>
  %v = mobile.add %vp, %vo : tensor<1x3x3x5xf32>, tensor<1x3x3x5xf32> -> tensor<1x3x3x5xf32>
  %o = mobile.attention %q, %k, %v heads 2 scale 0.5
      : tensor<1x6x6x12xf32>, tensor<1x3x3x6xf32>, tensor<1x3x3x5xf32> -> tensor<1x6x6x10xf32>
  %wo = mobile.get_weight @wo : tensor<1x1x10x8xf32>
  %p = mobile.conv2d %o, %wo
      : tensor<1x6x6x10xf32>, tensor<1x1x10x8xf32> -> tensor<1x6x6x8xf32>
  %g = mobile.get_weight @gamma : tensor<8xf32>
  %s = mobile.mul %p, %g : tensor<1x6x6x8xf32>, tensor<8xf32> -> tensor<1x6x6x8xf32>
  %r = mobile.add %x, %s : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
  return %r : tensor<1x6x6x8xf32>
}

// -----

// Without residual, and with a pointwise convolution around it that is none of
// it; keys and values are one projection.

mobile.weight @w dense_resource<a> : tensor<1x1x8x8xf32>

// CHECK-LABEL: func.func @shared_projection
// CHECK: mobile.conv2d
// CHECK: mobile.attention
// CHECK-NOT: mobile.mqa
// INLINED-LABEL: func.func @shared_projection
func.func @shared_projection(%x: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %w = mobile.get_weight @w : tensor<1x1x8x8xf32>
  %q = mobile.conv2d %x, %w : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  %k = mobile.conv2d %x, %w : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  %o = mobile.attention %q, %k, %k heads 1 scale 0.5
      : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
  %p = mobile.conv2d %o, %w : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  return %p : tensor<1x6x6x8xf32>
}

// -----

// The skip comes from before: only what ends in the projection is the block.

mobile.weight @w dense_resource<a> : tensor<1x1x8x8xf32>

// CHECK-LABEL: func.func @other_skip
// CHECK-SAME: %[[X:[^ :]*]]: tensor<1x6x6x8xf32>, %[[Z:[^ :]*]]: tensor<1x6x6x8xf32>
// CHECK: %[[Y:.*]] = mobile.mqa(%{{.*}} = %[[X]]
// CHECK: mobile.yield
// CHECK: mobile.add %[[Y]], %[[Z]]
// INLINED-LABEL: func.func @other_skip
func.func @other_skip(%x: tensor<1x6x6x8xf32>, %z: tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  %w = mobile.get_weight @w : tensor<1x1x8x8xf32>
  %q = mobile.conv2d %x, %w : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  %k = mobile.conv2d %x, %w : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  %v = mobile.conv2d %x, %w : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  %o = mobile.attention %q, %k, %v heads 1 scale 0.5
      : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
  %p = mobile.conv2d %o, %w : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
  %y = mobile.add %p, %z : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
  return %y : tensor<1x6x6x8xf32>
}
