#include "dialects/mobile/Mobile.h"
#include "passes/Passes.h"
namespace minnow {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"
namespace {
struct PlanMemory : impl::PlanMemoryBase<PlanMemory> { using impl::PlanMemoryBase<PlanMemory>::PlanMemoryBase; void runOnOperation() override {} };
} // namespace
} // namespace minnow
