/*===- qemu_plugin.h - qemu's plugin API, as much as is used here ----------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Of version 1 of the API, qemu 7.2's, whose header Debian does not ship.
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_TEST_BENCH_QEMU_PLUGIN_H
#define MINNOW_TEST_BENCH_QEMU_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t plugin_id;
struct tb;
struct insn;

enum { kAddU64 = 0 };

/* The system call by which a program marks its parts, which no system has. */
enum { kMark = 0x5151 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id,
                                                  void (*)(plugin_id,
                                                           struct tb *));
extern size_t qemu_plugin_tb_n_insns(const struct tb *);
extern struct insn *qemu_plugin_tb_get_insn(const struct tb *, size_t);
extern const void *qemu_plugin_insn_data(const struct insn *);
extern size_t qemu_plugin_insn_size(const struct insn *);
extern uint64_t qemu_plugin_insn_vaddr(const struct insn *);
extern char *qemu_plugin_insn_disas(const struct insn *);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct tb *, int, void *,
                                                     uint64_t);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct insn *, int,
                                                       void *, uint64_t);
extern void qemu_plugin_register_vcpu_syscall_cb(
    plugin_id,
    void (*)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t,
             uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));
extern void qemu_plugin_register_atexit_cb(plugin_id,
                                           void (*)(plugin_id, void *), void *);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;

#endif /* MINNOW_TEST_BENCH_QEMU_PLUGIN_H */
