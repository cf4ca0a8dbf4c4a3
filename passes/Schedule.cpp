#include "dialects/mobile/Mobile.h"
#include "passes/Passes.h"
namespace minnow {
#define GEN_PASS_DEF_SCHEDULE
#include "passes/Passes.h.inc"
namespace {
struct Schedule : impl::ScheduleBase<Schedule> { using impl::ScheduleBase<Schedule>::ScheduleBase; void runOnOperation() override {} };
} // namespace
} // namespace minnow
