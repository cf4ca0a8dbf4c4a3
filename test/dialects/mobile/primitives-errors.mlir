// RUN: minnow-opt --split-input-file --verify-diagnostics %s

// Where the result type cannot be inferred MLIR says so after our reason.

func.func @channels(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x5x6xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{filter takes 5 channels, input has 4}}
  %0 = mobile.conv2d %x, %w : tensor<1x8x8x4xf32>, tensor<1x1x5x6xf32> -> tensor<1x8x8x6xf32>
  return
}

// -----

func.func @depthwise_channels(%x: tensor<1x8x8x4xf32>, %w: tensor<3x3x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{filter takes 8 channels, input has 4}}
  %0 = mobile.depthwise_conv2d %x, %w : tensor<1x8x8x4xf32>, tensor<3x3x8xf32> -> tensor<1x6x6x8xf32>
  return
}

// -----

func.func @bias(%x: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x6xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{bias has 4 values, expected 6, one an output channel}}
  %0 = mobile.conv2d %x, %w bias %b
      : tensor<1x8x8x4xf32>, tensor<1x1x4x6xf32>, tensor<4xf32> -> tensor<1x8x8x6xf32>
  return
}

// -----

func.func @result(%x: tensor<1x8x8x4xf32>, %w: tensor<3x3x4x6xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<1x6x6x6xf32>' are incompatible with return type(s) of operation 'tensor<1x8x8x6xf32>'}}
  %0 = mobile.conv2d %x, %w : tensor<1x8x8x4xf32>, tensor<3x3x4x6xf32> -> tensor<1x8x8x6xf32>
  return
}

// -----

func.func @strides(%x: tensor<1x8x8x4xf32>, %w: tensor<3x3x4x6xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expects 2 window sizes, 2 strides and 4 paddings [top, bottom, left, right]}}
  %0 = mobile.conv2d %x, %w stride [2] : tensor<1x8x8x4xf32>, tensor<3x3x4x6xf32> -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @zero_stride(%x: tensor<1x8x8x4xf32>, %w: tensor<3x3x4x6xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{window and strides must be positive}}
  %0 = mobile.conv2d %x, %w stride [0, 1] : tensor<1x8x8x4xf32>, tensor<3x3x4x6xf32> -> tensor<1x3x3x6xf32>
  return
}

// -----

func.func @negative_pad(%x: tensor<1x8x8x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{padding must not be negative}}
  %0 = mobile.pad %x pad [0, -1, 0, 0] : tensor<1x8x8x4xf32> -> tensor<1x7x8x4xf32>
  return
}

// -----

func.func @small_input(%x: tensor<1x8x3x4xf32>, %w: tensor<5x5x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the window of 5 exceeds the padded input of 4 columns}}
  %0 = mobile.depthwise_conv2d %x, %w pad [0, 0, 1, 0]
      : tensor<1x8x3x4xf32>, tensor<5x5x4xf32> -> tensor<1x4x1x4xf32>
  return
}

// -----

func.func @dynamic(%x: tensor<1x?x8x4xf32>, %w: tensor<3x3x4xf32>) {
  // expected-error @+1 {{operand #0 must be static NHWC tensor}}
  %0 = mobile.depthwise_conv2d %x, %w : tensor<1x?x8x4xf32>, tensor<3x3x4xf32> -> tensor<1x6x6x4xf32>
  return
}

// -----

func.func @linear(%x: tensor<1x8xf32>, %w: tensor<3x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{filter takes 3 channels, input has 8}}
  %0 = mobile.linear %x, %w : tensor<1x8xf32>, tensor<3x8xf32> -> tensor<1x8xf32>
  return
}

// -----

func.func @broadcast(%x: tensor<1x8x8x4xf32>, %y: tensor<1x8x1x2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{rhs 'tensor<1x8x1x2xf32>' cannot be repeated to the shape of lhs 'tensor<1x8x8x4xf32>'}}
  %0 = mobile.add %x, %y : tensor<1x8x8x4xf32>, tensor<1x8x1x2xf32> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @element_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{operands have different element types 'tensor<4xf32>' and 'tensor<4xf16>'}}
  %0 = mobile.mul %x, %y : tensor<4xf32>, tensor<4xf16> -> tensor<4xf32>
  return
}

// -----

func.func @scalar(%x: tensor<f32>, %y: tensor<1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{rhs 'tensor<1xf32>' cannot be repeated to the shape of lhs 'tensor<f32>'}}
  %0 = mobile.mul %x, %y : tensor<f32>, tensor<1xf32> -> tensor<f32>
  return
}

// -----

func.func @norm(%x: tensor<1x8x8x4xf32>, %c: tensor<3xf32>) {
  // expected-error @+1 {{scale has 3 values, expected 4, one a channel}}
  %0 = mobile.batch_norm %x, %c, %c, %c, %c epsilon 1.0e-3 : tensor<1x8x8x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @epsilon(%x: tensor<1x8x8x4xf32>, %c: tensor<4xf32>) {
  // expected-error @+1 {{epsilon must not be negative}}
  %0 = mobile.batch_norm %x, %c, %c, %c, %c epsilon -1.0 : tensor<1x8x8x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @pool(%x: tensor<1x7x7x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{padding 2 must be less than the window of 2}}
  %0 = mobile.pool2d max %x window [3, 2] pad [0, 0, 2, 0] : tensor<1x7x7x4xf32> -> tensor<1x5x8x4xf32>
  return
}

// -----

func.func @permutation(%x: tensor<1x6x7x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expects a permutation of the 4 dimensions of the input}}
  %0 = mobile.transpose %x [0, 3, 3, 2] : tensor<1x6x7x4xf32> -> tensor<1x4x4x7xf32>
  return
}

// -----

func.func @short_permutation(%x: tensor<1x6x7x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{expects a permutation of the 4 dimensions of the input}}
  %0 = mobile.transpose %x [0, 1, 2] : tensor<1x6x7x4xf32> -> tensor<1x6x7xf32>
  return
}

// -----

func.func @reshape(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{input 'tensor<2x3xf32>' and result 'tensor<5xf32>' must hold the same elements}}
  %0 = mobile.reshape %x : tensor<2x3xf32> -> tensor<5xf32>
  return
}

// -----

func.func @activation(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected string or keyword containing one of the following enum values for attribute 'activation' [none, relu, relu6,}}
  %0 = mobile.activate %x act tanh : tensor<2x3xf32>
  return
}

// -----

func.func @softmax(%x: tensor<f32>) {
  // expected-error @+1 {{input must have a dimension to sum over}}
  %0 = mobile.softmax %x : tensor<f32>
  return
}

// -----

func.func @matmul_columns(%a: tensor<4x6xf32>, %b: tensor<5x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{lhs has 6 columns, rhs has 5 rows}}
  %0 = mobile.matmul %a, %b : tensor<4x6xf32>, tensor<5x4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @matmul_repeats_lhs(%a: tensor<1x4x6xf32>, %b: tensor<3x6x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{dimension 0 of rhs is 3, expected 1 or lhs's 1}}
  %0 = mobile.matmul %a, %b : tensor<1x4x6xf32>, tensor<3x6x4xf32> -> tensor<3x4x4xf32>
  return
}

// -----

func.func @key_width(%q: tensor<1x4x4x32xf32>, %k: tensor<1x2x2x12xf32>, %v: tensor<1x2x2x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the key's 12 channels must be 8, one head's, times a divisor of the 4 heads}}
  %0 = mobile.attention %q, %k, %v heads 4 scale 0.5
      : tensor<1x4x4x32xf32>, tensor<1x2x2x12xf32>, tensor<1x2x2x8xf32> -> tensor<1x4x4x32xf32>
  return
}

// -----

func.func @key_positions(%q: tensor<1x4x4x32xf32>, %k: tensor<1x2x2x8xf32>, %v: tensor<1x4x4x8xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{keys and values must have the same positions, all three one batch}}
  %0 = mobile.attention %q, %k, %v heads 4 scale 0.5
      : tensor<1x4x4x32xf32>, tensor<1x2x2x8xf32>, tensor<1x4x4x8xf32> -> tensor<1x4x4x32xf32>
  return
}

// -----

func.func @no_channels(%q: tensor<1x4x4x0xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the query's 0 channels are not divisible by 4 heads}}
  %0 = mobile.attention %q, %q, %q heads 4 scale 0.5
      : tensor<1x4x4x0xf32>, tensor<1x4x4x0xf32>, tensor<1x4x4x0xf32> -> tensor<1x4x4x0xf32>
  return
}

// -----

func.func @no_keys(%q: tensor<1x4x4x8xf32>, %k: tensor<1x4x4x0xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the key's 0 channels must be 2, one head's, times a divisor of the 4 heads}}
  %0 = mobile.attention %q, %k, %k heads 4 scale 0.5
      : tensor<1x4x4x8xf32>, tensor<1x4x4x0xf32>, tensor<1x4x4x0xf32> -> tensor<1x4x4x0xf32>
  return
}
