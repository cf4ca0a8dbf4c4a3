#include "dialects/mobile/Mobile.h"
#include "passes/Passes.h"
namespace minnow {
#define GEN_PASS_DEF_FORMGROUPS
#include "passes/Passes.h.inc"
namespace {
struct FormGroups : impl::FormGroupsBase<FormGroups> { using impl::FormGroupsBase<FormGroups>::FormGroupsBase; void runOnOperation() override {} };
} // namespace
} // namespace minnow
