//===- Passes.td - the target-independent passes --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MINNOW_PASSES
#define MINNOW_PASSES

include "mlir/Pass/PassBase.td"

def Fold : Pass<"fold", "::mlir::ModuleOp"> {
  let summary = "Fold batch norms, scales, pads and activations into convolutions";
  let description = [{
    Rewrites the weight blobs so that a batch normalisation, a product or sum
    with one weight a channel, a pad or an activation that follows (or, for a
    pad, comes before) a convolution or linear op becomes part of it. Transposes
    and reshapes that cancel vanish; weights that nobody uses are erased.
  }];
}

def RaiseAttention : Pass<"raise-attention", "::mlir::ModuleOp"> {
  let summary = "Recognise attention among matrix products";
  let description = [{
    Two products of computed matrices around a softmax become `mobile.attention`
    of the maps that they come from, by dataflow: any chain of reshapes and
    transposes, either product transposed, the scale on queries, keys, both or
    the logits, keys and values shared by all heads or not. What else is done to
    the logits, a mask above all, leaves the products as they are.

    Example: `minnow-opt --raise-attention=explain` also says of each product
    after a softmax that ends no attention why.
  }];
  let options = [
    Option<"explain", "explain", "bool", /*default=*/"false",
           "Remark why a product stays a primitive">,
  ];
}

def Raise : Pass<"raise", "::mlir::ModuleOp"> {
  let summary = "Recognise the blocks among primitives and wrap them";
  let description = [{
    Finds inverted bottlenecks and Mobile MQA by dataflow, wherever they come
    from, and wraps their primitives into `mobile.uib`, `mobile.fused_ib` and
    `mobile.mqa`. Nothing is
    computed differently; inlining the blocks gives the input back. A block is
    named after what its layers' names have in common ("blocks.2.0").

    Example: `minnow-opt --raise=explain` also says of each convolution that
    looks like a projection but ends no block why.
  }];
  let options = [
    Option<"explain", "explain", "bool", /*default=*/"false",
           "Remark why a projection stays a primitive">,
  ];
}

def InlineBlocks : Pass<"inline-blocks", "::mlir::ModuleOp"> {
  let summary = "Take the blocks apart again";
  let description = [{
    The inverse of raise: each block becomes the primitives of its region. Their
    locations keep the name of the block.

    Example: `minnow-opt --raise --inline-blocks x.mlir` gives `x.mlir`.
  }];
}

def FuseQuantize : Pass<"fuse-quantize", "::mlir::ModuleOp"> {
  let summary = "Compute in integers what stands between dequantize and quantize";
  let description = [{
    Models that others quantized say in f32 what they compute and where it is
    rounded: quantize(op(dequantize(x), dequantize(weight))). Such convolutions,
    linear ops, sums, pools and activations become quantized primitives, data
    moves as i8, and pairs that cancel vanish. A product that is not rounded
    before the residual stays a sum in i32. What has no integer form stays f32,
    and a filter that only that uses becomes a weight in f32.

    Errors: a filter with a zero point, of other than 8 bits or with scales along
    another dimension than the output channels; a bias of another scale than
    input * filter.

    Example: `minnow-opt --fuse-quantize x.mlir`.
  }];
}

def Quantize : Pass<"quantize", "::mlir::ModuleOp"> {
  let summary = "From f32 to 8 bits by the ranges that values have";
  let description = [{
    Values become i8 of the range that the attribute `mobile.range` of their
    primitive says, which calibration writes; filters i8 of one scale a channel.
    A projection whose only user is a residual's sum is not rounded before it. What
    has no integer form stays f32 between `mobile.dequantize` and
    `mobile.quantize`. Blocks stay blocks; inputs and outputs stay f32.

    The compiler calls `quantizeNetwork` with what calibration has seen, and
    filters are then rounded so that the sums over its inputs keep their values;
    the pass alone rounds to nearest.

    Example: `minnow-opt --quantize x.mlir`.
  }];
  let dependentDialects = ["mobile::MobileDialect"];
  let options = [
    Option<"perTensor", "per-tensor", "bool", /*default=*/"false",
           "One scale a filter">,
  ];
}

def LowerQuant : Pass<"lower-quant", "::mlir::ModuleOp"> {
  let summary = "Replace quantized types by storage types";
  let description = [{
    Every quantized primitive becomes one on i8 and i32, and where a sum is
    rounded a `mobile.requantize` in the form of the target stands behind it.
    Scales, multipliers, zero points and tables become weights. Zero points of
    inputs are folded into biases; what padding reads is an operand of its own.
    Blocks are inlined. A network in f32 stays as it is.

    Inputs and outputs stay as they are, f32 at the edges; with the option, and
    always in the fixed form, they become i8 and `mobile.quantized` on them is
    their quantized type.

    Example: `minnow-opt --lower-quant x.mlir`.
  }];
  let options = [
    Option<"quantizedEdges", "quantized-edges", "bool", /*default=*/"false",
           "Inputs and outputs are i8">,
  ];
}

def FormGroups : Pass<"form-groups", "::mlir::ModuleOp"> {
  let summary = "Partition the network into kernels";
  let description = [{
    Inlines the blocks and cuts the primitives into kernels by dynamic
    programming over the target's cost model: each cut costs the tensor's way
    through memory and a call, each fusion must be one that the target takes.
    The function becomes a `mobile.program` of `mobile.call`s; kernels that are
    equal are one. The block that a primitive came from stays as its location.

    Example: `minnow-opt --form-groups=explain` also remarks of each fused
    kernel, and of each two that could have been one, what the cost model
    predicts for both ways, or why the target does not take them as one.
  }];
  let dependentDialects = ["mobile::MobileDialect"];
  let options = [
    Option<"goal", "goal", "std::string", /*default=*/"\"time\"",
           "What the cut aims at: time; memory, the smallest arena; or to "
           "measure both ways, blocks, each one kernel where the target takes "
           "it, and separate, no kernel with more than one product">,
    Option<"explain", "explain", "bool", /*default=*/"false",
           "Remark what each fusion and each cut gains or loses">,
  ];
}

def Schedule : Pass<"schedule", "::mlir::ModuleOp"> {
  let summary = "Let the target choose each kernel's schedule and layouts";
  let description = [{
    Asks the target for the `#mobile.schedule` of each kernel and the
    `#mobile.layout` of its arguments. After it no shape, size or layout changes.

    Example: `minnow-opt --schedule=tune=FILE` measures candidates on this
    machine and keeps the best in a file.
  }];
  let options = [
    Option<"tune", "tune", "std::string", /*default=*/"",
           "File of measured schedules to use and add to">,
  ];
}

def PlanMemory : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "Give every tensor of the program a place";
  let description = [{
    Tensors of a `mobile.program` become memrefs: inputs and outputs are
    arguments, weights lie packed by their layouts in one section (one
    `mobile.weight` of bytes), everything else at static offsets of an arena in
    which tensors that do not live at the same time share memory.
  }];
}

#endif // MINNOW_PASSES
