/*===- pcount.c - counts the Hexagon packets that qemu executes ------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A plugin for qemu-hexagon 7.2's user mode, whose "instruction" is a packet.
 * The program marks its parts by a system call (qemu_plugin.h) with a number:
 * each call appends the counts since the one before it to the file that the
 * environment's MINNOW_COUNTS names.
 *
 *   cc -O2 -shared -fPIC pcount.c -o libpcount.so
 *   MINNOW_COUNTS=counts qemu-hexagon -plugin ./libpcount.so net.elf < input
 *
 * With MINNOW_PACKETS=FILE it leaves there how often each packet was executed,
 * with its address and text.
 *===----------------------------------------------------------------------===*/
#include "qemu_plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kPackets, kInstructions, kVrmpy, kLoads, kStores, kKinds };

static uint64_t counts[kKinds];
static FILE *output;

/* A packet with its own counter, for MINNOW_PACKETS. */
struct packet {
  uint64_t executed, address;
  char *text;
  struct packet *next;
};
static struct packet *packets;
static const char *packets_path;

/* One word: a duplex is two instructions, a constant's extender none. Vector
 * memory has the upper bits 00101, and bit 21 for a store. */
static void classify(uint32_t word, uint64_t *found) {
  if ((word >> 14 & 3) == 0) {
    found[kInstructions] += 2;
  } else if (word >> 28) {
    found[kInstructions]++;
    if (word >> 27 == 5)
      found[word >> 21 & 1 ? kStores : kLoads]++;
  }
}

static void watch(struct insn *insn, char *text) {
  struct packet *packet = calloc(1, sizeof *packet);
  for (char *c = text; *c; ++c)
    if (*c == '\n')
      *c = ' ';
  packet->address = qemu_plugin_insn_vaddr(insn);
  packet->text = text;
  packet->next = packets;
  packets = packet;
  qemu_plugin_register_vcpu_insn_exec_inline(insn, kAddU64, &packet->executed,
                                             1);
}

static void count(struct insn *insn) {
  uint64_t found[kKinds] = {1};
  size_t words = qemu_plugin_insn_size(insn) / 4;
  const char *data = qemu_plugin_insn_data(insn);
  for (size_t i = 0; i < words; ++i) {
    uint32_t word;
    memcpy(&word, data + 4 * i, sizeof word);
    classify(word, found);
  }
  char *text = qemu_plugin_insn_disas(insn);
  for (const char *at = text; (at = strstr(at, "vrmpy")); ++at)
    found[kVrmpy]++;
  for (int kind = 0; kind < kKinds; ++kind)
    if (found[kind])
      qemu_plugin_register_vcpu_insn_exec_inline(insn, kAddU64, &counts[kind],
                                                 found[kind]);
  if (packets_path)
    watch(insn, text);
  else
    free(text);
}

static void translate(plugin_id id, struct tb *block) {
  (void)id;
  size_t size = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < size; ++i)
    count(qemu_plugin_tb_get_insn(block, i));
}

static void on_syscall(plugin_id id, unsigned vcpu, int64_t number,
                       uint64_t tag, uint64_t b, uint64_t c, uint64_t d,
                       uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
  (void)id, (void)vcpu, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g,
      (void)h;
  if (number != kMark)
    return;
  fprintf(output, "%d", (int)(int32_t)tag);
  for (int kind = 0; kind < kKinds; ++kind)
    fprintf(output, " %" PRIu64, counts[kind]);
  fprintf(output, "\n");
  fflush(output);
  memset(counts, 0, sizeof counts);
}

static void at_exit(plugin_id id, void *data) {
  (void)id, (void)data;
  FILE *file = packets_path ? fopen(packets_path, "w") : NULL;
  if (!file)
    return;
  for (struct packet *packet = packets; packet; packet = packet->next)
    if (packet->executed)
      fprintf(file, "%" PRIu64 " %" PRIx64 " %s\n", packet->executed,
              packet->address, packet->text);
  fclose(file);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc,
                               char **argv) {
  (void)info, (void)argc, (void)argv;
  const char *path = getenv("MINNOW_COUNTS");
  output = path ? fopen(path, "a") : stderr;
  packets_path = getenv("MINNOW_PACKETS");
  if (!output)
    return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
  qemu_plugin_register_atexit_cb(id, at_exit, NULL);
  return 0;
}
