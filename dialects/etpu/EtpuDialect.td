//===- EtpuDialect.td - the instructions of EX1b --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef ETPU_DIALECT
#define ETPU_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Etpu_Dialect : Dialect {
  let name = "etpu";
  let cppNamespace = "::minnow::etpu::ir";
  let summary = "assembly of the EX1b accelerator";
  let description = [{
    One op is one instruction of EX1b, a synthetic machine of the Coral class (no
    EdgeTPU: no interface of one is public). Text and binary are equivalent:
    `minnow-translate --etpu-to-binary` and `--binary-to-etpu`.

    The machine has an array of 64 x 64 multipliers, 64 depthwise and 64 vector
    lanes, activation memory (1 MiB), weight memory (4 MiB), 4096 accumulator
    entries of 64 sums of 32 bits, and DRAM of 32 bytes a cycle. A sequencer hands
    instructions, in order, to five engines with queues of their own: dma_in,
    dma_out, matrix, depthwise, vector. Engines wait for each other by tokens
    alone: for each ordered pair of engines there is one counting semaphore;
    `wait E` takes a token that E gave this engine, `signal E` gives one to E when
    the instruction's results count.

    Cycles are those of runtime/abi/etpu.h; each op says which. P is the number of
    positions of its result.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Etpu_Set<string name, string summary, list<BitEnumCaseBase> cases>
    : I32BitEnum<name, summary, cases> {
  let cppNamespace = "::minnow::etpu::ir";
  let separator = ", ";
}

def Etpu_Engines : Etpu_Set<"EngineSet", "engines", [
    I32BitEnumCaseBit<"DmaIn", 0, "dma_in">, I32BitEnumCaseBit<"DmaOut", 1, "dma_out">,
    I32BitEnumCaseBit<"Matrix", 2, "matrix">, I32BitEnumCaseBit<"Depthwise", 3, "depthwise">,
    I32BitEnumCaseBit<"Vector", 4, "vector">]>;
def Etpu_EnginesAttr : EnumAttr<Etpu_Dialect, Etpu_Engines, "engines"> {
  let assemblyFormat = "`<` $value `>`";
}

def Etpu_Flags : Etpu_Set<"FlagSet", "flags of an instruction", [
    I32BitEnumCaseBit<"Block", 0, "one_block">, I32BitEnumCaseBit<"Addend", 1, "addend">,
    I32BitEnumCaseBit<"Table", 2, "table">, I32BitEnumCaseBit<"Rows", 3, "rows">,
    I32BitEnumCaseBit<"Stationary", 4, "stationary">,
    I32BitEnumCaseBit<"Transpose", 5, "transpose">,
    I32BitEnumCaseBit<"Accumulate", 6, "accumulate">,
    I32BitEnumCaseBit<"Bytes", 7, "bytes">]>;
def Etpu_FlagsAttr : EnumAttr<Etpu_Dialect, Etpu_Flags, "flags"> {
  let assemblyFormat = "`<` $value `>`";
}

def Etpu_Segment : I32Enum<"Segment", "part of DRAM", [
    I32EnumCase<"Weights", 0, "weights">, I32EnumCase<"Input", 1, "input">,
    I32EnumCase<"Output", 2, "output">, I32EnumCase<"Scratch", 3, "scratch">]> {
  let cppNamespace = "::minnow::etpu::ir";
}
def Etpu_SegmentAttr : EnumAttr<Etpu_Dialect, Etpu_Segment, "segment">;

def Etpu_Engine : I32Enum<"Engine", "an engine", [
    I32EnumCase<"DmaIn", 0, "dma_in">, I32EnumCase<"DmaOut", 1, "dma_out">,
    I32EnumCase<"Matrix", 2, "matrix">, I32EnumCase<"Depthwise", 3, "depthwise">,
    I32EnumCase<"Vector", 4, "vector">]> {
  let cppNamespace = "::minnow::etpu::ir";
}
def Etpu_EngineAttr : EnumAttr<Etpu_Dialect, Etpu_Engine, "engine">;

def Etpu_TensorAttr : AttrDef<Etpu_Dialect, "Tensor"> {
  let mnemonic = "tensor";
  let summary = "a descriptor: where a tensor lies in activation memory";
  let description = [{
    The element of block b, row y, column x, channel c lies at
    `base + b*block_pitch + ((first_row + y) mod ring_rows)*row_pitch +
    x*pixel_pitch + c`. A block has at most 64 channels, the last one
    `last_channels`. `ring_rows` 0 means that rows do not roll. `pads` are [top,
    bottom, left, right] and read as `pad_value`; they are in no memory.
  }];
  let parameters = (ins "unsigned":$base, "unsigned":$rows, "unsigned":$columns,
      "unsigned":$channels, "unsigned":$last_channels, "unsigned":$blocks,
      "unsigned":$row_pitch, "unsigned":$block_pitch, "unsigned":$pixel_pitch,
      "unsigned":$ring_rows, "unsigned":$first_row,
      ArrayRefParameter<"unsigned">:$pads, "int":$pad_value, "unsigned":$is_unsigned);
  let assemblyFormat = [{
    `<` $base `:` $rows `x` $columns `,` $blocks `x` $channels `last` $last_channels `,`
    `pitch` $block_pitch $row_pitch $pixel_pitch `,` `ring` $ring_rows `from` $first_row `,`
    `pad` `[` $pads `]` `of` $pad_value `,` `unsigned` $is_unsigned `>`
  }];
}

def Etpu_MachineAttr : AttrDef<Etpu_Dialect, "Machine"> {
  let mnemonic = "machine";
  let summary = "the parameters of the machine that a program is for";
  let description = "The fields of `etpu::Machine` in runtime/abi/etpu.h, in their order.";
  let parameters = (ins "unsigned":$clock_mhz, "unsigned":$rows, "unsigned":$columns,
      "unsigned":$lanes, "unsigned":$activation_bytes, "unsigned":$weight_bytes,
      "unsigned":$accumulators, "unsigned":$dram_bytes_per_cycle, "unsigned":$dram_latency,
      "unsigned":$vector_startup, "unsigned":$queue_depth, "unsigned":$overlap);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Etpu_PortAttr : AttrDef<Etpu_Dialect, "Port"> {
  let mnemonic = "port";
  let summary = "an input or output of a program";
  let description = "The fields of `etpu::Port` in runtime/abi/etpu.h, in their order.";
  let parameters = (ins "unsigned":$offset, "unsigned":$rows, "unsigned":$columns,
      "unsigned":$channels, "unsigned":$block_channels, "int":$zero,
      "::mlir::FloatAttr":$scale, "unsigned":$is_channels_first);
  let assemblyFormat = "`<` struct(params) `>`";
}
def Etpu_PortsAttr : TypedArrayAttrBase<Etpu_PortAttr, "ports">;

#endif // ETPU_DIALECT
