// RUN: minnow-opt %s --form-groups --split-input-file --verify-diagnostics

// expected-error @+1 {{unknown target 'abacus'; there is}}
module attributes {mobile.target = {name = "abacus"}} {
}

// -----

// expected-error-re @+1 {{{{.*}}'z80'}}
module attributes {mobile.target = {name = "cpu", triple = "x86_64-linux-gnu", cpu = "z80"}} {
}

// -----

func.func private @inner(tensor<1x8xf32>) -> tensor<1x8xf32>
// expected-error @-1 {{a network must have a body of one block}}

// -----

func.func @net(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  // expected-error @+1 {{'builtin.unrealized_conversion_cast' op is no primitive; a network that becomes kernels holds nothing else}}
  %0 = builtin.unrealized_conversion_cast %x : tensor<1x8xf32> to tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}

// -----

// expected-error @+1 {{inputs and outputs must be static tensors of numbers; one is 'i32'}}
func.func @scalar(%x: tensor<1x8xf32>, %n: i32) -> tensor<1x8xf32> {
  return %x : tensor<1x8xf32>
}

// -----

// expected-error @+1 {{must be static tensors of numbers; one is 'tensor<?x8xf32>'}}
func.func @dynamic(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}

// -----

// expected-error @+1 {{a network must have an input and an output}}
func.func @nothing() {
  return
}
