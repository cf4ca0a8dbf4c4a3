//===- MobileDialect.td - the mobile dialect and its attributes -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MOBILE_DIALECT
#define MOBILE_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Mobile_Dialect : Dialect {
  let name = "mobile";
  let cppNamespace = "::minnow::mobile";
  let summary = "Networks of mobile blocks, their primitives, kernels and programs";
  let description = [{
    Three levels in one dialect. *Blocks* (`mobile.uib`, `mobile.fused_ib`) are
    regions of *primitives* (`mobile.conv2d` ...), so the region is the
    semantics of the block. *Kernels and programs* (`mobile.kernel`,
    `mobile.program`, `mobile.call`) are what the blocks become: a kernel is the
    unit of code, a program the unit of time.

    Activations are NHWC, weights are module symbols. MobileNetV4: arXiv
    2404.10518, section 4 (UIB) and 5 (Mobile MQA).
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect",
                           "::mlir::quant::QuantDialect"];
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

class Mobile_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::minnow::mobile";
}

def Mobile_ActivationAttr : Mobile_Enum<"Activation", "pointwise nonlinearity", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Relu", 1, "relu">,
    I32EnumAttrCase<"Relu6", 2, "relu6">,
    I32EnumAttrCase<"HardSwish", 3, "hard_swish">,
    I32EnumAttrCase<"HardSigmoid", 4, "hard_sigmoid">,
    I32EnumAttrCase<"Sigmoid", 5, "sigmoid">,
    I32EnumAttrCase<"Silu", 6, "silu">,
    I32EnumAttrCase<"Gelu", 7, "gelu">,
    I32EnumAttrCase<"Erf", 8, "erf">]>;

def Mobile_PoolKindAttr : Mobile_Enum<"PoolKind", "pooling operator", [
    I32EnumAttrCase<"Average", 0, "average">, I32EnumAttrCase<"Max", 1, "max">]>;

def Mobile_LayoutKind : Mobile_Enum<"LayoutKind", "physical order of a tensor", [
    I32EnumAttrCase<"Plain", 0, "plain">, I32EnumAttrCase<"Panels", 1, "panels">,
    I32EnumAttrCase<"Winograd", 2, "winograd">, I32EnumAttrCase<"Unsigned", 3, "unsigned">]>;

def Mobile_SplitAxis : Mobile_Enum<"SplitAxis", "what the tasks of a kernel divide", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Rows", 1, "rows">,
    I32EnumAttrCase<"Channels", 2, "channels">]>;

def Mobile_LoopOrder : Mobile_Enum<"LoopOrder", "which loop around a stage's tiles is outside", [
    I32EnumAttrCase<"PixelsOuter", 0, "pixels_outer">,
    I32EnumAttrCase<"ChannelsOuter", 1, "channels_outer">,
    I32EnumAttrCase<"TermsOuter", 2, "terms_outer">]>;

def Mobile_ProductForm : Mobile_Enum<"ProductForm", "how the sums of a product are formed", [
    I32EnumAttrCase<"Direct", 0, "direct">, I32EnumAttrCase<"Winograd", 1, "winograd">]>;

def Mobile_MemorySpaceAttr : Mobile_Enum<"MemorySpace", "where a buffer of a program lies", [
    I32EnumAttrCase<"Arena", 0, "arena">, I32EnumAttrCase<"Weights", 1, "weights">]>;

def Mobile_RequantizeForm : Mobile_Enum<"RequantizeForm", "arithmetic of mobile.requantize", [
    I32EnumAttrCase<"Float", 0, "float">, I32EnumAttrCase<"Fixed", 1, "fixed">]>;

//===----------------------------------------------------------------------===//
// Layouts and schedules
//===----------------------------------------------------------------------===//

class Mobile_Attr<string name, string mnem> : AttrDef<Mobile_Dialect, name> {
  let mnemonic = mnem;
}

def Mobile_LayoutAttr : Mobile_Attr<"Layout", "layout"> {
  let summary = "how an operand or the result of a kernel lies in memory";
  let description = [{
    `plain` is row-major. `panels [P]` is for a matrix of weights `[.., K, N]`
    (all but the last dimension are K): ceil(N/P) panels, each K rows of P
    neighbouring columns, the last one padded with zeros; so the inner loop of a
    matrix product reads P columns at each step of K from consecutive memory.

    Example: `#mobile.layout<panels [48]>` of a `tensor<1x1x96x192xf32>` is
    4 x 96 x 48 floats.

    `winograd [P]` is for a filter `[3, 3, C, N]` of floats that moves by 2 rows
    and columns: `panels [P]` of the `[4, 4, C, N]` whose last row and column are
    the sum of the first and the third. With these weights, sums of two by two
    results take 25 products for each C, not 36 (Winograd.cpp of targets/halide).

    `unsigned` is for a map of bytes between kernels: row-major, each the number
    + 128, as VNNI multiplies them.
  }];
  let parameters = (ins EnumParameter<Mobile_LayoutKind>:$kind,
                        OptionalArrayRefParameter<"int64_t">:$sizes);
  let assemblyFormat = "`<` $kind (`[` $sizes^ `]`)? `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The shape of the operand as it lies in memory; it holds at least as many
    /// elements as the logical `shape`.
    ::llvm::SmallVector<int64_t> getPhysicalShape(::llvm::ArrayRef<int64_t> shape) const;
    /// Writes the row-major `source` of logical `shape` to `destination` in this
    /// layout. `destination` has the physical shape's bytes, all zero.
    void pack(::llvm::ArrayRef<char> source, ::llvm::ArrayRef<int64_t> shape,
              size_t elementBytes, ::llvm::MutableArrayRef<char> destination) const;
  }];
}

def Mobile_ProductFormParameter : EnumParameter<Mobile_ProductForm> {
  let defaultValue = "ProductForm::Direct";
}

def Mobile_StageAttr : Mobile_Attr<"Stage", "stage"> {
  let summary = "register tile and loop order of one stage of a kernel";
  let description = [{
    A stage computes `pixels` positions times `vectors` hardware vectors of
    channels at a time, with all accumulators in registers. With `terms_outer` a
    product adds a part of each sum for all channels and positions, then the
    next: what it reads of the input and the weights at once is less.

    A convolution in form `winograd` has the filter in that layout. Its tiles are
    of two rows, `pixels` positions each, and the strip is of whole pairs of rows.

    Example: `#mobile.stage<4 by 3, channels_outer>`,
    `#mobile.stage<16 by 2, channels_outer, winograd>`.
  }];
  let parameters = (ins "int64_t":$pixels, "int64_t":$vectors,
                        EnumParameter<Mobile_LoopOrder>:$order,
                        Mobile_ProductFormParameter:$form);
  let assemblyFormat = "`<` $pixels `by` $vectors `,` $order (`,` $form^)? `>`";
}

def Mobile_ScheduleAttr : Mobile_Attr<"Schedule", "schedule"> {
  let summary = "how a kernel is computed: tasks, strips, a tile for each stage";
  let description = [{
    The output is divided along `split` into `tasks` equal parts, each one task.
    Inside a task every stage but the last is computed for `strip` rows of the
    output at a time. `stages` has one entry for each primitive that computes
    (in the order of the kernel's region), whatever form the target gives it.
    A product also fetches `behind` bytes of what lies behind its weights, which
    the kernels after it read.

    Example: `#mobile.schedule<rows 4, strip 2, [#mobile.stage<4 by 3, pixels_outer>]>`,
    `#mobile.schedule<channels 4, strip 1, [<7 by 3, channels_outer>], behind 65536>`.
  }];
  let parameters = (ins EnumParameter<Mobile_SplitAxis>:$split, "int64_t":$tasks,
                        "int64_t":$strip, OptionalArrayRefParameter<"StageAttr">:$stages,
                        DefaultValuedParameter<"int64_t", "0">:$behind);
  let assemblyFormat = [{
    `<` $split $tasks `,` `strip` $strip (`,` `[` $stages^ `]`)? (`,` `behind` $behind^)? `>`
  }];
  let builders = [AttrBuilder<(ins "SplitAxis":$split, "int64_t":$tasks, "int64_t":$strip,
                                   "::llvm::ArrayRef<StageAttr>":$stages), [{
    return $_get($_ctxt, split, tasks, strip, stages, 0);
  }]>];
}

#endif // MOBILE_DIALECT
