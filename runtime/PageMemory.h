//===- PageMemory.h - memory straight from the system
//-----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights and workspace are large, live long and are streamed through, so they
// come as whole pages, on huge pages where the system has them. Failure is a
// value, not an exception.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_PAGEMEMORY_H
#define MINNOW_RUNTIME_PAGEMEMORY_H

#include <cstdint>

namespace minnow {

/// Owns zeroed, page-aligned memory; blocks of at least half a huge page are
/// aligned to 2 MiB.
class PageMemory {
public:
  static constexpr uint64_t kHugePage = uint64_t(2) << 20;
  /// The alignment that every block has.
  static constexpr uint64_t kAlignment = 4096;

  PageMemory() = default;
  PageMemory(PageMemory &&other) noexcept;
  PageMemory &operator=(PageMemory &&other) noexcept;
  ~PageMemory();

  /// Replaces what is held by at least `bytes` of zeros, never a null pointer.
  /// Returns false, holding nothing, when the system has not that much.
  bool allocate(uint64_t bytes);

  /// Makes every page resident, so that no later access faults.
  void touch();

  /// Has every later write trap.
  void makeReadOnly();

  void *data() const { return base; }

private:
  void release();

  void *base = nullptr;
  uint64_t size = 0;
};

} // namespace minnow

#endif // MINNOW_RUNTIME_PAGEMEMORY_H
