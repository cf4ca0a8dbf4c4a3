// RUN: minnow-translate --etpu-to-binary -verify-diagnostics %s

etpu.program @net machine <clock_mhz = 480, rows = 64, columns = 64, lanes = 64,
    activation_bytes = 1048576, weight_bytes = 4194304, accumulators = 4096,
    dram_bytes_per_cycle = 32, dram_latency = 200, vector_startup = 8, queue_depth = 64,
    overlap = 1> input 0 [] output 0 [] scratch 0 cold {
  // expected-error @+1 {{a number of the descriptor does not fit its bits, or there are not four pads}}
  etpu.set_descriptor r 3 = <64 : 14 x 14, 2 x 300 last 40, pitch 9408 672 48, ring 7 from 2,
                             pad [1, 2, 3, 4] of -128, unsigned 0>
} load {
} warm {
}
