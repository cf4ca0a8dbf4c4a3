//===- CommandLine.h - option parsing as all programs of Minnow do it
//-------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CLI11 throws, so the programs, unlike the runtime, are compiled with
// exceptions. None leaves this file.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_COMMANDLINE_H
#define MINNOW_RUNTIME_COMMANDLINE_H

#include <CLI/CLI.hpp>

#include <cstdio>
#include <optional>

namespace minnow {

/// What the programs exit with: the user's file or request is at fault, or a
/// comparison failed.
enum ExitCode { kExitDone = 0, kExitBadInput = 1, kExitMismatch = 2 };

/// Prints one line of error and returns kExitBadInput.
inline int exitWith(const char *message) {
  std::fprintf(stderr, "error: %s\n", message);
  return kExitBadInput;
}

/// Parses the arguments. An exit code when the program is done already: the
/// help was asked for, or an option is wrong.
inline std::optional<int> parseCommandLine(CLI::App &app, int argc,
                                           char **argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &success) {
    return app.exit(success);
  } catch (const CLI::ParseError &error) {
    return exitWith((std::string(error.what()) + " (see --help)").c_str());
  }
  return std::nullopt;
}

} // namespace minnow

#endif // MINNOW_RUNTIME_COMMANDLINE_H
