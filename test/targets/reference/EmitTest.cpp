//===- EmitTest.cpp - what emitted objects need and promise ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Undefined symbols and scratch bytes of objects, for machines with and without
// the instructions that spare a library call; and the errors.
//===----------------------------------------------------------------------===//
#include "targets/reference/Emit.h"
#include "Testing.h"
#include "llvm/Object/ObjectFile.h"
#include <set>

using namespace minnow;
using namespace minnow::test;

/// A kernel of every primitive and activation.
static const char *kEverything = R"(
mobile.kernel @k(%x: tensor<1x9x9x8xf32>, %w: tensor<3x3x8x8xf32>
                     {mobile.layout = #mobile.layout<panels [16]>},
                 %d: tensor<3x3x8xf32>, %b: tensor<8xf32>, %l: tensor<8x5xf32>)
    -> (tensor<1x5xf32>, tensor<1x8x9x9xf32>) {
  %0 = mobile.conv2d %x, %w bias %b pad [1, 1, 1, 1] act gelu
      : tensor<1x9x9x8xf32>, tensor<3x3x8x8xf32>, tensor<8xf32> -> tensor<1x9x9x8xf32>
  %1 = mobile.depthwise_conv2d %0, %d pad [1, 1, 1, 1] act silu
      : tensor<1x9x9x8xf32>, tensor<3x3x8xf32> -> tensor<1x9x9x8xf32>
  %2 = mobile.batch_norm %1, %b, %b, %b, %b epsilon 1.0e-5
      : tensor<1x9x9x8xf32>, tensor<8xf32>
  %3 = mobile.add %2, %0 act hard_swish
      : tensor<1x9x9x8xf32>, tensor<1x9x9x8xf32> -> tensor<1x9x9x8xf32>
  %4 = mobile.mul %3, %b act hard_sigmoid
      : tensor<1x9x9x8xf32>, tensor<8xf32> -> tensor<1x9x9x8xf32>
  %5 = mobile.activate %4 act sigmoid : tensor<1x9x9x8xf32>
  %6 = mobile.pad %5 pad [1, 0, 0, 1] : tensor<1x9x9x8xf32> -> tensor<1x10x10x8xf32>
  %7 = mobile.pool2d max %6 window [3, 3] pad [1, 1, 1, 1]
      : tensor<1x10x10x8xf32> -> tensor<1x10x10x8xf32>
  %8 = mobile.pool2d average %7 window [10, 10]
      : tensor<1x10x10x8xf32> -> tensor<1x1x1x8xf32>
  %9 = mobile.reshape %8 : tensor<1x1x1x8xf32> -> tensor<1x8xf32>
  %10 = mobile.linear %9, %l act relu6
      : tensor<1x8xf32>, tensor<8x5xf32> -> tensor<1x5xf32>
  %11 = mobile.softmax %10 : tensor<1x5xf32>
  %12 = mobile.transpose %5 [0, 3, 1, 2] : tensor<1x9x9x8xf32> -> tensor<1x8x9x9xf32>
  mobile.yield %11, %12 : tensor<1x5xf32>, tensor<1x8x9x9xf32>
})";

static llvm::Expected<KernelCode> emit(llvm::StringRef text,
                                       const TargetSpec &spec) {
  auto module = parse(text);
  return emitReference(spec, *module->getOps<mobile::KernelOp>().begin(),
                       "kernel_7");
}

/// The symbols of `object` that are undefined, or with `defined` the global
/// ones that are not.
static std::set<std::string> getSymbols(const KernelCode &code, bool defined) {
  using llvm::object::SymbolRef;
  auto object = llvm::cantFail(llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(code.object, "kernel")));
  std::set<std::string> names;
  for (const SymbolRef &symbol : object->symbols()) {
    uint32_t flags = llvm::cantFail(symbol.getFlags());
    bool isDefined = !(flags & SymbolRef::SF_Undefined);
    std::string name = llvm::cantFail(symbol.getName()).str();
    if (isDefined == defined && (flags & SymbolRef::SF_Global) && !name.empty())
      names.insert(name);
  }
  return names;
}

TEST(Emit, ObjectsNeedMemoryFunctionsOnly) {
  const std::set<std::string> allowed = {"memcpy", "memset", "memmove",
                                         "halide_malloc", "halide_free"};
  const TargetSpec specs[] = {{"cpu", "x86_64-linux-gnu", "", ""},
                              {"cpu", "x86_64-linux-gnu", "znver4", ""},
                              {"cpu", "aarch64-linux-gnu", "", ""},
                              {"cpu", "aarch64-linux-gnu", "cortex-a76", ""}};
  for (const TargetSpec &spec : specs) {
    KernelCode code = llvm::cantFail(emit(kEverything, spec));
    EXPECT_TRUE(code.reference);
    for (const std::string &name : getSymbols(code, /*defined=*/false))
      EXPECT_TRUE(allowed.count(name)) << name << " for " << spec.triple;
    EXPECT_EQ(getSymbols(code, /*defined=*/true),
              std::set<std::string>{"kernel_7"});
  }
}

TEST(Emit, ScratchBytesHoldTheTemporaries) {
  KernelCode none = llvm::cantFail(
      emit("mobile.kernel @k(%x: tensor<7xf32>) -> tensor<7xf32> {"
           "  %r = mobile.activate %x act relu : tensor<7xf32>"
           "  mobile.yield %r : tensor<7xf32> }",
           {}));
  EXPECT_EQ(none.scratchBytes, 0u);
  EXPECT_EQ(getSymbols(none, /*defined=*/false).count("halide_malloc"), 0u);

  // Two temporaries of 28 bytes, each at a multiple of 128, and 256 for
  // the allocator.
  KernelCode two = llvm::cantFail(
      emit("mobile.kernel @k(%x: tensor<7xf32>) -> tensor<7xf32> {"
           "  %0 = mobile.activate %x act relu : tensor<7xf32>"
           "  %1 = mobile.activate %0 act silu : tensor<7xf32>"
           "  %2 = mobile.activate %1 act relu6 : tensor<7xf32>"
           "  mobile.yield %2 : tensor<7xf32> }",
           {}));
  EXPECT_EQ(two.scratchBytes, 128u + 28u + 256u);
}

TEST(Emit, ObjectsAreReproducible) {
  EXPECT_EQ(llvm::cantFail(emit(kEverything, {})).object,
            llvm::cantFail(emit(kEverything, {})).object);
}

TEST(Emit, SaysWhatIsWrong) {
  auto message = [](llvm::StringRef text, const TargetSpec &spec) {
    return llvm::toString(emit(text, spec).takeError());
  };
  EXPECT_NE(message(kEverything, {"cpu", "x86_64-linux-gnu", "pentium9", ""})
                .find("unknown cpu 'pentium9'"),
            std::string::npos);
  EXPECT_NE(
      message("mobile.kernel @k(%x: tensor<7xf16>) -> tensor<7xf16> {"
              "  %r = mobile.add %x, %x : tensor<7xf16>, tensor<7xf16> -> "
              "tensor<7xf16>  mobile.yield %r : tensor<7xf16> }",
              {})
          .find("reference kernels take elements of f32, i8 and i32"),
      std::string::npos);
}
