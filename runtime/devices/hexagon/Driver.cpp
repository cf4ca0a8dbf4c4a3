//===- Driver.cpp - programs for Hexagon in qemu-hexagon ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An inference is one run of the `.elf`: inputs are its standard input, outputs
// its standard output. Both are files in memory, so that neither side waits for
// the other.
//===----------------------------------------------------------------------===//
#include "runtime/Device.h"
#include "runtime/devices/hexagon/minnow_hexagon.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

extern char **environ;

namespace minnow::hexagon {
namespace {

constexpr const char *kEmulator = "qemu-hexagon";

/// The emulator's place on the PATH; empty if there is none.
std::string findEmulator() {
  const char *path = std::getenv("PATH");
  std::string_view rest = path ? path : "";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    std::string candidate(rest.substr(0, end));
    candidate += std::string("/") + kEmulator;
    if (access(candidate.c_str(), X_OK) == 0)
      return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return "";
}

/// A file in memory.
class MemoryFile {
public:
  explicit MemoryFile(const char *name)
      : file(memfd_create(name, MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;
  ~MemoryFile() {
    if (file >= 0)
      close(file);
  }

  bool write(const void *data, uint64_t bytes) {
    const char *at = static_cast<const char *>(data);
    for (ssize_t moved; bytes; at += moved, bytes -= moved)
      if ((moved = ::write(file, at, bytes)) <= 0)
        return false;
    return true;
  }
  bool read(void *data, uint64_t bytes) {
    char *at = static_cast<char *>(data);
    for (ssize_t moved; bytes; at += moved, bytes -= moved)
      if ((moved = ::read(file, at, bytes)) <= 0)
        return false;
    return true;
  }
  bool rewind() { return lseek(file, 0, SEEK_SET) == 0; }

  const int file;
};

class Program : public DeviceProgram {
public:
  std::string emulator, elf;
  const Description *description = nullptr;

  minnow_status createContext(std::unique_ptr<DeviceContext> &context,
                              minnow_error *error) const override;
  const char *getDeviceName() const override {
    return "Hexagon, emulated by qemu-hexagon";
  }
};

class Context : public DeviceContext {
public:
  explicit Context(const Program &program) : program(program) {}

  minnow_status run(const void *const *inputs, void *const *outputs,
                    const CallTimes *, minnow_error *error) override;

private:
  /// Runs the emulator to its end; what it says is kept in `messages`.
  bool execute(const MemoryFile &in, const MemoryFile &out,
               const MemoryFile &messages, int &status) const;

  const Program &program;
};

bool Context::execute(const MemoryFile &in, const MemoryFile &out,
                      const MemoryFile &messages, int &status) const {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.file, 0);
  posix_spawn_file_actions_adddup2(&actions, out.file, 1);
  posix_spawn_file_actions_adddup2(&actions, messages.file, 2);
  char *arguments[] = {const_cast<char *>(kEmulator),
                       const_cast<char *>(program.elf.c_str()), nullptr};
  pid_t child;
  const int failed = posix_spawn(&child, program.emulator.c_str(), &actions,
                                 nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed)
    return false;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return false;
  return true;
}

uint64_t bytesOf(const minnow_tensor_info &tensor) {
  return tensor.elements * minnow::bytesOf(tensor.type);
}

minnow_status Context::run(const void *const *inputs, void *const *outputs,
                           const CallTimes *, minnow_error *error) {
  MemoryFile in("inputs"), out("outputs"), messages("messages");
  const Description &description = *program.description;
  bool works = in.file >= 0 && out.file >= 0 && messages.file >= 0;
  for (size_t i = 0; works && i < description.inputs.size(); ++i)
    works = in.write(inputs[i], bytesOf(description.inputs[i]));
  int status = 0;
  if (!works || !in.rewind() || !execute(in, out, messages, status))
    return fail(error, MINNOW_STATUS_NO_RESOURCES, "cannot run %s: %s",
                program.emulator.c_str(), std::strerror(errno));
  if (status != 0) {
    char said[256] = {};
    if (messages.rewind())
      (void)!::read(messages.file, said, sizeof(said) - 1);
    return fail(error, MINNOW_STATUS_UNSUPPORTED, "%s failed on '%s': %s",
                kEmulator, program.elf.c_str(),
                *said ? said : strsignal(WTERMSIG(status)));
  }
  works = out.rewind();
  for (size_t i = 0; works && i < description.outputs.size(); ++i)
    works = out.read(outputs[i], bytesOf(description.outputs[i]));
  if (!works)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "'%s' wrote other outputs than its description says: compile "
                "it again",
                program.elf.c_str());
  return MINNOW_STATUS_OK;
}

minnow_status Program::createContext(std::unique_ptr<DeviceContext> &context,
                                     minnow_error *error) const {
  context.reset(new (std::nothrow) Context(*this));
  return context ? MINNOW_STATUS_OK
                 : fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
}

std::string listDevices() {
  const std::string emulator = findEmulator();
  return emulator.empty() ? "hexagon  none: install qemu-hexagon (Debian's "
                            "qemu-user)\n"
                          : "hexagon:0  " + emulator + "\n";
}

minnow_status loadProgram(const Package &package,
                          const Description &description, const char *which,
                          std::unique_ptr<DeviceProgram> &program,
                          minnow_error *error) {
  if (*which && std::string_view(which) != "0")
    return fail(error, MINNOW_STATUS_BAD_ARGUMENT,
                "there is no device hexagon:%s; the emulator is hexagon:0",
                which);
  std::unique_ptr<Program> made(new (std::nothrow) Program);
  if (!made)
    return fail(error, MINNOW_STATUS_NO_RESOURCES, "out of memory");
  made->emulator = findEmulator();
  if (made->emulator.empty())
    return fail(error, MINNOW_STATUS_UNSUPPORTED,
                "cannot find %s, which runs programs for Hexagon here: install "
                "Debian's qemu-user",
                kEmulator);
  made->elf = package.getPath();
  if (access(made->elf.c_str(), X_OK) != 0)
    return fail(error, MINNOW_STATUS_BAD_FILE,
                "'%s' is not executable: chmod +x it", made->elf.c_str());
  made->description = &description;
  program = std::move(made);
  return MINNOW_STATUS_OK;
}

} // namespace
} // namespace minnow::hexagon

const minnow_driver *minnow_hexagon(void) {
  static const minnow_driver driver = {"hexagon", minnow::hexagon::listDevices,
                                       minnow::hexagon::loadProgram, nullptr};
  return &driver;
}
