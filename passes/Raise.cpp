#include "dialects/mobile/Mobile.h"
#include "passes/Passes.h"
namespace minnow {
#define GEN_PASS_DEF_RAISE
#include "passes/Passes.h.inc"
namespace {
struct Raise : impl::RaiseBase<Raise> { using impl::RaiseBase<Raise>::RaiseBase; void runOnOperation() override {} };
} // namespace
} // namespace minnow
