//===- Error.cpp - one line of message and a status
//-------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages quote names out of files, so what would break the line or the
// terminal is replaced.
//===----------------------------------------------------------------------===//
#include "runtime/Error.h"

#include <cstdarg>
#include <cstdio>

namespace minnow {

minnow_status fail(minnow_error *error, minnow_status status,
                   const char *format, ...) {
  if (!error)
    return status;
  error->status = status;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(error->message, sizeof(error->message), format, arguments);
  va_end(arguments);
  for (char *c = error->message; *c; ++c)
    if (static_cast<unsigned char>(*c) < 0x20 || *c == 0x7f)
      *c = '?';
  return status;
}

} // namespace minnow
