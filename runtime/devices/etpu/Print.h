//===- Print.h - formatted text at the end of a string ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef MINNOW_RUNTIME_DEVICES_ETPU_PRINT_H
#define MINNOW_RUNTIME_DEVICES_ETPU_PRINT_H

#include <cstdarg>
#include <cstdio>
#include <string>

namespace minnow::etpu {

/// printf to the end of a string; of one call at most 511 characters.
[[gnu::format(printf, 2, 3)]] inline void print(std::string &text,
                                                const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  text += line;
}

} // namespace minnow::etpu

#endif // MINNOW_RUNTIME_DEVICES_ETPU_PRINT_H
