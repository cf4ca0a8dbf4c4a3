//===- Device.h - what runs a package, besides the CPU ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kind of device is one minnow_driver in a library of its own, so that an app
// which runs on the CPU alone carries none. Programs name it as their target.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_RUNTIME_DEVICE_H
#define MINNOW_RUNTIME_DEVICE_H

#include "runtime/Description.h"
#include "runtime/Package.h"

#include <memory>
#include <string>

namespace minnow {

/// Has the times of a run's calls told.
struct CallTimes {
  void (*callTook)(void *self, uint32_t call, double microseconds) = nullptr;
  void *self = nullptr;
};

/// What one caller at a time runs a program with.
class DeviceContext {
public:
  virtual ~DeviceContext() = default;

  /// One inference. Pointers are checked; nothing may be allocated. `times` is
  /// null or asks for the times of the calls.
  virtual minnow_status run(const void *const *inputs, void *const *outputs,
                            const CallTimes *times, minnow_error *error) = 0;
};

/// A program made ready on a device. Read-only; contexts outlive it never.
class DeviceProgram {
public:
  virtual ~DeviceProgram() = default;
  virtual minnow_status createContext(std::unique_ptr<DeviceContext> &context,
                                      minnow_error *error) const = 0;
  /// The device's name, for people; lives as long as the program.
  virtual const char *getDeviceName() const = 0;
};

/// The driver that was added under `name`; null if none was.
const minnow_driver *findDriver(std::string_view name);

/// What `driver` has to say of its devices, a line each, for each driver.
std::string listDrivers();

/// The names of devices that programs can run on here: "'cpu', 'vulkan'".
std::string driverNames();

} // namespace minnow

/// A kind of device.
struct minnow_driver {
  /// As programs name their target and users the device.
  const char *name;

  /// The devices, a line each; how to get one where there is none.
  std::string (*list)();

  /// Makes the program of a verified package ready on the device `which` ("" or
  /// a number). The description is verified but for its requirements, which are
  /// the driver's. Both outlive the program.
  minnow_status (*load)(const minnow::Package &package,
                        const minnow::Description &description,
                        const char *which,
                        std::unique_ptr<minnow::DeviceProgram> &program,
                        minnow_error *error);

  /// The next driver that was added.
  mutable const minnow_driver *next;
};

#endif // MINNOW_RUNTIME_DEVICE_H
