//===- minnow-etpu.cpp - where the cycles of a program for EX1b go --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cycles do not depend on the numbers, so no input is asked for; minnow-run
// computes.
//===----------------------------------------------------------------------===//
#include "runtime/CommandLine.h"
#include "runtime/devices/etpu/Report.h"

using namespace minnow;

namespace {

struct Options {
  std::string package, json, trace, svg;
  bool quiet = false;
};

minnow_status open(const char *path, Package &package, Description &description,
                   etpu::LoadedProgram &loaded, minnow_error *error) {
  if (minnow_status status = package.open(path, error))
    return status;
  std::string_view bytes;
  if (minnow_status status = package.find("description", 8, bytes, error))
    return status;
  if (minnow_status status =
          readDescription(bytes.data(), bytes.size(), description, error))
    return status;
  if (description.program->target()->string_view() != "etpu")
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "'%s' is for the target '%s'; compile it with --target etpu",
                path, description.program->target()->c_str());
  return etpu::loadSections(package, description, loaded, error);
}

minnow_status write(const std::string &path, const std::string &text,
                    minnow_error *error) {
  if (path.empty())
    return MINNOW_STATUS_OK;
  FILE *file = std::fopen(path.c_str(), "wb");
  bool isWritten =
      file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file)
    isWritten &= std::fclose(file) == 0;
  return isWritten ? MINNOW_STATUS_OK
                   : fail(error, MINNOW_STATUS_BAD_FILE, "cannot write '%s'",
                          path.c_str());
}

minnow_status execute(const Options &options, minnow_error *error) {
  Package package;
  Description description;
  etpu::LoadedProgram loaded;
  etpu::ProgramReport report;
  if (minnow_status status =
          open(options.package.c_str(), package, description, loaded, error))
    return status;
  if (minnow_status status =
          etpu::makeReport(loaded, description, report, error))
    return status;
  const etpu::Stream &stream = loaded.program.cold;
  if (minnow_status status = write(options.json, toJson(report), error))
    return status;
  if (minnow_status status =
          write(options.trace, toTrace(stream, report), error))
    return status;
  if (minnow_status status = write(options.svg, toSvg(stream, report), error))
    return status;
  if (!options.quiet)
    std::fputs(toTable(report).c_str(), stdout);
  return MINNOW_STATUS_OK;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Tells where the cycles of a program for the synthetic EX1b "
               "accelerator go.",
               "minnow-etpu");
  app.add_option("PACKAGE", options.package,
                 "What `minnow compile --target etpu` wrote (.mnw)")
      ->required();
  app.add_option("--json", options.json, "Where to save the figures");
  app.add_option("--trace", options.trace,
                 "Where to save each instruction's time, for Perfetto");
  app.add_option("--svg", options.svg,
                 "Where to save a picture of the engines over time");
  app.add_flag("--quiet", options.quiet, "Print no table");
  if (std::optional<int> code = parseCommandLine(app, argc, argv))
    return *code;
  minnow_error error;
  if (execute(options, &error))
    return exitWith(error.message);
  return kExitDone;
}
