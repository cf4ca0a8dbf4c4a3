module attributes {mobile.target = {name = "cpu", triple = "aarch64-linux-gnu", cpu = "cortex-a76"}} {
  mobile.kernel @relu(%x: tensor<1x4x4x16xf32>) -> tensor<1x4x4x16xf32> {
    %y = mobile.activate %x act relu : tensor<1x4x4x16xf32>
    mobile.yield %y : tensor<1x4x4x16xf32>
  }
}
