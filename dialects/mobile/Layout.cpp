//===- Layout.cpp - physical shapes of operands and packing ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place that knows how each layout lies in memory.
//===----------------------------------------------------------------------===//
#include "dialects/mobile/Mobile.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir;
using namespace minnow::mobile;

LogicalResult
LayoutAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                   LayoutKind kind, ArrayRef<int64_t> sizes) {
  size_t expected = kind == LayoutKind::Panels ? 1 : 0;
  if (sizes.size() != expected)
    return emitError() << "layout " << stringifyLayoutKind(kind) << " takes "
                       << expected << " sizes, found " << sizes.size();
  if (llvm::any_of(sizes, [](int64_t size) { return size <= 0; }))
    return emitError() << "sizes of a layout must be positive";
  return success();
}

SmallVector<int64_t>
LayoutAttr::getPhysicalShape(ArrayRef<int64_t> shape) const {
  if (getKind() == LayoutKind::Plain)
    return SmallVector<int64_t>(shape);
  int64_t panel = getSizes()[0], rows = 1;
  for (int64_t dim : shape.drop_back())
    rows *= dim;
  return {int64_t(llvm::divideCeil(shape.back(), panel)), rows, panel};
}

void LayoutAttr::pack(ArrayRef<char> source, ArrayRef<int64_t> shape,
                      size_t elementBytes,
                      MutableArrayRef<char> destination) const {
  if (getKind() == LayoutKind::Plain) {
    std::memcpy(destination.data(), source.data(), source.size());
    return;
  }
  int64_t columns = shape.back(), panel = getSizes()[0];
  int64_t rows = getPhysicalShape(shape)[1];
  for (int64_t first = 0; first < columns; first += panel)
    for (int64_t row = 0; row < rows; ++row) {
      size_t bytes = std::min(panel, columns - first) * elementBytes;
      std::memcpy(
          destination.data() + (first * rows + row * panel) * elementBytes,
          source.data() + (row * columns + first) * elementBytes, bytes);
    }
}
