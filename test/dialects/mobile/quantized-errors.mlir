// RUN: minnow-opt --split-input-file --verify-diagnostics %s

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
func.func @mixed(%x: tensor<1x8x8x2x!x>, %w: tensor<1x1x2x2xf32>) {
  // expected-error @+1 {{mixes precisions: input}}
  %0 = mobile.conv2d %x, %w : tensor<1x8x8x2x!x>, tensor<1x1x2x2xf32> -> tensor<1x8x8x2x!x>
  return
}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
!w = !quant.uniform<i8:f32:2, {1.000000e-02, 2.000000e-02}>
func.func @axis(%x: tensor<1x8x8x2x!x>, %w: tensor<1x1x2x2x!w>) {
  // expected-error @+1 {{filter has its scales along dimension 2, expected 3, the output channels}}
  %0 = mobile.conv2d %x, %w : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w> -> tensor<1x8x8x2x!x>
  return
}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
func.func @asymmetric_filter(%x: tensor<1x8x8x2x!x>, %w: tensor<1x1x2x2x!x>) {
  // expected-error @+1 {{filter must have the zero point 0}}
  %0 = mobile.conv2d %x, %w : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!x> -> tensor<1x8x8x2x!x>
  return
}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
!w = !quant.uniform<i8:f32, 1.000000e-02>
func.func @table(%x: tensor<1x8x8x2x!x>, %w: tensor<1x1x2x2x!w>) {
  // expected-error @+1 {{an activation that is a table needs `via` an i8 type of one scale}}
  %0 = mobile.conv2d %x, %w act gelu : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w> -> tensor<1x8x8x2x!x>
  return
}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
!w = !quant.uniform<i8:f32, 1.000000e-02>
!a = !quant.uniform<i32:f32, 1.000000e-02>
func.func @sum(%x: tensor<1x8x8x2x!x>, %w: tensor<1x1x2x2x!w>) {
  // expected-error @+1 {{an unrounded result has the scales input * filter and no activation}}
  %0 = mobile.conv2d %x, %w : tensor<1x8x8x2x!x>, tensor<1x1x2x2x!w> -> tensor<1x8x8x2x!a>
  return
}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
func.func @no_integer_form(%x: tensor<1x4x!x>) {
  // expected-error @+1 {{has no integer form; it takes floats only}}
  %0 = mobile.softmax %x : tensor<1x4x!x>
  return
}

// -----

func.func @mul_of_bytes(%x: tensor<1x4xi8>) {
  // expected-error @+1 {{has no integer form; it takes floats only, found 'tensor<1x4xi8>'}}
  %0 = mobile.mul %x, %x : tensor<1x4xi8>, tensor<1x4xi8> -> tensor<1x4xi8>
  return
}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
func.func @mul_of_mixed(%x: tensor<1x4x!x>, %y: tensor<1x4xf32>) {
  // expected-error @+1 {{a quantized product takes and gives i8 of one scale}}
  %0 = "mobile.mul"(%x, %y) : (tensor<1x4x!x>, tensor<1x4xf32>) -> tensor<1x4x!x>
  return
}

// -----

func.func @add_of_bytes(%x: tensor<1x4xi8>) {
  // expected-error @+1 {{has no integer form; it takes floats only, found 'tensor<1x4xi8>'}}
  %0 = mobile.add %x, %x : tensor<1x4xi8>, tensor<1x4xi8> -> tensor<1x4xi8>
  return
}

// -----

func.func @add_of_sums(%x: tensor<1x4xi32>) {
  // expected-error @+1 {{a sum of integers is i32 throughout, without activation}}
  %0 = mobile.add %x, %x act relu : tensor<1x4xi32>, tensor<1x4xi32> -> tensor<1x4xi32>
  return
}

// -----

!x = !quant.uniform<i8:f32, 2.500000e-02:-3>
func.func @keys(%q: tensor<1x2x2x4x!x>) {
  // expected-error @+1 {{takes queries, keys and values of i8 with zero point 0}}
  %0 = mobile.attention %q, %q, %q heads 1 scale 1.0
      : tensor<1x2x2x4x!x>, tensor<1x2x2x4x!x>, tensor<1x2x2x4x!x> -> tensor<1x2x2x4x!x>
  return
}

// -----

func.func @padding(%x: tensor<1x8x8x2xi8>, %w: tensor<3x3x2x2xi8>) {
  // expected-error @+1 {{a padded product of i8 takes `zero`, one i8, another none}}
  %0 = mobile.conv2d %x, %w pad [1, 1, 1, 1]
      : tensor<1x8x8x2xi8>, tensor<3x3x2x2xi8> -> tensor<1x8x8x2xi32>
  return
}

// -----

func.func @factors(%x: tensor<1x8x8x2xi32>, %m: tensor<3xf32>, %p: tensor<6xi32>) {
  // expected-error @+1 {{takes factors all of f32 or all of i32, one or one a channel}}
  %0 = mobile.requantize %x scale %m by %p
      : tensor<1x8x8x2xi32>, tensor<3xf32>, tensor<6xi32> -> tensor<1x8x8x2xi8>
  return
}
