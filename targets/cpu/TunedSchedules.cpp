//===- TunedSchedules.cpp - measured schedules as data --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys, JSON and the tables of the build, which come in through TunedFiles.inc.
//===----------------------------------------------------------------------===//
#include "targets/cpu/TunedSchedules.h"
#include "mlir/AsmParser/AsmParser.h"
#include "targets/halide/View.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/xxhash.h"
#include <nlohmann/json.hpp>

using namespace minnow;
using namespace minnow::cpu;
using namespace minnow::mobile;
using Json = nlohmann::json;

/// All of the region that code depends on, as text without names or places.
static std::string printRegion(KernelOp kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::DenseMap<mlir::Value, unsigned> numbers;
  for (mlir::Value argument : kernel.getBody().getArguments()) {
    stream << argument.getType() << ' ';
    numbers.try_emplace(argument, numbers.size());
  }
  for (mlir::Operation &op : kernel.getBody().front()) {
    // Which operands are there is said by the operands.
    mlir::NamedAttrList attributes(op.getAttrDictionary());
    attributes.erase("operandSegmentSizes");
    stream << '\n'
           << op.getName() << ' ' << attributes.getDictionary(op.getContext());
    for (mlir::Value operand : op.getOperands())
      stream << ' ' << numbers.lookup(operand);
    for (mlir::Value result : op.getResults()) {
      stream << " -> " << result.getType();
      numbers.try_emplace(result, numbers.size());
    }
  }
  return text;
}

/// "conv2d+add_1x14x14x192_1x14x14x96-0a1b2c3d": what people recognise, and a
/// hash of all the rest.
static std::string makeKey(KernelOp kernel) {
  std::string key;
  for (mlir::Operation &op : kernel.getBody().front().without_terminator())
    key += (key.empty() ? "" : "+") + op.getName().stripDialect().str();
  for (mlir::Type type :
       {kernel.getArgumentTypes()[0], kernel.getResultTypes()[0]})
    key +=
        '_' + llvm::join(llvm::map_range(
                             llvm::cast<mlir::ShapedType>(type).getShape(),
                             [](int64_t size) { return std::to_string(size); }),
                         "x");
  uint32_t hash = llvm::xxh3_64bits(printRegion(kernel));
  return llvm::formatv("{0}-{1}", key, llvm::format_hex_no_prefix(hash, 8));
}

llvm::Expected<TunedSchedules> TunedSchedules::parse(llvm::StringRef json) {
  Json object = Json::parse(json.begin(), json.end(), nullptr,
                            /*allow_exceptions=*/false);
  auto isText = [](const Json &value) { return value.is_string(); };
  bool isTable = object.is_object() && object.contains("machine") &&
                 object["machine"].is_string() &&
                 object.contains("schedules") &&
                 object["schedules"].is_object() &&
                 llvm::all_of(object["schedules"], isText);
  if (!isTable)
    return llvm::createStringError(
        "expected a JSON object {\"machine\": NAME, \"schedules\": {KERNEL: "
        "SCHEDULE}}");
  TunedSchedules table(object["machine"].get<std::string>());
  table.schedules = object["schedules"];
  return table;
}

std::string TunedSchedules::print() const {
  return Json{{"machine", machine}, {"schedules", schedules}}.dump(1) + "\n";
}

/// Whether `schedule` has what the kernel's stages need. Tasks that do not
/// divide the result are refused at emission.
static bool fits(ScheduleAttr schedule, KernelOp kernel) {
  size_t stages = 0;
  for (mlir::Operation &op : kernel.getBody().front().without_terminator())
    stages += halide::isComputing(&op);
  auto isInRange = [](int64_t number) { return number >= 1 && number <= 64; };
  return schedule.getStages().size() == stages &&
         isInRange(schedule.getTasks()) && schedule.getStrip() >= 1 &&
         llvm::all_of(schedule.getStages(), [&](StageAttr stage) {
           return isInRange(stage.getPixels()) && isInRange(stage.getVectors());
         });
}

ScheduleAttr TunedSchedules::lookup(KernelOp kernel) const {
  if (schedules.empty())
    return {};
  auto found = schedules.find(makeKey(kernel));
  if (found == schedules.end())
    return {};
  // A bad entry is as none: it costs time, not a wrong result.
  mlir::MLIRContext *context = kernel->getContext();
  mlir::ScopedDiagnosticHandler quiet(context, [](mlir::Diagnostic &) {});
  auto schedule = llvm::dyn_cast_if_present<ScheduleAttr>(
      mlir::parseAttribute("#mobile.schedule" + found->second, context));
  return schedule && fits(schedule, kernel) ? schedule : ScheduleAttr();
}

void TunedSchedules::insert(KernelOp kernel, ScheduleAttr schedule) {
  std::string text;
  llvm::raw_string_ostream(text) << schedule;
  schedules[makeKey(kernel)] =
      llvm::StringRef(text).split("#mobile.schedule").second.str();
}

const TunedSchedules &cpu::getBuiltInSchedules(const cost::Machine &machine) {
  static const auto tables = [] {
    static const char *const files[] = {
#include "targets/cpu/TunedFiles.inc"
    };
    std::map<std::string, TunedSchedules> parsed;
    for (const char *file : files)
      if (auto table = TunedSchedules::parse(file))
        parsed[table->getMachine()] = *table;
      else
        llvm::consumeError(table.takeError());
    return parsed;
  }();
  static const TunedSchedules none;
  auto found = tables.find(machine.schedules ? machine.schedules : "");
  return found == tables.end() ? none : found->second;
}
