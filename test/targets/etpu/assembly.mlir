// RUN: minnow-translate --etpu-to-binary %s -o %t.bin
// RUN: minnow-translate --binary-to-etpu %t.bin -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: minnow-translate --etpu-to-binary %t.mlir | cmp - %t.bin

// CHECK: etpu.program @program machine <clock_mhz = 480,
// CHECK-SAME: input 16 [#etpu.port<offset = 0, rows = 1, columns = 1, channels = 16,
// CHECK-SAME: scale = 5.000000e-01 : f32
etpu.program @net machine <clock_mhz = 480, rows = 64, columns = 64, lanes = 64,
    activation_bytes = 1048576, weight_bytes = 4194304, accumulators = 4096,
    dram_bytes_per_cycle = 32, dram_latency = 200, vector_startup = 8, queue_depth = 64,
    overlap = 1>
    input 16 [#etpu.port<offset = 0, rows = 1, columns = 1, channels = 16, block_channels = 16,
                         zero = -3, scale = 0.5 : f32, is_channels_first = 1>]
    output 0 [] scratch 64 cold {
  // CHECK: set_descriptor r 3 = <64 : 14 x 14, 2 x 48 last 40, pitch 9408 672 48,
  // CHECK-SAME: ring 7 from 2, pad[1, 2, 3, 4] of -128, unsigned 1>
  etpu.set_descriptor r 3 = <64 : 14 x 14, 2 x 48 last 40, pitch 9408 672 48, ring 7 from 2,
                             pad [1, 2, 3, 4] of -128, unsigned 1>
  // CHECK: sync matrix wait <dma_in, vector> signal <depthwise>
  etpu.sync matrix wait <dma_in, vector> signal <depthwise>
  // CHECK: load_weights 4096 from 65536 bytes 8192 signal <matrix> call 7
  etpu.load_weights 4096 from 65536 bytes 8192 signal <matrix> call 7
  // CHECK: load_accumulators 100 from 65536 positions 64 of 48
  etpu.load_accumulators 100 from 65536 positions 64 of 48
  // CHECK: load r 3 block 1 from input 8
  etpu.load r 3 block 1 from input 8
  // CHECK: store r 3 block 1 to scratch 16
  etpu.store r 3 block 1 to scratch 16
  // CHECK: conv r 3 by r 4 block 0 weights 4096 to 12 columns 64 window 3 x 5 stride 2 flags <stationary, transpose>
  etpu.conv r 3 by r 4 block 0 weights 4096 to 12 columns 64 window 3 x 5 stride 2
      flags <stationary, transpose>
  // CHECK: dwconv r 3 block 1 weights 12 to 3072 window 5 x 5 stride 1
  etpu.dwconv r 3 block 1 weights 12 to 3072 window 5 x 5 stride 1
  // CHECK: requant r 2 block 0 parameters 288 from 12 with r 1 r 0 flags <addend, table>
  etpu.requant r 2 block 0 parameters 288 from 12 with r 1 r 0 flags <addend, table>
  // CHECK: lookup r 2 block 0 of r 1 table 2147483392
  etpu.lookup r 2 block 0 of r 1 table 2147483392
  // CHECK: pool r 2 to 65535
  etpu.pool r 2 to 65535
  // CHECK: row_max r 4 blocks 2 last 17 from 0
  etpu.row_max r 4 blocks 2 last 17 from 0
  // CHECK: exp r 5 rows r 4 parameters 16384 from 0
  etpu.exp r 5 rows r 4 parameters 16384 from 0
  // CHECK: scale r 2 block 1 by r 1 to 3072
  etpu.scale r 2 block 1 by r 1 to 3072
  // CHECK: halt
  etpu.halt
} load {
} warm {
}
