//===- MobileOps.td - primitives, blocks, kernels and programs ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MOBILE_OPS
#define MOBILE_OPS

include "MobileDialect.td"
include "MobileInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

// `!quant.uniform` of one scale, or of one a channel, until lower-quant; then
// the storage types i8 and i32.
def Mobile_Quantized : Type<CPred<[{
    ::llvm::isa<::mlir::quant::UniformQuantizedType,
                ::mlir::quant::UniformQuantizedPerAxisType>($_self)}]>,
    "uniformly quantized number">;
defvar Mobile_Elements = [AnyFloat, AnyInteger, Mobile_Quantized];

class Mobile_Tensor<list<int> ranks, string what>
    : RankedTensorOf<Mobile_Elements,
                     [HasAnyRankOfPred<ranks>, HasStaticShapePred], what>;

def Mobile_Map : Mobile_Tensor<[4], "static NHWC tensor">;
def Mobile_Filter : Mobile_Tensor<[4], "static filter [height, width, in, out]">;
def Mobile_DepthwiseFilter : Mobile_Tensor<[3], "static filter [height, width, channels]">;
def Mobile_Matrix : Mobile_Tensor<[2], "static matrix">;
def Mobile_Vector : Mobile_Tensor<[1], "static vector, one value a channel">;
def Mobile_AnyTensor : RankedTensorOf<Mobile_Elements, [HasStaticShapePred],
                                      "static tensor">;

//===----------------------------------------------------------------------===//
// Primitives
//===----------------------------------------------------------------------===//

class Mobile_Op<string mnemonic, list<Trait> traits = []>
    : Op<Mobile_Dialect, mnemonic, traits>;

// The shape of the result follows from the operands and attributes, and is
// checked; so is its element type, unless it is quantized: that says how the
// result is rounded.
class Mobile_Primitive<string mnemonic, list<Trait> traits = []>
    : Mobile_Op<mnemonic, !listconcat(
        [Pure, InferTypeOpAdaptor], traits)> {
  code inferredDeclaration = [{
    static bool isCompatibleReturnTypes(::mlir::TypeRange inferred,
                                        ::mlir::TypeRange actual) {
      return ::minnow::mobile::isCompatibleResult(inferred[0], actual[0]);
    }
  }];
  let extraClassDeclaration = inferredDeclaration;
}

def Mobile_Activation
    : DefaultValuedAttr<Mobile_ActivationAttr, "::minnow::mobile::Activation::None">;
def Mobile_Strides
    : DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">;
def Mobile_Pad
    : DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0, 0, 0}">;
// The quantized type in which a sum is rounded before its activation is looked
// up in a table; relu and relu6 need none, they are bounds of the result.
def Mobile_Preactivation : OptionalAttr<TypeAttr>;

class Mobile_Convolution<string mnemonic, Type filter>
    : Mobile_Primitive<mnemonic, [AttrSizedOperandSegments,
        DeclareOpInterfaceMethods<PrimitiveOpInterface, ["getMacs"]>]> {
  let arguments = (ins Mobile_Map:$input, filter:$filter,
                       Optional<Mobile_Vector>:$bias,
                       Optional<Mobile_Vector>:$zero, Mobile_Strides:$strides,
                       Mobile_Pad:$pad, Mobile_Activation:$activation,
                       Mobile_Preactivation:$preactivation);
  let results = (outs Mobile_Map:$result);
  let assemblyFormat = [{
    $input `,` $filter (`bias` $bias^)? (`zero` $zero^)? (`stride` $strides^)?
    (`pad` $pad^)? (`act` $activation^)? (`via` $preactivation^)? attr-dict `:`
    type(operands) `->` type($result)
  }];
}

def Mobile_Conv2DOp : Mobile_Convolution<"conv2d", Mobile_Filter> {
  let summary = "2-D convolution with bias and activation";
  let description = [{
    ```
    result[n, y, x, o] = act(bias[o] +
        sum_{i, j, c} input[n, y*sh + i - top, x*sw + j - left, c] * filter[i, j, c, o])
    ```
    `stride` is [sh, sw], `pad` is [top, bottom, left, right] zeros around the
    input. A 1x1 filter makes it a pointwise convolution.

    Example:

    ```mlir
    %y = mobile.conv2d %x, %w bias %b stride [2, 2] pad [1, 1, 1, 1] act relu
        : tensor<1x56x56x32xf32>, tensor<3x3x32x96xf32>, tensor<96xf32>
        -> tensor<1x28x28x96xf32>
    ```

    Quantized (see `mobile.requantize` for the arithmetic): input and result are
    i8 with one scale, the filter i8 with zero point 0 and one scale or one an
    output channel, the bias i32 of scale input * filter. The padding is the
    input's zero point. A result of `!quant.uniform<i32...>` with those scales is
    the sum itself, which its user takes unrounded. `act gelu via TYPE` rounds the
    sum to TYPE, then looks the activation up.

    On storage types it is the bare sum: i8 and i8 give i32, without activation;
    `zero` [1] is what the padding holds, and it is given if there is padding.

    ```mlir
    %y = mobile.conv2d %x, %w bias %b zero %z pad [1, 1, 1, 1]
        : tensor<1x56x56x32xi8>, tensor<3x3x32x96xi8>, tensor<96xi32>, tensor<1xi8>
        -> tensor<1x56x56x96xi32>
    ```
  }];
  let extraClassDeclaration = inferredDeclaration # [{
    /// Whether it is a 1x1 convolution without stride and padding.
    bool isPointwise();
  }];
}

def Mobile_DepthwiseConv2DOp
    : Mobile_Convolution<"depthwise_conv2d", Mobile_DepthwiseFilter> {
  let summary = "2-D convolution of each channel by itself, with bias and activation";
  let description = [{
    ```
    result[n, y, x, c] = act(bias[c] +
        sum_{i, j} input[n, y*sh + i - top, x*sw + j - left, c] * filter[i, j, c])
    ```
    Attributes and integer forms as in `mobile.conv2d`. The channel multiplier
    is 1.

    Example:

    ```mlir
    %y = mobile.depthwise_conv2d %x, %w bias %b pad [2, 2, 2, 2] act relu
        : tensor<1x7x7x512xf32>, tensor<5x5x512xf32>, tensor<512xf32>
        -> tensor<1x7x7x512xf32>
    ```
  }];
}

def Mobile_LinearOp : Mobile_Primitive<"linear", [
    DeclareOpInterfaceMethods<PrimitiveOpInterface, ["getMacs"]>]> {
  let summary = "matrix product with bias and activation";
  let description = [{
    `result[m, n] = act(bias[n] + sum_k input[m, k] * filter[k, n])`; integer forms
    as in `mobile.conv2d`.

    Example:

    ```mlir
    %y = mobile.linear %x, %w bias %b
        : tensor<1x1280xf32>, tensor<1280x1000xf32>, tensor<1000xf32>
        -> tensor<1x1000xf32>
    ```
  }];
  let arguments = (ins Mobile_Matrix:$input, Mobile_Matrix:$filter,
                       Optional<Mobile_Vector>:$bias, Mobile_Activation:$activation,
                       Mobile_Preactivation:$preactivation);
  let results = (outs Mobile_Matrix:$result);
  let assemblyFormat = [{
    $input `,` $filter (`bias` $bias^)? (`act` $activation^)?
    (`via` $preactivation^)? attr-dict `:` type(operands) `->` type($result)
  }];
}

class Mobile_Binary<string mnemonic, string symbol, string what>
    : Mobile_Primitive<mnemonic, [
        DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "elementwise " # what # " with activation";
  let description = "`result = act(lhs " # symbol # [{ rhs)`. A dimension of `rhs` that is 1 is repeated; an `rhs` of
    rank 1 has one value a channel (the last dimension of `lhs`). The result has
    the shape of `lhs`.

    Quantized `add`: operands of the same shape, i8 of one scale each or unrounded
    sums, give i8. An unrounded sum and a weight of its own type (the offsets of
    keys and values) give such a sum again, or i8. On storage types only that
    integer sum remains, i32 and i32 to i32; all else is `mobile.requantize`.

    Example:

    ```mlir
    %y = mobile.}] # mnemonic # [{ %a, %b : tensor<1x14x14x96xf32>, tensor<96xf32> -> tensor<1x14x14x96xf32>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$lhs, Mobile_AnyTensor:$rhs,
                       Mobile_Activation:$activation);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`act` $activation^)? attr-dict `:` type(operands) `->` type($result)
  }];
}
def Mobile_AddOp : Mobile_Binary<"add", "+", "sum">;
def Mobile_MulOp : Mobile_Binary<"mul", "*", "product">;

def Mobile_ActivateOp : Mobile_Op<"activate", [Pure,
    SameOperandsAndResultShape, DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "a pointwise nonlinearity that is not part of another primitive";
  let description = [{
    relu: max(x, 0). relu6: min(max(x, 0), 6). hard_sigmoid: min(max(x/6 + 1/2, 0), 1).
    hard_swish: x * hard_sigmoid(x). sigmoid: 1/(1 + exp(-x)). silu: x * sigmoid(x).
    gelu: x/2 * (1 + erf(x/sqrt(2))), the exact form. erf: 2/sqrt(pi) times the
    integral of exp(-t^2) from 0 to x. Fold moves it into the primitive before it
    where that is its only user.

    Quantized: from i8 to i8, each of a scale of its own; the types are then
    written `TYPE -> TYPE`. lower-quant makes it a `mobile.lookup`.

    Example:

    ```mlir
    %y = mobile.activate %x act hard_swish : tensor<1x14x14x96xf32>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$input, Mobile_ActivationAttr:$activation);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = [{
    $input `act` $activation attr-dict `:` custom<SameOrResult>(type($input), type($result))
  }];
}

def Mobile_BatchNormOp : Mobile_Op<"batch_norm", [Pure,
    AllTypesMatch<["input", "result"]>,
    AllTypesMatch<["scale", "offset", "mean", "variance"]>,
    DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "batch normalisation with its trained statistics";
  let description = [{
    `result = scale * (input - mean) / sqrt(variance + epsilon) + offset`, one
    value of each a channel. Fold removes it.

    Example:

    ```mlir
    %y = mobile.batch_norm %x, %scale, %offset, %mean, %variance epsilon 1.0e-5
        : tensor<1x14x14x96xf32>, tensor<96xf32>
    ```
  }];
  let arguments = (ins Mobile_Map:$input, Mobile_Vector:$scale, Mobile_Vector:$offset,
                       Mobile_Vector:$mean, Mobile_Vector:$variance, F64Attr:$epsilon);
  let results = (outs Mobile_Map:$result);
  let assemblyFormat = [{
    $input `,` $scale `,` $offset `,` $mean `,` $variance `epsilon` $epsilon attr-dict
    `:` type($input) `,` type($scale)
  }];
  let hasVerifier = 1;
}

def Mobile_Pool2DOp : Mobile_Primitive<"pool2d", [
    DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "average or maximum over a window";
  let description = [{
    `window` and `stride` are [height, width], `pad` as in `mobile.conv2d`. An
    average divides by the elements that lie inside the input, or by the whole
    window with `count_pad`. The global average pool has the window of its input.

    Quantized: i8 to i8; a maximum keeps its type; an average is one without
    padding or with `count_pad`. On storage types an average is the sum alone, i8
    to i32: sum of (x - zero) over the window, where `zero` [1] is also what the
    padding holds; `mobile.requantize` divides. A maximum ignores the padding.

    Example:

    ```mlir
    %y = mobile.pool2d average %x window [7, 7]
        : tensor<1x7x7x960xf32> -> tensor<1x1x1x960xf32>
    ```
  }];
  let arguments = (ins Mobile_PoolKindAttr:$kind, Mobile_Map:$input,
                       Optional<Mobile_Vector>:$zero,
                       DenseI64ArrayAttr:$window, Mobile_Strides:$strides,
                       Mobile_Pad:$pad, UnitAttr:$count_pad);
  let results = (outs Mobile_Map:$result);
  let assemblyFormat = [{
    $kind $input (`zero` $zero^)? `window` $window (`stride` $strides^)?
    (`pad` $pad^)? (`count_pad` $count_pad^)? attr-dict `:` type(operands) `->`
    type($result)
  }];
  let extraClassDeclaration = inferredDeclaration # [{
    /// Whether it averages its whole input to one position.
    bool isGlobalAverage();
  }];
}

def Mobile_SoftmaxOp : Mobile_Op<"softmax", [Pure,
    SameOperandsAndResultType, DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "softmax over the last dimension";
  let description = [{
    `result[.., i] = exp(x[.., i] - max_j x[.., j]) / sum_k exp(x[.., k] - max_j x[.., j])`

    Example:

    ```mlir
    %y = mobile.softmax %x : tensor<1x1000xf32>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$input);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Mobile_MatmulOp : Mobile_Primitive<"matmul", [
    DeclareOpInterfaceMethods<PrimitiveOpInterface, ["getMacs"]>]> {
  let summary = "product of matrices that are both computed";
  let description = [{
    `result[.., m, n] = sum_k lhs[.., m, k] * rhs[.., k, n]`

    Both have the same rank; the dimensions before the last two are equal, or 1
    in `rhs`, which is then repeated. A product with a weight is a `mobile.linear`
    or a pointwise `mobile.conv2d`; two products around a softmax are raised to
    `mobile.attention`.

    Example:

    ```mlir
    %y = mobile.matmul %a, %b
        : tensor<1x4x256x64xf32>, tensor<1x1x64x64xf32> -> tensor<1x4x256x64xf32>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$lhs, Mobile_AnyTensor:$rhs);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type(operands) `->` type($result)
  }];
}

def Mobile_AttentionOp : Mobile_Primitive<"attention", [
    DeclareOpInterfaceMethods<PrimitiveOpInterface, ["getMacs"]>]> {
  let summary = "scaled dot-product attention over the positions of maps";
  let description = [{
    MobileNetV4, section 5. Queries, keys and values are maps whose channels are
    head-major, [heads][width]; a position is one (y, x):

    ```
    weights[n, h, m] = softmax_m(scale * sum_d query[n, h*dk + d] * key[m, g(h)*dk + d])
    result[n, h*dv + e] = sum_m weights[n, h, m] * value[m, g(h)*dv + e]
    ```

    The channels of `key` say how many heads K and V have: one, which all query
    heads share (multi-query attention), or a divisor of `heads`, where g(h) is
    the group of head h (as many as `heads`: multi-head attention). Queries keep
    their resolution; keys and values have one of their own.

    Example: 4 heads of width 64 share keys and values of half the resolution.

    ```mlir
    %y = mobile.attention %q, %k, %v heads 4 scale 1.250000e-01
        : tensor<1x16x16x256xf32>, tensor<1x8x8x64xf32>, tensor<1x8x8x64xf32>
        -> tensor<1x16x16x256xf32>
    ```

    Quantized: all four are i8 of one scale; those of query, key and value have
    zero point 0. On storage types the parameters are operands, in one of the two
    forms of `mobile.requantize`; there are at most 1023 keys. In both the logits
    are exact and the weights of one query are

    ```
    l[m] = sum_d q[d] * k[m, d]                                   i32
    d[m] = max_m l[m] - l[m]                                      i32, >= 0
    ```

    *Float*, `by %scales, %parameters`: scales [2] f32, parameters [6] i32 as of
    requantize. Every step is rounded to f32, fma(a, b, c) = a*b + c once; rne
    rounds to the nearest, ties to even:

    ```
    t = max(-f32(d[m]) * scales[0], -31)             scales[0] = s_q * s_k * scale * log2(e)
    n = rne(t)     r = t - n                         2^t = 2^n * 2^r, |r| <= 1/2
    e = fma(fma(fma(fma(c4, r, c3), r, c2), r, c1), r, 1)   to 3e-6 of 2^r
        c4 = 0x3C1D0166  c3 = 0x3D64FE23  c2 = 0x3E7601BC  c1 = 0x3F317096
    p[m] = i32(rne(e * 2^(n + 14)))                  0 .. 16384, the product is exact
    S = sum_m p[m]     A[e] = sum_m p[m] * v[m, e]   i32
    y[e] = clamp(rne(f32(A[e]) * (scales[1] / f32(S))) + zero, low, high)
                                                     scales[1] = s_v / s_y
    ```

    *Fixed*, `by %multipliers, %parameters, %table`: multipliers [2] i32,
    parameters [6] i32, table [256] i8, whose bytes are read as u8. Products are
    of 64 bits, `/` of unsigned 32 bits rounds down:

    ```
    i[m] = min((d[m] * multipliers[0] + 2^30) >> 31, 255)
    p[m] = table[i[m]]                               round(255 * exp(-i/40)); table[0] = 255
    S = sum_m p[m]     A[e] = sum_m p[m] * v[m, e]   i32
    R = (2^32 - 1) / S                               one for each query and head
    M = (R * multipliers[1] + 2^30) >> 31
    h = ((A[e] << 6) * M + 2^30) >> 31
    y[e] = clamp(((h + half) >> shift) + zero, low, high)   half = shift ? 2^(shift-1) : 0
                multipliers[0] = s_q * s_k * scale * 40 * 2^31
                multipliers[1] = s_v / s_y * 2^(24 + shift), with the largest shift <= 7 for which it is < 2^31
    ```

    A is below 2^25, so A << 6 does not overflow.
  }];
  let arguments = (ins Mobile_Map:$query, Mobile_Map:$key, Mobile_Map:$value,
                       Variadic<Mobile_Vector>:$parameters,
                       I64Attr:$heads, F64Attr:$scale);
  let results = (outs Mobile_Map:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`by` $parameters^)? `heads` $heads `scale` $scale
    attr-dict `:` type(operands) `->` type($result)
  }];
  let extraClassDeclaration = inferredDeclaration # [{
    /// The channels of one query or key.
    int64_t getKeyWidth() { return getQuery().getType().getDimSize(3) / getHeads(); }
    /// The channels of one value.
    int64_t getValueWidth() { return getValue().getType().getDimSize(3) / getKeyHeads(); }
    /// How many heads of keys and values there are.
    int64_t getKeyHeads() { return getKey().getType().getDimSize(3) / getKeyWidth(); }
    /// How many positions the queries, and how many the keys, have.
    int64_t getNumQueries() {
      return getQuery().getType().getDimSize(1) * getQuery().getType().getDimSize(2);
    }
    int64_t getNumKeys() {
      return getKey().getType().getDimSize(1) * getKey().getType().getDimSize(2);
    }
  }];
}

def Mobile_PadOp : Mobile_Primitive<"pad", [
    DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "zeros around a map";
  let description = [{
    `pad` is [top, bottom, left, right]. Fold moves it into the convolution that
    uses it. Quantized it writes the zero point, on storage types `zero` [1].

    Example:

    ```mlir
    %y = mobile.pad %x pad [0, 1, 0, 1] : tensor<1x112x112x32xf32> -> tensor<1x113x113x32xf32>
    ```
  }];
  let arguments = (ins Mobile_Map:$input, Optional<Mobile_Vector>:$zero,
                       DenseI64ArrayAttr:$pad);
  let results = (outs Mobile_Map:$result);
  let assemblyFormat = [{
    $input (`zero` $zero^)? `pad` $pad attr-dict `:` type(operands) `->`
    type($result)
  }];
}

def Mobile_TransposeOp : Mobile_Primitive<"transpose", [
    DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "a permutation of dimensions";
  let description = [{
    Dimension i of the result is dimension `permutation[i]` of the input. Import
    writes one where NCHW comes in or goes out.

    Example:

    ```mlir
    %y = mobile.transpose %x [0, 2, 3, 1] : tensor<1x3x224x224xf32> -> tensor<1x224x224x3xf32>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Mobile_ReshapeOp : Mobile_Op<"reshape", [Pure,
    DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    Example:

    ```mlir
    %y = mobile.reshape %x : tensor<1x1x1x1280xf32> -> tensor<1x1280xf32>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$input);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

def Mobile_QuantizeOp : Mobile_Op<"quantize", [Pure, SameOperandsAndResultShape,
    DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "from f32 to a quantized type";
  let description = [{
    `result = clamp(rne(input * (1 / scale)) + zero, low, high)`, one scale; low and
    high are those of the type. lower-quant makes it a `mobile.requantize`.

    Example:

    ```mlir
    %q = mobile.quantize %x : tensor<1x224x224x3xf32>
        -> tensor<1x224x224x3x!quant.uniform<i8:f32, 1.850000e-02:-12>>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$input);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
}

def Mobile_DequantizeOp : Mobile_Op<"dequantize", [Pure,
    AttrSizedOperandSegments, DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "from a quantized type to f32";
  let description = [{
    `result = f32(input - zero) * scale`, where the input may be an unrounded sum of
    one scale a channel, or a weight of any quantized type (fuse-quantize takes
    those). On storage types the parameters are operands: `scale` f32, [1] or
    [channels], and for i8 `zero` i32 [1].

    Example:

    ```mlir
    %y = mobile.dequantize %q : tensor<1x1000x!quant.uniform<i8:f32, 1.2e-01:-30>>
        -> tensor<1x1000xf32>
    %z = mobile.dequantize %i scale %s zero %o
        : tensor<1x1000xi8>, tensor<1xf32>, tensor<1xi32> -> tensor<1x1000xf32>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$input, Optional<Mobile_Vector>:$scale,
                       Optional<Mobile_Vector>:$zero);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = [{
    $input (`scale` $scale^)? (`zero` $zero^)? attr-dict `:` type(operands) `->`
    type($result)
  }];
}

def Mobile_RequantizeOp : Mobile_Op<"requantize", [Pure,
    AttrSizedOperandSegments, DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "from sums to i8: scale, round, clamp";
  let description = [{
    The one op that rounds, on storage types. One or two terms, `input` and
    `addend` of the same shape, are scaled by a factor each, [1] or one a channel
    [C], added and rounded once. `parameters` [6] i32 are

    ```
    {zero, low, high, input zero, addend zero, shift}
    ```

    The zero point of a term is subtracted where it is i8 and not where it is a
    sum (i32; the products hold it in their bias) or f32; it is exact. So a
    product, a product + residual, the sum of two maps, a change of scale, an
    average and the quantization of f32 are all this op. What the factors are of
    says which form it is:

    *Float*, factors f32, for CPU and GPU. Every step is rounded to f32 (to
    nearest, ties to even); rne is rounding to an integer in that way:

    ```
    v = f32(input - input zero) * scale[c]
    result = clamp(rne(v) + zero, low, high)                  of the real rne(v): it cannot overflow
    ```

    and with an addend,

    ```
    u(number) = f32(number - shift)                           a byte or its zero point; f32(number) of a sum, whose zero is 0
    offset = u(zero) - fma(scale[c], u(input zero), addend_scale[c] * u(addend zero))
    v = fma(u(input), scale[c], fma(u(addend), addend_scale[c], offset))
    result = clamp(rne(v) + shift, low, high)
    ```

    with scale[c] = s_input[c] / s_result, and shift -128 for what is u8 in the
    model and 0 for i8. Of integers, |v| is below 2^31 unless the op is
    `unbounded`, so that an instruction can round. The sum is what ONNX Runtime's
    QLinearAdd computes, whose fma rounds differently by where the bytes begin.

    What else lower-quant knows of the numbers makes rounding shorter and changes
    no result: `full` says that low is -128 and high 127, `rectified` that zero is
    -128 too and that `input` is a sum of a product between -2^30 and 2^23.

    *Fixed*, factors i32 in [0, 2^31), for integer-only machines. Products are of
    64 bits, >> is arithmetic, so halves are rounded up:

    ```
    left = max(-shift, 0), right = max(shift, 0)
    h(term) = ((term << left) * factor[c] + 2^30) >> 31       i32: a rounding high product
    h(term) = ((term - zero << left) * factor[c] + 2^14) >> 15   i8: the same of (term - zero) << 16
    h = h(input) + h(addend)
    result = clamp(((h + half) >> right) + zero, low, high)   half = right ? 2^(right-1) : 0
    ```

    with factor[c] = round(scale[c] * 2^(31 + shift)) for i32 and 2^(15 + shift)
    for i8; shift, -2 to 15, is the largest for which all factors are below 2^31.
    It is below 0 where a step of a sum is more than one of the result, as in
    channels that are nearly always clamped. lower-quant refuses sums that could
    reach 2^29, so nothing overflows.

    Example: a projection with its residual.

    ```mlir
    %y = mobile.requantize %acc scale %m add %x scale %r by %p
        : tensor<1x14x14x96xi32>, tensor<96xf32>, tensor<1x14x14x96xi8>, tensor<1xf32>,
          tensor<6xi32> -> tensor<1x14x14x96xi8>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$input, Mobile_Vector:$scale,
                       Optional<Mobile_AnyTensor>:$addend,
                       Optional<Mobile_Vector>:$addend_scale,
                       Mobile_Vector:$parameters, UnitAttr:$unbounded,
                       UnitAttr:$full, UnitAttr:$rectified);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = [{
    $input `scale` $scale (`add` $addend^ `scale` $addend_scale)? `by` $parameters
    attr-dict `:` type(operands) `->` type($result)
  }];
  let extraClassDeclaration = [{
    /// What each element of `parameters` is.
    enum Parameter { Zero, Low, High, InputZero, AddendZero, Shift, NumParameters };
    /// Which of the two forms it is.
    RequantizeForm getForm() {
      return getScale().getType().getElementType().isF32() ? RequantizeForm::Float
                                                           : RequantizeForm::Fixed;
    }
  }];
}

def Mobile_LookupOp : Mobile_Op<"lookup", [Pure, AllTypesMatch<["input", "result"]>,
    DeclareOpInterfaceMethods<PrimitiveOpInterface>]> {
  let summary = "a table of one byte a byte";
  let description = [{
    `result = table[input + 128]` on storage types: an activation that is no bound.

    Example:

    ```mlir
    %y = mobile.lookup %x in %t : tensor<1x14x14x96xi8>, tensor<256xi8> -> tensor<1x14x14x96xi8>
    ```
  }];
  let arguments = (ins Mobile_AnyTensor:$input, Mobile_Vector:$table);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = "$input `in` $table attr-dict `:` type(operands) `->` type($result)";
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

def Mobile_WeightOp : Mobile_Op<"weight", [Symbol]> {
  let summary = "a tensor of trained numbers";
  let description = [{
    A symbol of the module that holds its numbers in a resource blob, row-major.
    Passes that change weights write new blobs; numbers are never in a dense
    attribute of the graph.

    Example:

    ```mlir
    mobile.weight @conv_stem.weight dense_resource<conv_stem.weight> : tensor<3x3x3x32xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$value);
  let assemblyFormat = "$sym_name attr-dict $value";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name,
                                 "::mlir::DenseResourceElementsAttr":$value)>];
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getValue().getType());
    }
    /// The row-major bytes. Empty where a printed module elided them.
    ::llvm::ArrayRef<char> getBytes();
  }];
}

def Mobile_GetWeightOp : Mobile_Op<"get_weight", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a `mobile.weight`";
  let description = [{
    Of the weight's type, or a quantized type that is stored as it: the numbers of
    `mobile.weight` are stored ones, what they mean is said where they are used.

    Example:

    ```mlir
    %w = mobile.get_weight @conv_stem.weight : tensor<3x3x3x32xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs Mobile_AnyTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

class Mobile_Block<string mnemonic, list<Trait> traits = []>
    : Mobile_Op<mnemonic, !listconcat(traits, [
        Pure, IsolatedFromAbove, SingleBlock])> {
  let arguments = (ins Mobile_Map:$input);
  let results = (outs Mobile_Map:$result);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
}

def Mobile_UibOp : Mobile_Block<"uib"> {
  let summary = "Universal Inverted Bottleneck";
  let description = [{
    MobileNetV4, section 4. The region holds its decomposition, in this order:

    ```
    t = start_depthwise(x)             optional, no activation
    t = act(expansion(t))              pointwise, C -> E; absent in MobileNetV2's first block
    t = act(middle_depthwise(t))       optional; takes the stride if it is there
    t = projection(t)                  pointwise, E -> C', no activation
    t = layer_scale * t                optional, one factor a channel
    y = t + x                          where stride is 1 and C = C'
    ```

    | start | middle | instantiation |
    |---|---|---|
    | no | yes | inverted bottleneck (MobileNetV2's block) |
    | yes | no | ConvNext-like |
    | yes | yes | ExtraDW |
    | no | no | FFN |

    Example:

    ```mlir
    %y = mobile.uib(%in = %x : tensor<1x14x14x96xf32>) -> tensor<1x14x14x96xf32> {
      %we = mobile.get_weight @expand : tensor<1x1x96x384xf32>
      %wp = mobile.get_weight @project : tensor<1x1x384x96xf32>
      %e = mobile.conv2d %in, %we act relu
          : tensor<1x14x14x96xf32>, tensor<1x1x96x384xf32> -> tensor<1x14x14x384xf32>
      %p = mobile.conv2d %e, %wp
          : tensor<1x14x14x384xf32>, tensor<1x1x384x96xf32> -> tensor<1x14x14x96xf32>
      %r = mobile.add %p, %in
          : tensor<1x14x14x96xf32>, tensor<1x14x14x96xf32> -> tensor<1x14x14x96xf32>
      mobile.yield %r : tensor<1x14x14x96xf32>
    }
    ```
  }];
  let extraClassDeclaration = [{
    // The parts of the block; null where the instantiation has none.
    DepthwiseConv2DOp getStartDepthwise();
    Conv2DOp getExpansion();
    DepthwiseConv2DOp getMiddleDepthwise();
    Conv2DOp getProjection();
    MulOp getLayerScale();
    AddOp getResidual();
    /// The paper's name of the instantiation: "IB", "ConvNext-like", "ExtraDW", "FFN".
    ::llvm::StringRef getInstantiation();
  }];
}

def Mobile_FusedIbOp : Mobile_Block<"fused_ib"> {
  let summary = "fused inverted bottleneck";
  let description = [{
    MobileNetV4, section 4: a full convolution in place of the expansion and the
    depthwise.

    ```
    t = act(expansion(x))              k x k, C -> E, takes the stride
    t = projection(t)                  pointwise, E -> C'; Conv-S has an activation here
    y = t + x                          where stride is 1 and C = C'
    ```

    Example:

    ```mlir
    %y = mobile.fused_ib(%in = %x : tensor<1x56x56x32xf32>) -> tensor<1x28x28x64xf32> {
      %we = mobile.get_weight @expand : tensor<3x3x32x96xf32>
      %wp = mobile.get_weight @project : tensor<1x1x96x64xf32>
      %e = mobile.conv2d %in, %we stride [2, 2] pad [1, 1, 1, 1] act relu
          : tensor<1x56x56x32xf32>, tensor<3x3x32x96xf32> -> tensor<1x28x28x96xf32>
      %p = mobile.conv2d %e, %wp
          : tensor<1x28x28x96xf32>, tensor<1x1x96x64xf32> -> tensor<1x28x28x64xf32>
      mobile.yield %p : tensor<1x28x28x64xf32>
    }
    ```
  }];
  let extraClassDeclaration = [{
    Conv2DOp getExpansion();
    Conv2DOp getProjection();
    /// Null where the block has none.
    AddOp getResidual();
  }];
}

def Mobile_MqaOp : Mobile_Block<"mqa"> {
  let summary = "Mobile MQA: attention whose heads share keys and values";
  let description = [{
    MobileNetV4, section 5. The region holds its decomposition:

    ```
    q = query_projection(x)            pointwise, C -> heads * dk, no activation
    k = key_projection(kd(x)) + ko     pointwise, C -> dk; kd an optional depthwise
    v = value_projection(vd(x)) + vo   pointwise, C -> dv; vd an optional depthwise
    o = attention(q, k, v)             one head of keys and values
    t = output_projection(o)           pointwise, heads * dv -> C', no activation
    t = layer_scale * t                optional, one factor a channel
    y = t + x                          optional
    ```

    ko and vo are optional weights of the shape of k and v. The block's norm is
    folded into the projections; where a depthwise convolution pads with zeros
    after it, they are what its shift adds up to, less at the border.

    Example:

    ```mlir
    %y = mobile.mqa(%in = %x : tensor<1x8x8x32xf32>) -> tensor<1x8x8x32xf32> {
      %wq = mobile.get_weight @query : tensor<1x1x32x64xf32>
      %wk = mobile.get_weight @key : tensor<1x1x32x16xf32>
      %wv = mobile.get_weight @value : tensor<1x1x32x16xf32>
      %wo = mobile.get_weight @output : tensor<1x1x64x32xf32>
      %q = mobile.conv2d %in, %wq
          : tensor<1x8x8x32xf32>, tensor<1x1x32x64xf32> -> tensor<1x8x8x64xf32>
      %k = mobile.conv2d %in, %wk
          : tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32> -> tensor<1x8x8x16xf32>
      %v = mobile.conv2d %in, %wv
          : tensor<1x8x8x32xf32>, tensor<1x1x32x16xf32> -> tensor<1x8x8x16xf32>
      %o = mobile.attention %q, %k, %v heads 4 scale 2.500000e-01
          : tensor<1x8x8x64xf32>, tensor<1x8x8x16xf32>, tensor<1x8x8x16xf32>
          -> tensor<1x8x8x64xf32>
      %p = mobile.conv2d %o, %wo
          : tensor<1x8x8x64xf32>, tensor<1x1x64x32xf32> -> tensor<1x8x8x32xf32>
      %r = mobile.add %p, %in
          : tensor<1x8x8x32xf32>, tensor<1x8x8x32xf32> -> tensor<1x8x8x32xf32>
      mobile.yield %r : tensor<1x8x8x32xf32>
    }
    ```
  }];
  let extraClassDeclaration = [{
    // The parts of the block; null where it has none.
    Conv2DOp getQueryProjection();
    DepthwiseConv2DOp getKeyDepthwise();
    Conv2DOp getKeyProjection();
    AddOp getKeyOffsets();
    DepthwiseConv2DOp getValueDepthwise();
    Conv2DOp getValueProjection();
    AddOp getValueOffsets();
    AttentionOp getAttention();
    Conv2DOp getOutputProjection();
    MulOp getLayerScale();
    AddOp getResidual();
  }];
}

//===----------------------------------------------------------------------===//
// Kernels and programs
//===----------------------------------------------------------------------===//

class Mobile_Function<string mnemonic, list<Trait> traits = []>
    : Mobile_Op<mnemonic, !listconcat(traits, [
        FunctionOpInterface, IsolatedFromAbove, SingleBlock, Symbol])> {
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  code functionDeclarations = [{
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
  }];
}

def Mobile_KernelOp : Mobile_Function<"kernel"> {
  let summary = "the unit of code";
  let description = [{
    Primitives over static shapes. A kernel holds no weights: they are arguments,
    so equal shapes share one kernel. `schedule` says how it is computed; the
    attribute `mobile.layout` of an argument or a result how that lies in memory
    (row-major where it is absent). After `schedule` neither changes.

    Example:

    ```mlir
    mobile.kernel @pointwise(%x: tensor<1x14x14x96xf32>,
                             %w: tensor<1x1x96x192xf32> {mobile.layout = #mobile.layout<panels [48]>})
        -> tensor<1x14x14x192xf32>
        attributes {schedule = #mobile.schedule<rows 2, strip 1, [#mobile.stage<4 by 3, pixels_outer>]>} {
      %y = mobile.conv2d %x, %w : tensor<1x14x14x96xf32>, tensor<1x1x96x192xf32> -> tensor<1x14x14x192xf32>
      mobile.yield %y : tensor<1x14x14x192xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<Mobile_ScheduleAttr>:$schedule,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let hasRegionVerifier = 1;
  let extraClassDeclaration = functionDeclarations # [{
    /// The layout of argument `index`; null means row-major.
    LayoutAttr getLayout(unsigned index) {
      return getArgAttrOfType<LayoutAttr>(index, "mobile.layout");
    }
    void setLayout(unsigned index, LayoutAttr layout) {
      setArgAttr(index, "mobile.layout", layout);
    }
    LayoutAttr getResultLayout(unsigned index) {
      return getResultAttrOfType<LayoutAttr>(index, "mobile.layout");
    }
    void setResultLayout(unsigned index, LayoutAttr layout) {
      setResultAttr(index, "mobile.layout", layout);
    }
    /// Whether `value` is an argument or the result of layout `unsigned`.
    bool isUnsigned(::mlir::Value value);
  }];
}

def Mobile_ProgramOp : Mobile_Function<"program"> {
  let summary = "the unit of time: calls of kernels over buffers";
  let description = [{
    Before `plan-memory` its values are tensors and it yields its outputs. After
    it they are memrefs: the arguments are the inputs, then the outputs (marked
    `mobile.output`), every other buffer is a `mobile.buffer`, and `arena_bytes`
    is the arena's size. The weights of `@net` are the bytes of the one
    `mobile.weight @net.weights`.

    Example:

    ```mlir
    mobile.program @net(%x: memref<1x14x14x96xf32>,
                        %y: memref<1x14x14x192xf32> {mobile.output})
        attributes {arena_bytes = 0 : i64, weights_bytes = 73728 : i64} {
      %w = mobile.buffer weights at 0 : memref<4x96x48xf32>
      mobile.call @pointwise(%x, %w, %y)
          : (memref<1x14x14x96xf32>, memref<4x96x48xf32>, memref<1x14x14x192xf32>) -> ()
      mobile.yield
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<I64Attr>:$arena_bytes,
                       OptionalAttr<I64Attr>:$weights_bytes,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let hasRegionVerifier = 1;
  let extraClassDeclaration = functionDeclarations # [{
    /// Whether `plan-memory` was here.
    bool isPlanned() { return getArenaBytes().has_value(); }
    /// How many of the arguments are inputs; the others are outputs.
    unsigned getNumInputs();
  }];
}

def Mobile_CallOp : Mobile_Op<"call", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one execution of a kernel";
  let description = [{
    On tensors the results are values. On memrefs the kernel's results are its
    last operands.

    Example:

    ```mlir
    %y = mobile.call @pointwise(%x, %w)
        : (tensor<1x14x14x96xf32>, tensor<1x1x96x192xf32>) -> tensor<1x14x14x192xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$operands);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = [{
    $kernel `(` $operands `)` attr-dict `:` functional-type($operands, $results)
  }];
}

def Mobile_BufferOp : Mobile_Op<"buffer", [Pure]> {
  let summary = "memory of a program at a fixed place";
  let description = [{
    `offset` counts bytes from the start of the memory space.

    Example:

    ```mlir
    %t = mobile.buffer arena at 4096 : memref<1x14x14x96xf32>
    ```
  }];
  let arguments = (ins Mobile_MemorySpaceAttr:$space, I64Attr:$offset);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$space `at` $offset attr-dict `:` type($result)";
}

def Mobile_YieldOp : Mobile_Op<"yield", [Pure, Terminator,
    ParentOneOf<["UibOp", "FusedIbOp", "MqaOp", "KernelOp", "ProgramOp"]>]> {
  let summary = "the results of a block, a kernel or a program";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let description = [{
    Example:

    ```mlir
    mobile.yield %y : tensor<1x14x14x96xf32>
    ```
  }];
}

#endif // MOBILE_OPS
