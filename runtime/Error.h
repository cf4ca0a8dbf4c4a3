//===- Error.h - one line of message and a status
//---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime has no exceptions: what can fail returns a minnow_status and
// writes what is wrong, and what would do, into the caller's minnow_error.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_ERROR_H
#define MINNOW_RUNTIME_ERROR_H

#include "runtime/minnow.h"

namespace minnow {

/// Writes `status` and the formatted message to `error`, unless that is null,
/// and returns `status`: a failing check is then one return statement.
__attribute__((format(printf, 3, 4))) minnow_status fail(minnow_error *error,
                                                         minnow_status status,
                                                         const char *format,
                                                         ...);

} // namespace minnow

#endif // MINNOW_RUNTIME_ERROR_H
