//===- Kernel.cpp - a kernel's region as a Halide pipeline ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a scheduled pipeline, and counts the memory it will ask for.
//===----------------------------------------------------------------------===//
#include "targets/halide/Kernel.h"
#include "dialects/mobile/Layout.h"
#include "mlir/IR/TypeUtilities.h"
#include "targets/halide/Integer.h"
#include "targets/halide/Prefetch.h"
#include "targets/halide/Schedules.h"
#include "targets/halide/Window.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace minnow;
using namespace minnow::halide;

namespace {

/// The bytes that a lowered function asks of `halide_malloc`. Blocks that are
/// not held at once are added up as well: a stack gives memory back in order.
class HeapCounter : public Halide::Internal::IRVisitor {
public:
  uint64_t bytes = 0;

private:
  using IRVisitor::visit;

  void visit(const Halide::Internal::Allocate *op) override {
    uint64_t elements = op->constant_allocation_size() + op->padding;
    if (!op->constant_allocation_size())
      throw Unsupported("scratch memory of a size that is not constant, " +
                        op->name);
    uint64_t size = elements * op->type.bytes();
    // Halide keeps what fits on the stack there unless it is told otherwise.
    constexpr uint64_t kStackBytes = 16 * 1024;
    if (op->memory_type == Halide::MemoryType::Heap ||
        (op->memory_type == Halide::MemoryType::Auto && size > kStackBytes))
      bytes += size + kBlockBytes;
    IRVisitor::visit(op);
  }
};

} // namespace

static Pipeline buildOrThrow(mobile::KernelOp kernel, const Form &form) {
  if (!kernel.getScheduleAttr())
    throw Unsupported("the kernel has no schedule");
  return buildPipeline(kernel, form);
}

/// Prefetches the weights that products read a panel at a time. Returns whether
/// there are any.
static bool prefetchPanels(mobile::KernelOp kernel, const Form &form,
                           Pipeline &pipeline) {
  bool hasPanels = false;
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    mobile::LayoutAttr layout = kernel.getLayout(i);
    auto shape = getShape(kernel.getBody().getArgument(i));
    if (!layout || layout.getKind() == mobile::LayoutKind::Plain ||
        layout.getKind() == mobile::LayoutKind::Unsigned ||
        mobile::Taps::find(layout) || shape.size() < 2)
      continue;
    const Halide::Argument &argument = pipeline.arguments[i + 1];
    auto physical = layout.getPhysicalShape(shape);
    if (mobile::Dots::find(layout)) // The last one is in the type.
      physical.pop_back();
    int64_t elements = product(physical) / physical[0];
    int64_t terms = physical[1], row = elements / terms;
    if (pipeline.stages[0].partial.defined()) // which is the only stage
      terms = getTermsAtOnce(kernel, pipeline.stages[0].op, form);
    PanelWeights weights{argument.name,    argument.type, int(elements),
                         int(terms * row), int(row),      int(physical[0])};
    // A block of positions that is copied to bytes reads all panels anew.
    weights.isRepeated =
        argument.type.bytes() == 1 && pipeline.stages.size() == 1;
    weights.behindElements =
        kernel.getScheduleAttr().getBehind() / argument.type.bytes();
    addPrefetch(pipeline.output, weights, form.fetch);
    hasPanels = true;
  }
  return hasPanels;
}

/// Whether our LLVM puts look-ups for the GELUs of a kernel of floats.
static bool looksUpGelu(mobile::KernelOp kernel, const Form &form) {
  auto isGelu = [](mlir::Operation &op) {
    auto attribute = op.getAttrOfType<mobile::ActivationAttr>("activation");
    return attribute && attribute.getValue() == mobile::Activation::Gelu;
  };
  mlir::Block &block = kernel.getBody().front();
  mlir::Value result = block.getTerminator()->getOperand(0);
  return form.packsInLlvm() && mlir::getElementTypeOrSelf(result).isF32() &&
         llvm::any_of(block.without_terminator(), isGelu);
}

/// The argument that `value` is, or the planes it is a map of; null if it is
/// computed.
static const Halide::Argument *findArgument(const Pipeline &pipeline,
                                            mlir::Value value) {
  if (auto requantize = value.getDefiningOp<mobile::RequantizeOp>())
    value = requantize.getInput();
  if (auto transpose = value.getDefiningOp<mobile::TransposeOp>())
    value = transpose.getInput();
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(value);
  return argument ? &pipeline.arguments[argument.getArgNumber() + 1] : nullptr;
}

/// Prefetches the rows that a convolution with a window reads, while the first
/// product of the kernel is added up. Returns whether there are any.
static bool prefetchRows(mobile::KernelOp kernel, const Form &form,
                         Pipeline &pipeline) {
  const Stage &stage = pipeline.stages[0];
  auto operations = kernel.getBody().front().without_terminator();
  auto products =
      llvm::make_filter_range(operations, llvm::IsaPred<mobile::Conv2DOp>);
  // Maps of bytes are near; not so floats that are rounded to them.
  bool isNear = stage.isInteger &&
                llvm::isa<mlir::BlockArgument>(stage.op->getOperand(0));
  if (form.fetch != Fetch::Lines || isNear || products.empty() ||
      !llvm::isa_and_nonnull<mobile::Conv2DOp, mobile::DepthwiseConv2DOp>(
          stage.op))
    return false;
  const Halide::Argument *input =
      findArgument(pipeline, stage.op->getOperand(0));
  const Halide::Argument *weights =
      findArgument(pipeline, (*products.begin()).getOperand(1));
  Window window = getWindow(stage.op);
  if (!input || !weights || window.height == 1)
    return false;
  const Tensor &map = stage.input;
  int row = map.columns * (map.columnsFirst ? 1 : map.channels);
  mlir::Value result = kernel.getBody().front().getTerminator()->getOperand(0);
  int newRows = llvm::divideCeil(map.rows * pipeline.strip,
                                 getSizes(result, pipeline.view)->rows);
  MapPart rows{input->name, input->type, pipeline.output.name() + ".s0.y.ys",
               weights->name, newRows * row};
  // A copy with the border keeps the rows that both strips read.
  int shared = window.height - window.rowStride;
  if (!stage.padded.defined())
    rows.overlap = std::max(shared, 0) * row;
  if (map.columnsFirst) {
    rows.planes = map.channels;
    rows.planeElements = row * map.rows;
  }
  addPrefetch(pipeline.output, rows);
  return true;
}

/// Prefetches what the next tile of a convolution with a window writes, where a
/// tile has all channels and so is one piece of memory. Returns whether there
/// are any.
static bool prefetchTiles(mobile::KernelOp kernel, const Form &form,
                          Pipeline &pipeline) {
  const Stage &stage = pipeline.stages.back();
  auto conv = llvm::dyn_cast_or_null<mobile::Conv2DOp>(stage.op);
  mobile::StageAttr tile = getStageAttr(kernel, stage.op);
  if (form.fetch != Fetch::Lines || !conv || conv.isPointwise() || !tile ||
      stage.isInteger || stage.root.name() != pipeline.output.name() ||
      tile.getVectors() * form.vectorFloats < stage.result.channels)
    return false;
  const Halide::Argument *filter = findArgument(pipeline, conv.getFilter());
  if (!filter)
    return false;
  const Halide::Func &output = pipeline.output;
  addPrefetch(pipeline.output,
              MapPart{output.name(), output.type(), output.name() + ".s0.x.xo",
                      filter->name,
                      int(tile.getPixels()) * stage.result.channels});
  return true;
}

static bool storesBytes(const Stage &stage) {
  return stage.root.defined() && isOfBytes(stage.root);
}

static Code compileOrThrow(mobile::KernelOp kernel, Form form,
                           llvm::StringRef symbol) {
  form.looksUpGelu = looksUpGelu(kernel, form);
  Pipeline pipeline = buildOrThrow(kernel, form);
  Code code;
  applySchedule(pipeline, kernel, form);
  bool isByte = llvm::any_of(pipeline.stages, storesBytes);
  // Our LLVM stores four bytes where a masked vector ends with one of them.
  bool isRagged = llvm::any_of(pipeline.stages, [&](const Stage &stage) {
    bool isCut = pipeline.isCut && stage.root.name() == pipeline.output.name();
    return storesBytes(stage) &&
           (isCut || stage.result.channels % form.vectorFloats != 0);
  });
  bool hasPrefetches = false;
  if (form.fetch != Fetch::None && (form.emitsBitcode || !isRagged)) {
    hasPrefetches = prefetchPanels(kernel, form, pipeline);
    hasPrefetches |= prefetchRows(kernel, form, pipeline);
    hasPrefetches |= prefetchTiles(kernel, form, pipeline);
  }
  bool packsBytes = form.packsInLlvm() && isByte && !isRagged;
  code.isBitcode =
      form.emitsBitcode || form.looksUpGelu || hasPrefetches || packsBytes;
  code.taskBytes = pipeline.taskStride * pipeline.output.type().bytes();
  Halide::Target target(form.target);
  for (auto feature :
       {Halide::Target::NoRuntime, Halide::Target::NoAsserts,
        Halide::Target::NoBoundsQuery, Halide::Target::UserContext})
    target.set_feature(feature);
  Halide::Module module = pipeline.output.compile_to_module(
      pipeline.arguments, symbol.str(), target);
  for (const auto &function : module.functions()) {
    HeapCounter counter;
    function.body.accept(&counter);
    code.scratchBytes = std::max(code.scratchBytes, counter.bytes);
  }

  llvm::SmallString<128> path;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("minnow-kernel", "o", path))
    throw Unsupported("cannot write a temporary file: " + error.message());
  llvm::FileRemover remover(path);
  module.compile({{code.isBitcode ? Halide::OutputFileType::bitcode
                                  : Halide::OutputFileType::object,
                   path.str().str()}});
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    throw Unsupported("cannot read " + path.str().str());
  code.object = (*buffer)->getBuffer().str();
  return code;
}

/// Calls `run`; what it throws is an error.
template <typename Result, typename Run>
static llvm::Expected<Result> catchErrors(Run run) {
  std::string message;
  try {
    return run();
  } catch (const Halide::Error &error) {
    message = error.what();
  } catch (const std::exception &error) {
    message = error.what();
  }
  return llvm::createStringError(llvm::StringRef(message).rtrim());
}

llvm::Expected<Code> halide::compile(mobile::KernelOp kernel, const Form &form,
                                     llvm::StringRef symbol) {
  return catchErrors<Code>(
      [&] { return compileOrThrow(kernel, form, symbol); });
}

llvm::Error halide::checkKernel(mobile::KernelOp kernel, const Form &form) {
  return catchErrors<Pipeline>([&] { return buildOrThrow(kernel, form); })
      .takeError();
}
