//===- Device.cpp - the kinds of devices that were added ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A list through the drivers themselves: adding one can neither fail nor
// allocate.
//===----------------------------------------------------------------------===//
#include "runtime/Device.h"

namespace {
const minnow_driver *first = nullptr;
} // namespace

void minnow_add_driver(const minnow_driver *driver) {
  if (!driver || minnow::findDriver(driver->name))
    return;
  driver->next = first;
  first = driver;
}

namespace minnow {

const minnow_driver *findDriver(std::string_view name) {
  for (const minnow_driver *driver = first; driver; driver = driver->next)
    if (name == driver->name)
      return driver;
  return nullptr;
}

std::string listDrivers() {
  std::string lines;
  for (const minnow_driver *driver = first; driver; driver = driver->next)
    lines += driver->list();
  return lines;
}

std::string driverNames() {
  std::string names = "'cpu'";
  for (const minnow_driver *driver = first; driver; driver = driver->next)
    names += std::string(", '") + driver->name + "'";
  return names;
}

} // namespace minnow
