// RUN: minnow-opt --fold --split-input-file %s | FileCheck %s

// 2 * x + 1 before a query, and before a padded depthwise convolution with a
// projection. What the shift of 1 adds up to behind these is less at the border,
// where fewer of the nine taps see it.

mobile.weight @bn.weight dense_resource<gamma> : tensor<1xf32>
mobile.weight @bn.bias dense_resource<beta> : tensor<1xf32>
mobile.weight @bn.mean dense_resource<zero> : tensor<1xf32>
mobile.weight @bn.var dense_resource<zero> : tensor<1xf32>
mobile.weight @query.weight dense_resource<query> : tensor<1x1x1x1xf32>
mobile.weight @depthwise dense_resource<ones> : tensor<3x3x1xf32>
mobile.weight @key.weight dense_resource<key> : tensor<1x1x1x1xf32>

// CHECK-DAG: mobile.weight @query.weight dense_resource<[[Q:.*]]> : tensor<1x1x1x1xf32>
// CHECK-DAG: mobile.weight @query.bias dense_resource<[[B:.*]]> : tensor<1xf32>
// CHECK-DAG: mobile.weight @depthwise dense_resource<[[D:.*]]> : tensor<3x3x1xf32>
// CHECK-DAG: mobile.weight @key.offsets dense_resource<[[O:.*]]> : tensor<1x3x3x1xf32>
// CHECK-LABEL: func.func @keys
// CHECK-SAME: %[[X:.*]]: tensor<1x3x3x1xf32>
// CHECK-NOT: mobile.batch_norm
// CHECK: %[[QUERY:.*]] = mobile.conv2d %[[X]], %{{.*}} bias %{{.*}} :
// CHECK: %[[DEPTHWISE:.*]] = mobile.depthwise_conv2d %[[X]], %{{.*}} pad [1, 1, 1, 1] :
// CHECK: %[[PROJECTION:.*]] = mobile.conv2d %[[DEPTHWISE]], %{{[^ ]*}} :
// CHECK-NEXT: %[[OFFSETS:.*]] = mobile.get_weight @key.offsets
// CHECK-NEXT: %[[KEY:.*]] = mobile.add %[[PROJECTION]], %[[OFFSETS]]
// CHECK: return %[[QUERY]], %[[KEY]]
func.func @keys(%x: tensor<1x3x3x1xf32>) -> (tensor<1x3x3x1xf32>, tensor<1x3x3x1xf32>) {
  %g = mobile.get_weight @bn.weight : tensor<1xf32>
  %o = mobile.get_weight @bn.bias : tensor<1xf32>
  %m = mobile.get_weight @bn.mean : tensor<1xf32>
  %v = mobile.get_weight @bn.var : tensor<1xf32>
  %z = mobile.batch_norm %x, %g, %o, %m, %v epsilon 1.0 : tensor<1x3x3x1xf32>, tensor<1xf32>
  %wq = mobile.get_weight @query.weight : tensor<1x1x1x1xf32>
  %q = mobile.conv2d %z, %wq : tensor<1x3x3x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x3x3x1xf32>
  %wd = mobile.get_weight @depthwise : tensor<3x3x1xf32>
  %d = mobile.depthwise_conv2d %z, %wd pad [1, 1, 1, 1] : tensor<1x3x3x1xf32>, tensor<3x3x1xf32> -> tensor<1x3x3x1xf32>
  %wk = mobile.get_weight @key.weight : tensor<1x1x1x1xf32>
  %k = mobile.conv2d %d, %wk : tensor<1x3x3x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x3x3x1xf32>
  return %q, %k : tensor<1x3x3x1xf32>, tensor<1x3x3x1xf32>
}
// CHECK-DAG: [[Q]]: "0x{{........}}0000C040"
// CHECK-DAG: [[B]]: "0x{{........}}00004040"
// CHECK-DAG: [[D]]: "0x{{........}}000000400000004000000040000000400000004000000040000000400000004000000040"
// CHECK-DAG: [[O]]: "0x{{........}}000000410000404100000041000040410000904100004041000000410000404100000041"

{-#
  dialect_resources: {
    builtin: {
      gamma: "0x0400000000000040",
      beta: "0x040000000000803F",
      zero: "0x0400000000000000",
      query: "0x0400000000004040",
      key: "0x0400000000000040",
      ones: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
    }
  }
#-}

// -----

// The depthwise convolution has an activation: what the shift adds up to cannot
// pass it, so that nobody takes the norm.

mobile.weight @w dense_resource<one> : tensor<1xf32>
mobile.weight @depthwise dense_resource<ones> : tensor<3x3x1xf32>
mobile.weight @p dense_resource<one> : tensor<1x1x1x1xf32>

// CHECK-LABEL: func.func @activated
// CHECK: mobile.mul
// CHECK: mobile.add
// CHECK: mobile.conv2d
// CHECK: mobile.depthwise_conv2d
// CHECK: mobile.conv2d
// CHECK-NOT: mobile.add
func.func @activated(%x: tensor<1x3x3x1xf32>) -> (tensor<1x3x3x1xf32>, tensor<1x3x3x1xf32>) {
  %w = mobile.get_weight @w : tensor<1xf32>
  %z = mobile.batch_norm %x, %w, %w, %w, %w epsilon 1.0 : tensor<1x3x3x1xf32>, tensor<1xf32>
  %p = mobile.get_weight @p : tensor<1x1x1x1xf32>
  %q = mobile.conv2d %z, %p : tensor<1x3x3x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x3x3x1xf32>
  %wd = mobile.get_weight @depthwise : tensor<3x3x1xf32>
  %d = mobile.depthwise_conv2d %z, %wd pad [1, 1, 1, 1] act relu : tensor<1x3x3x1xf32>, tensor<3x3x1xf32> -> tensor<1x3x3x1xf32>
  %k = mobile.conv2d %d, %p : tensor<1x3x3x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x3x3x1xf32>
  return %q, %k : tensor<1x3x3x1xf32>, tensor<1x3x3x1xf32>
}

{-#
  dialect_resources: {
    builtin: {
      one: "0x040000000000803F",
      ones: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
    }
  }
#-}

// -----

// The projection gives more than the norm takes: a map of it would be larger
// than what it saves.

mobile.weight @w dense_resource<one> : tensor<1xf32>
mobile.weight @depthwise dense_resource<ones> : tensor<3x3x1xf32>
mobile.weight @p dense_resource<two> : tensor<1x1x1x2xf32>

// CHECK-LABEL: func.func @widens
// CHECK: mobile.mul
// CHECK: %[[Z:.*]] = mobile.add
// CHECK: mobile.depthwise_conv2d %[[Z]],
// CHECK: mobile.conv2d
// CHECK-NOT: mobile.add
func.func @widens(%x: tensor<1x3x3x1xf32>) -> tensor<1x3x3x2xf32> {
  %w = mobile.get_weight @w : tensor<1xf32>
  %z = mobile.batch_norm %x, %w, %w, %w, %w epsilon 1.0 : tensor<1x3x3x1xf32>, tensor<1xf32>
  %wd = mobile.get_weight @depthwise : tensor<3x3x1xf32>
  %d = mobile.depthwise_conv2d %z, %wd pad [1, 1, 1, 1] : tensor<1x3x3x1xf32>, tensor<3x3x1xf32> -> tensor<1x3x3x1xf32>
  %p = mobile.get_weight @p : tensor<1x1x1x2xf32>
  %k = mobile.conv2d %d, %p : tensor<1x3x3x1xf32>, tensor<1x1x1x2xf32> -> tensor<1x3x3x2xf32>
  return %k : tensor<1x3x3x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      one: "0x0400000000000040",
      two: "0x040000000000803F0000803F",
      ones: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
    }
  }
#-}
