//===- Faults.cpp - what is wrong with the user's file --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages quote names from files that may be hostile, so quoting is bounded.
//===----------------------------------------------------------------------===//
#include "compiler/import/Faults.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace minnow::importer;

static constexpr size_t maxNameLength = 120;
static constexpr size_t maxMessages = 40;

std::string minnow::importer::quote(StringRef name) {
  std::string text;
  raw_string_ostream stream(text);
  stream << '\'';
  printEscapedString(name.take_front(maxNameLength), stream);
  if (name.size() > maxNameLength)
    stream << "...";
  stream << '\'';
  return text;
}

std::string minnow::importer::printable(StringRef text) {
  std::string result;
  raw_string_ostream stream(result);
  for (unsigned char c : text)
    if (isPrint(char(c)))
      stream << char(c);
    else
      stream << '\\' << hexdigit(c >> 4) << hexdigit(c & 0xf);
  return result;
}

std::string minnow::importer::quoteList(ArrayRef<std::string> names) {
  return join(map_range(names, [](StringRef name) { return quote(name); }),
              ", ");
}

std::string minnow::importer::shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  raw_string_ostream stream(text);
  stream << '[';
  interleaveComma(shape, stream);
  stream << ']';
  return text;
}

LogicalResult Faults::add(const Twine &message) {
  if (messages.size() < maxMessages)
    messages.push_back(file + ": error: " + printable(message.str()));
  else
    ++omitted;
  return failure();
}

Error Faults::take() {
  Error all = Error::success();
  if (omitted)
    messages.push_back(
        (Twine(file) + ": error: and " + Twine(omitted) + " more").str());
  for (const std::string &message : messages)
    all = joinErrors(std::move(all),
                     createStringError(inconvertibleErrorCode(), message));
  messages.clear();
  omitted = 0;
  return all;
}
