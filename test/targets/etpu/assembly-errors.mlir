// RUN: minnow-translate --etpu-to-binary -verify-diagnostics %s

etpu.program @net machine <clock_mhz = 480, rows = 64, columns = 64, lanes = 64,
    activation_bytes = 1048576, weight_bytes = 4194304, accumulators = 4096,
    dram_bytes_per_cycle = 32, dram_latency = 200, vector_startup = 8, queue_depth = 64,
    overlap = 1> input 0 [] output 0 [] scratch 0 cold {
  // expected-error @+1 {{the field entry is 65536, the encoding takes 65535 at most}}
  etpu.pool r 2 to 65536
} load {
} warm {
}
