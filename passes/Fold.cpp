#include "dialects/mobile/Mobile.h"
#include "passes/Passes.h"
namespace minnow {
#define GEN_PASS_DEF_FOLD
#include "passes/Passes.h.inc"
namespace {
struct Fold : impl::FoldBase<Fold> { using impl::FoldBase<Fold>::FoldBase; void runOnOperation() override {} };
} // namespace
} // namespace minnow
