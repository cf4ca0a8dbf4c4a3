// RUN: minnow-opt --split-input-file --verify-diagnostics %s

mobile.weight @e dense_resource<e> : tensor<1x1x8x8xf32>
func.func @activated_projection(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{region is no such block: must end in a pointwise convolution without activation, the projection}}
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %e = mobile.get_weight @e : tensor<1x1x8x8xf32>
    %0 = mobile.conv2d %in, %e act relu
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %0 : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @e dense_resource<e> : tensor<1x1x8x8xf32>
func.func @projection_alone(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{expected an expansion or a depthwise convolution with activation before the projection}}
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %e = mobile.get_weight @e : tensor<1x1x8x8xf32>
    %0 = mobile.conv2d %in, %e
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %0 : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @d dense_resource<d> : tensor<3x3x8xf32>
mobile.weight @e dense_resource<e> : tensor<1x1x8x8xf32>
func.func @foreign_residual(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{the residual must add the block's input}}
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %d = mobile.get_weight @d : tensor<3x3x8xf32>
    %e = mobile.get_weight @e : tensor<1x1x8x8xf32>
    %0 = mobile.depthwise_conv2d %in, %d pad [1, 1, 1, 1] act relu
        : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
    %1 = mobile.conv2d %0, %e
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    %2 = mobile.activate %in act relu : tensor<1x6x6x8xf32>
    %3 = mobile.add %1, %2 : tensor<1x6x6x8xf32>, tensor<1x6x6x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %3 : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @e dense_resource<e> : tensor<1x1x8x8xf32>
func.func @ffn_without_residual(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{without a depthwise convolution it must have a residual}}
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %e = mobile.get_weight @e : tensor<1x1x8x8xf32>
    %0 = mobile.conv2d %in, %e act relu
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    %1 = mobile.conv2d %0, %e
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %1 : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @d dense_resource<d> : tensor<3x3x8xf32>
mobile.weight @e dense_resource<e> : tensor<1x1x8x8xf32>
func.func @surplus(%x: tensor<1x6x6x8xf32>) {
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %d = mobile.get_weight @d : tensor<3x3x8xf32>
    %e = mobile.get_weight @e : tensor<1x1x8x8xf32>
    %0 = mobile.depthwise_conv2d %in, %d pad [1, 1, 1, 1] act relu
        : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
    %1 = mobile.conv2d %0, %e
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    // expected-error @+1 {{'mobile.activate' op is no part of the block around it}}
    %2 = mobile.activate %in act relu : tensor<1x6x6x8xf32>
    mobile.yield %1 : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @d dense_resource<d> : tensor<3x3x8xf32>
mobile.weight @e dense_resource<e> : tensor<1x1x8x8xf32>
func.func @longer_chain(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{the chain before mobile.depthwise_conv2d must start at the argument}}
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %d = mobile.get_weight @d : tensor<3x3x8xf32>
    %e = mobile.get_weight @e : tensor<1x1x8x8xf32>
    %2 = mobile.activate %in act relu : tensor<1x6x6x8xf32>
    %0 = mobile.depthwise_conv2d %2, %d pad [1, 1, 1, 1] act relu
        : tensor<1x6x6x8xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
    %1 = mobile.conv2d %0, %e
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %1 : tensor<1x6x6x8xf32>
  }
  return
}

// -----

func.func @yield_type(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{region must yield one value of type 'tensor<1x6x6x4xf32>'}}
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x4xf32> {
    mobile.yield %in : tensor<1x6x6x8xf32>
  }
  return
}

// -----

func.func @empty(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{expects a non-empty block}}
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
  }
  return
}

// -----

func.func @no_terminator(%x: tensor<1x6x6x8xf32>) {
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    // expected-error @+1 {{block with no terminator}}
    %0 = mobile.activate %in act relu : tensor<1x6x6x8xf32>
  }
  return
}

// -----

func.func @no_chain(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{region is no such block: must end in a pointwise convolution, the projection}}
  %y = mobile.fused_ib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    mobile.yield %in : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @e dense_resource<e> : tensor<1x1x8x8xf32>
func.func @pointwise_expansion(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{expected a full convolution with activation before the projection, the expansion}}
  %y = mobile.fused_ib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %e = mobile.get_weight @e : tensor<1x1x8x8xf32>
    %0 = mobile.conv2d %in, %e act relu
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    %1 = mobile.conv2d %0, %e
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %1 : tensor<1x6x6x8xf32>
  }
  return
}

// -----

func.func @captured(%x: tensor<1x6x6x8xf32>, %w: tensor<1x1x8x8xf32>) {
  // expected-note @+1 {{required by region isolation constraints}}
  %y = mobile.uib(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    // expected-error @+1 {{using value defined outside the region}}
    %0 = mobile.conv2d %in, %w
        : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %0 : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @wq dense_resource<q> : tensor<1x1x8x8xf32>
mobile.weight @wk dense_resource<k> : tensor<1x1x8x4xf32>
func.func @heads_of_their_own(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{the attention must share its keys and values among all heads}}
  %y = mobile.mqa(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %wq = mobile.get_weight @wq : tensor<1x1x8x8xf32>
    %wk = mobile.get_weight @wk : tensor<1x1x8x4xf32>
    %q = mobile.conv2d %in, %wq : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    %k = mobile.conv2d %in, %wk : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
    %v = mobile.conv2d %in, %wk : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
    %o = mobile.attention %q, %k, %v heads 4 scale 0.5
        : tensor<1x6x6x8xf32>, tensor<1x6x6x4xf32>, tensor<1x6x6x4xf32> -> tensor<1x6x6x8xf32>
    %p = mobile.conv2d %o, %wq : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %p : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @wq dense_resource<q> : tensor<1x1x8x8xf32>
mobile.weight @wk dense_resource<k> : tensor<1x1x8x4xf32>
func.func @two_inputs(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{queries, keys and values must be projected from one input}}
  %y = mobile.mqa(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %wq = mobile.get_weight @wq : tensor<1x1x8x8xf32>
    %wk = mobile.get_weight @wk : tensor<1x1x8x4xf32>
    %q = mobile.conv2d %in, %wq : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    %a = mobile.activate %in act relu : tensor<1x6x6x8xf32>
    %k = mobile.conv2d %a, %wk : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
    %v = mobile.conv2d %in, %wk : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
    %o = mobile.attention %q, %k, %v heads 2 scale 0.5
        : tensor<1x6x6x8xf32>, tensor<1x6x6x4xf32>, tensor<1x6x6x4xf32> -> tensor<1x6x6x8xf32>
    %p = mobile.conv2d %o, %wq : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %p : tensor<1x6x6x8xf32>
  }
  return
}

// -----

mobile.weight @wq dense_resource<q> : tensor<1x1x8x8xf32>
mobile.weight @wk dense_resource<k> : tensor<1x1x8x4xf32>
func.func @activated_keys(%x: tensor<1x6x6x8xf32>) {
  // expected-error @+1 {{queries, keys and values must each come from a pointwise convolution without activation}}
  %y = mobile.mqa(%in = %x : tensor<1x6x6x8xf32>) -> tensor<1x6x6x8xf32> {
    %wq = mobile.get_weight @wq : tensor<1x1x8x8xf32>
    %wk = mobile.get_weight @wk : tensor<1x1x8x4xf32>
    %q = mobile.conv2d %in, %wq : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    %k = mobile.conv2d %in, %wk act relu : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
    %v = mobile.conv2d %in, %wk : tensor<1x6x6x8xf32>, tensor<1x1x8x4xf32> -> tensor<1x6x6x4xf32>
    %o = mobile.attention %q, %k, %v heads 2 scale 0.5
        : tensor<1x6x6x8xf32>, tensor<1x6x6x4xf32>, tensor<1x6x6x4xf32> -> tensor<1x6x6x8xf32>
    %p = mobile.conv2d %o, %wq : tensor<1x6x6x8xf32>, tensor<1x1x8x8xf32> -> tensor<1x6x6x8xf32>
    mobile.yield %p : tensor<1x6x6x8xf32>
  }
  return
}
