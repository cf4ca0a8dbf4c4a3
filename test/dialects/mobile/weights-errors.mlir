// RUN: minnow-opt --split-input-file --verify-diagnostics %s

// expected-error @+1 {{value must be a resource blob}}
mobile.weight @dense dense<1.0> : tensor<2xf32>

// -----

// expected-error @+1 {{value must be a static tensor}}
mobile.weight @vector dense<1.0> : vector<2xf32>

// -----

// expected-error @+1 {{value must be a static tensor of numbers}}
mobile.weight @indices dense_resource<indices> : tensor<2xindex>

// -----

// expected-error @+1 {{blob has 4 bytes, expected 8 for 'tensor<2xf32>'}}
mobile.weight @short dense_resource<short> : tensor<2xf32>

{-#
  dialect_resources: {
    builtin: {
      short: "0x040000000000803F"
    }
  }
#-}

// -----

func.func @missing() {
  // expected-error @+1 {{no mobile.weight is named @w}}
  %0 = mobile.get_weight @w : tensor<2xf32>
  return
}

// -----

mobile.weight @w dense_resource<w> : tensor<2xf32>
func.func @type() {
  // expected-error @+1 {{weight has type 'tensor<2xf32>', expected 'tensor<3xf32>'}}
  %0 = mobile.get_weight @w : tensor<3xf32>
  return
}
