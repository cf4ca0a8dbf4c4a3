//===- EtpuOps.td - the instructions of EX1b ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef ETPU_OPS
#define ETPU_OPS

include "EtpuDialect.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"

class Etpu_Op<string mnemonic, list<Trait> traits = []>
    : Op<Etpu_Dialect, mnemonic, traits>;

def Etpu_Number : DefaultValuedAttr<I32Attr, "0">;
def Etpu_OptionalEngines : OptionalAttr<Etpu_EnginesAttr>;

// An instruction: its own fields, then what all have. The names of the fields are
// those of etpu::Instruction in runtime/abi/etpu.h.
class Etpu_Instruction<string mnemonic, dag fields, string format>
    : Etpu_Op<mnemonic, [HasParent<"ProgramOp">]> {
  let arguments = !con(fields, (ins Etpu_OptionalEngines:$waits, Etpu_OptionalEngines:$signals,
                                    OptionalAttr<I32Attr>:$call));
  let assemblyFormat = format # [{
     (`wait` $waits^)? (`signal` $signals^)? (`call` $call^)? attr-dict
  }];
}

def Etpu_ProgramOp : Etpu_Op<"program", [NoTerminator, Symbol, NoRegionArguments,
    IsolatedFromAbove]> {
  let summary = "a program: three streams of instructions";
  let description = [{
    `cold` is a whole inference; `load` brings the weights that stay on chip, and
    `warm` is an inference that finds them there (both empty where they do not
    fit). Sizes are bytes: of all inputs, all outputs, and of DRAM for what does
    not fit on chip. Each stream ends with `etpu.halt`.

    Example:

    ```mlir
    etpu.program @net machine <clock_mhz = 480, rows = 64, columns = 64, lanes = 64,
        activation_bytes = 1048576, weight_bytes = 4194304, accumulators = 4096,
        dram_bytes_per_cycle = 32, dram_latency = 200, vector_startup = 8,
        queue_depth = 64, overlap = 1> input 64 [] output 64 [] scratch 0 cold {
      etpu.halt
    } load {
    } warm {
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Etpu_MachineAttr:$machine,
                       I32Attr:$input_bytes, I32Attr:$output_bytes, I32Attr:$scratch_bytes,
                       Etpu_PortsAttr:$inputs, Etpu_PortsAttr:$outputs);
  let regions = (region AnyRegion:$cold, AnyRegion:$load, AnyRegion:$warm);
  let assemblyFormat = [{
    $sym_name `machine` $machine `input` $input_bytes $inputs `output` $output_bytes $outputs
    `scratch` $scratch_bytes attr-dict `cold` $cold `load` $load `warm` $warm
  }];
}

def Etpu_HaltOp : Etpu_Instruction<"halt", (ins), ""> {
  let summary = "the end";
  let description = [{
    The stream ends; all engines finish what they have. Cost: none.

    Example:

    ```mlir
    etpu.halt
    ```
  }];
}

def Etpu_SetDescriptorOp : Etpu_Instruction<"set_descriptor",
    (ins Etpu_Number:$a, Etpu_TensorAttr:$tensor), "`r` $a `=` $tensor"> {
  let summary = "writes a descriptor register";
  let description = [{
    Takes three slots of the program, and the sequencer three cycles. Instructions
    copy their descriptors when they are dispatched, so a register can be written
    again at once.

    Example:

    ```mlir
    etpu.set_descriptor r 3 = <0 : 14 x 14, 2 x 48 last 48, pitch 9408 672 48, ring 0 from 0,
                               pad [1, 1, 1, 1] of -128, unsigned 0>
    ```
  }];
}

def Etpu_SyncOp : Etpu_Instruction<"sync", (ins Etpu_EngineAttr:$engine), "$engine"> {
  let summary = "waits and signals without work";
  let description = [{
    The engine takes and gives tokens. Cost: none.

    Example:

    ```mlir
    etpu.sync matrix wait <dma_in> signal <vector>
    ```
  }];
}

def Etpu_LoadWeightsOp : Etpu_Instruction<"load_weights",
    (ins I32Attr:$place, I32Attr:$address, I32Attr:$length),
    "$place `from` $address `bytes` $length"> {
  let summary = "DRAM to weight memory";
  let description = [{
    Copies `length` bytes of the weight section. Cost, as of all transfers:
    length / 32 cycles of the DRAM that all share, and 200 more until they count.

    Example:

    ```mlir
    etpu.load_weights 4096 from 65536 bytes 8192 signal <matrix>
    ```
  }];
}

def Etpu_LoadAccumulatorsOp : Etpu_Instruction<"load_accumulators",
    (ins I32Attr:$entry, I32Attr:$address, I32Attr:$block, I32Attr:$n),
    "$entry `from` $address `positions` $block `of` $n"> {
  let summary = "DRAM to accumulators";
  let description = [{
    Copies `block` positions of `n` sums of 32 bits from the weight section; a
    product with `accumulate` then adds to them. Cost: as a transfer.

    Example:

    ```mlir
    etpu.load_accumulators 0 from 65536 positions 64 of 48 signal <matrix>
    ```
  }];
}

def Etpu_LoadOp : Etpu_Instruction<"load",
    (ins Etpu_Number:$a, Etpu_Number:$block, Etpu_SegmentAttr:$segment, I32Attr:$address),
    "`r` $a `block` $block `from` $segment $address"> {
  let summary = "DRAM to activation memory";
  let description = [{
    Fills one block of a tensor from consecutive bytes of a part of DRAM: rows,
    columns, channels. Cost: as a transfer.

    Example:

    ```mlir
    etpu.load r 0 block 0 from input 0 signal <matrix>
    ```
  }];
}

def Etpu_StoreOp : Etpu_Instruction<"store",
    (ins Etpu_Number:$a, Etpu_Number:$block, Etpu_SegmentAttr:$segment, I32Attr:$address),
    "`r` $a `block` $block `to` $segment $address"> {
  let summary = "activation memory to DRAM";
  let description = [{
    The reverse of `etpu.load`, to the output or to scratch memory.

    Example:

    ```mlir
    etpu.store r 0 block 0 to output 0 wait <vector>
    ```
  }];
}

def Etpu_ConvOp : Etpu_Instruction<"conv",
    (ins Etpu_Number:$a, Etpu_Number:$b, Etpu_Number:$block, OptionalAttr<Etpu_FlagsAttr>:$flags,
         I32Attr:$address, I32Attr:$entry, I32Attr:$n, DefaultValuedAttr<I32Attr, "1">:$kernelHeight,
         DefaultValuedAttr<I32Attr, "1">:$kernelWidth, DefaultValuedAttr<I32Attr, "1">:$stride),
    [{`r` $a `by` `r` $b `block` $block `weights` $address `to` $entry `columns` $n
      `window` $kernelHeight `x` $kernelWidth `stride` $stride (`flags` $flags^)?}]> {
  let summary = "products on the array";
  let description = [{
    ```
    accumulator[entry + p, j] (+)= sum_k window(a, p)[k] * weights[k, j]      j < n
    ```
    k runs over the blocks of `a` (all, or `block` with one_block), then the taps of
    the window, then channels: taps are packed along the array's rows. The weights
    are bytes [k][n] at `address` of weight memory, or, with `stationary`, operand
    `b`: [k][n], with `transpose` [n][k]. Operand `a` is u8 where it says so, and
    then `stationary` must be set. With `accumulate` sums are added.

    Cost: T * max(P, 64) busy, T the weight tiles (64 of k, each block by itself),
    and 126 more until the sums count. Loading the first tile takes 64 cycles
    beside the last tile of the instruction before, as soon as the token of dma_in
    is there. With `overlap = 0`: T * (P + 2*64 + 64 - 2).

    Example:

    ```mlir
    etpu.conv r 0 by r 0 block 0 weights 4096 to 0 columns 64 window 1 x 1 stride 1
        wait <dma_in> signal <vector>
    ```
  }];
}

def Etpu_DwConvOp : Etpu_Instruction<"dwconv",
    (ins Etpu_Number:$a, Etpu_Number:$block, I32Attr:$address, I32Attr:$entry,
         I32Attr:$kernelHeight, I32Attr:$kernelWidth, I32Attr:$stride),
    [{`r` $a `block` $block `weights` $address `to` $entry
      `window` $kernelHeight `x` $kernelWidth `stride` $stride}]> {
  let summary = "depthwise products";
  let description = [{
    ```
    accumulator[entry + p, c] = sum_t window(a, p)[t, c] * weights[t, c]
    ```
    for one block of `a`; the weights are bytes [taps][channels] at `address`.

    Cost: one cycle for each pixel of `a` (lines roll through the unit, each is
    read once), at least P; 8 more until the sums count. The taps load, one a
    cycle, beside the instruction before.

    Example:

    ```mlir
    etpu.dwconv r 1 block 2 weights 8192 to 3072 window 5 x 5 stride 1 signal <vector>
    ```
  }];
}

def Etpu_RequantOp : Etpu_Instruction<"requant",
    (ins Etpu_Number:$a, Etpu_Number:$b, Etpu_Number:$c, Etpu_Number:$block,
         OptionalAttr<Etpu_FlagsAttr>:$flags, I32Attr:$address, I32Attr:$entry),
    "`r` $a `block` $block `parameters` $address `from` $entry `with` `r` $b `r` $c (`flags` $flags^)?"> {
  let summary = "scales, adds, rounds, looks up";
  let description = [{
    Writes one block of `a` by the fixed form of `mobile.requantize`. The input is
    the accumulators from `entry` on, plus a bias and times a factor a channel;
    with `bytes` operand `c`; with `rows` the accumulators are divided by the sums
    of the row table `c` (the last steps of `mobile.attention`). With `addend`
    operand `b` is added before the rounding; with `table` the result goes through
    the table behind the parameters (`RequantHeader` in runtime/abi/etpu.h).

    Cost: P + 8 busy.

    Example:

    ```mlir
    etpu.requant r 2 block 0 parameters 12288 from 0 with r 1 r 0 flags <addend>
        wait <matrix> signal <depthwise>
    ```
  }];
}

def Etpu_LookupOp : Etpu_Instruction<"lookup",
    (ins Etpu_Number:$a, Etpu_Number:$b, Etpu_Number:$block, I32Attr:$address),
    "`r` $a `block` $block `of` `r` $b `table` $address"> {
  let summary = "bytes through a table";
  let description = [{
    `a = table[b + 128]` for one block; the table is 256 bytes of weight memory.
    Cost: P + 8 busy.

    Example:

    ```mlir
    etpu.lookup r 2 block 0 of r 1 table 12288
    ```
  }];
}

def Etpu_PoolOp : Etpu_Instruction<"pool",
    (ins Etpu_Number:$a, I32Attr:$entry), "`r` $a `to` $entry"> {
  let summary = "sums over all positions";
  let description = [{
    `accumulator[entry + b, c] = sum_p a[b, p, c]` for every block b. Cost: blocks *
    positions + 8 busy.

    Example:

    ```mlir
    etpu.pool r 2 to 0 signal <vector>
    ```
  }];
}

def Etpu_RowMaxOp : Etpu_Instruction<"row_max",
    (ins Etpu_Number:$c, Etpu_Number:$block, I32Attr:$entry, I32Attr:$n),
    "`r` $c `blocks` $block `last` $n `from` $entry"> {
  let summary = "the largest logit of each row";
  let description = [{
    Logits lie in `block` groups of P entries, one for 64 keys each, the last for
    `n`. Writes {maximum, 0}, 8 bytes a position, to the row table `c`. Cost: block
    * P + 8 busy.

    Example:

    ```mlir
    etpu.row_max r 4 blocks 1 last 64 from 0 wait <matrix>
    ```
  }];
}

def Etpu_ExpOp : Etpu_Instruction<"exp",
    (ins Etpu_Number:$a, Etpu_Number:$c, I32Attr:$address, I32Attr:$entry),
    "`r` $a `rows` `r` $c `parameters` $address `from` $entry"> {
  let summary = "softmax weights and their sums";
  let description = [{
    `a = table[min((maximum - logit) * factor / 2^31 rounded, 255)]`, unsigned, and
    the sum of each row to the row table `c`: `mobile.attention`'s fixed form. A
    block of `a` has the 64 keys of one group of entries. The parameters are the
    factor, 32 bits, and the table. Cost: blocks * P + 8 busy.

    Example:

    ```mlir
    etpu.exp r 5 rows r 4 parameters 16384 from 0 signal <matrix>
    ```
  }];
}

def Etpu_ScaleOp : Etpu_Instruction<"scale",
    (ins Etpu_Number:$a, Etpu_Number:$b, Etpu_Number:$block, I32Attr:$entry),
    "`r` $a `block` $block `by` `r` $b `to` $entry"> {
  let summary = "bytes by one factor a channel";
  let description = [{
    `accumulator[entry + p, c] = (a[p, c] - a's pad value) * (b[0, c] - b's pad
    value)` for one block; `b` has one position. The squeeze-excite of MobileNetV3.
    Cost: P + 8 busy.

    Example:

    ```mlir
    etpu.scale r 2 block 0 by r 1 to 3072 signal <vector>
    ```
  }];
}

#endif // ETPU_OPS
