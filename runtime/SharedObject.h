//===- SharedObject.h - a compiled network in a .so
//-------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens the library and finds the program in it. Its code is trusted; but a
// truncated or foreign file must give a message, and the system's loader would
// crash on the first and say little about the second.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_SHAREDOBJECT_H
#define MINNOW_RUNTIME_SHAREDOBJECT_H

#include "runtime/Error.h"
#include "runtime/abi/minnow_abi.h"

namespace minnow {

/// Owns an open library.
class SharedObject {
public:
  SharedObject() = default;
  SharedObject(SharedObject &&other) noexcept;
  SharedObject &operator=(SharedObject &&other) noexcept;
  ~SharedObject();

  /// Opens the library in the file `path` and points `program` to what its
  /// query function returns. Errors: MINNOW_STATUS_BAD_FILE for a file that is
  /// no whole compiled program, MINNOW_STATUS_UNSUPPORTED for another machine
  /// or ABI version.
  minnow_status open(const char *path, const minnow_program *&program,
                     minnow_error *error);

private:
  void *handle = nullptr;
};

} // namespace minnow

#endif // MINNOW_RUNTIME_SHAREDOBJECT_H
