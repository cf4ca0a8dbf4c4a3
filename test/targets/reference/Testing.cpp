//===- Testing.cpp - tensors and kernels of the reference's tests ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Testing.h. Kernels share one Evaluator, as in `minnow verify`.
//===----------------------------------------------------------------------===//
#include "Testing.h"
#include "mlir/Parser/Parser.h"
#include "targets/reference/Emit.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace minnow;
using namespace minnow::test;

Tensor::Tensor(std::vector<int64_t> shape) : shape(std::move(shape)) {
  int64_t count = 1;
  for (int64_t size : this->shape)
    count *= size;
  data.resize(count);
}

bool Tensor::contains(std::initializer_list<int64_t> position) const {
  size_t i = 0;
  for (int64_t index : position)
    if (index < 0 || index >= shape[i++])
      return false;
  return true;
}

float &Tensor::operator[](std::initializer_list<int64_t> position) {
  int64_t offset = 0;
  size_t i = 0;
  for (int64_t index : position)
    offset = offset * shape[i++] + index;
  return data.at(offset);
}

float Tensor::at(std::initializer_list<int64_t> position) const {
  return contains(position) ? const_cast<Tensor &>(*this)[position] : 0;
}

Tensor test::makeRandom(std::vector<int64_t> shape, unsigned seed) {
  Tensor tensor(std::move(shape));
  std::mt19937 generator(seed + tensor.data.size());
  std::uniform_real_distribution<float> distribution(-1, 1);
  for (float &element : tensor.data)
    element = distribution(generator);
  return tensor;
}

Tensor test::packPanels(const Tensor &tensor, int64_t panel,
                        mobile::LayoutKind kind) {
  auto layout = mobile::LayoutAttr::get(&getContext(), kind, {panel});
  auto shape = layout.getPhysicalShape(tensor.shape);
  Tensor packed({shape.begin(), shape.end()});
  layout.pack({reinterpret_cast<const char *>(tensor.data.data()),
               tensor.data.size() * sizeof(float)},
              tensor.shape, sizeof(float),
              {reinterpret_cast<char *>(packed.data.data()),
               packed.data.size() * sizeof(float)});
  return packed;
}

mlir::MLIRContext &test::getContext() {
  static mlir::MLIRContext *context = [] {
    mlir::DialectRegistry registry;
    registerReferenceDialects(registry);
    auto *result = new mlir::MLIRContext(registry);
    // Tests make attributes before they parse anything.
    result->loadDialect<mobile::MobileDialect>();
    return result;
  }();
  return *context;
}

mlir::OwningOpRef<mlir::ModuleOp> test::parse(llvm::StringRef text) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &getContext());
  EXPECT_TRUE(module) << text.str();
  return module;
}

Tensor test::execute(llvm::StringRef text, std::vector<Tensor> arguments,
                     std::vector<int64_t> resultShape) {
  static Evaluator *evaluator = llvm::cantFail(Evaluator::create()).release();
  // Whatever is not written stays wrong.
  Tensor result(std::move(resultShape));
  std::fill(result.data.begin(), result.data.end(), NAN);
  auto module = parse(text);
  if (!module)
    return result;
  std::vector<Tensor> before = arguments;
  std::vector<void *> buffers;
  for (Tensor &argument : arguments)
    buffers.push_back(argument.data.data());
  buffers.push_back(result.data.data());
  auto kernel = *module->getOps<mobile::KernelOp>().begin();
  llvm::Error error = evaluator->run(kernel, buffers);
  EXPECT_FALSE(bool(error)) << llvm::toString(std::move(error));
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(0, std::memcmp(arguments[i].data.data(), before[i].data.data(),
                             before[i].data.size() * sizeof(float)))
        << "argument " << i;
  return result;
}

Tensor test::executeOne(const std::string &signature, const std::string &result,
                        const std::string &line, std::vector<Tensor> arguments,
                        std::vector<int64_t> resultShape) {
  return execute("mobile.kernel @k(" + signature + ") -> " + result +
                     " {\n  %r = " + line + "\n  mobile.yield %r : " + result +
                     "\n}\n",
                 std::move(arguments), std::move(resultShape));
}

void test::expectNear(const Tensor &actual, const Tensor &expected,
                      double tolerance) {
  ASSERT_EQ(actual.shape, expected.shape);
  double largest = 0, difference = 0;
  for (size_t i = 0; i < expected.data.size(); ++i) {
    ASSERT_TRUE(std::isfinite(actual.data[i])) << "element " << i;
    double wrong = std::fabs(double(actual.data[i]) - expected.data[i]);
    difference = std::max(difference, wrong);
    largest = std::max(largest, double(std::fabs(expected.data[i])));
  }
  EXPECT_LE(difference, tolerance * largest);
}
