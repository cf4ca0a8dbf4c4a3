// Two heads of queries of 48 numbers, one of keys and values.
!x = !quant.uniform<i8:f32, 2.0e-02>
!y = !quant.uniform<i8:f32, 1.0e-02>
func.func @net(%q: tensor<1x5x5x96xf32>, %k: tensor<1x3x5x48xf32>, %v: tensor<1x3x5x48xf32>) -> tensor<1x5x5x96xf32> {
  %0 = mobile.quantize %q : tensor<1x5x5x96xf32> -> tensor<1x5x5x96x!x>
  %1 = mobile.quantize %k : tensor<1x3x5x48xf32> -> tensor<1x3x5x48x!x>
  %2 = mobile.quantize %v : tensor<1x3x5x48xf32> -> tensor<1x3x5x48x!y>
  %3 = mobile.attention %0, %1, %2 heads 2 scale 0.25
      : tensor<1x5x5x96x!x>, tensor<1x3x5x48x!x>, tensor<1x3x5x48x!y> -> tensor<1x5x5x96x!y>
  %4 = mobile.dequantize %3 : tensor<1x5x5x96x!y> -> tensor<1x5x5x96xf32>
  return %4 : tensor<1x5x5x96xf32>
}
