/*===- icount.c - counts the AArch64 instructions that qemu executes -------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A plugin for qemu-aarch64 7.2's user mode. The program marks its parts by a
 * system call (qemu_plugin.h) with a number: each call prints the counts since
 * the one before it. The counters are not atomic: run programs of one thread.
 *
 *   cc -O2 -shared -fPIC icount.c -o libicount.so
 *   qemu-aarch64 -plugin ./libicount.so program
 *===----------------------------------------------------------------------===*/
#include "qemu_plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { kAll, kSimd, kMemory, kFmla, kKinds };

static uint64_t counts[kKinds];

/* Top-level groups of the encoding; fmla of vectors, and by an element. */
static void classify(uint32_t word, uint64_t *found) {
  found[kAll]++;
  found[kSimd] += (word >> 25 & 7) == 7;
  found[kMemory] += (word >> 25 & 5) == 4;
  found[kFmla] +=
      (word & 0xBFA0FC00) == 0x0E20CC00 || (word & 0xBF80F400) == 0x0F801000;
}

static void translate(plugin_id id, struct tb *block) {
  (void)id;
  uint64_t found[kKinds] = {0};
  size_t size = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < size; ++i) {
    uint32_t word;
    memcpy(&word, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, i)),
           sizeof word);
    classify(word, found);
  }
  for (int kind = 0; kind < kKinds; ++kind)
    if (found[kind])
      qemu_plugin_register_vcpu_tb_exec_inline(block, kAddU64, &counts[kind],
                                               found[kind]);
}

static void onSyscall(plugin_id id, unsigned vcpu, int64_t number, uint64_t tag,
                      uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                      uint64_t f, uint64_t g, uint64_t h) {
  (void)id, (void)vcpu, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g,
      (void)h;
  if (number != kMark)
    return;
  fprintf(stderr,
          "[icount %" PRIu64 "] all %" PRIu64 " simd %" PRIu64
          " memory %" PRIu64 " fmla %" PRIu64 "\n",
          tag, counts[kAll], counts[kSimd], counts[kMemory], counts[kFmla]);
  memset(counts, 0, sizeof counts);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc,
                               char **argv) {
  (void)info, (void)argc, (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_vcpu_syscall_cb(id, onSyscall);
  return 0;
}
