/*===- KernelRunner.c - runs one kernel for Hexagon in qemu ----------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Linked with the kernel. Standard input has the bytes of scratch memory, the
 * number of buffers, then for each its bytes and its contents; the last one is
 * the result, which is written. Each buffer and the scratch memory end at a page
 * that faults. All numbers are uint32_t.
 *===----------------------------------------------------------------------===*/
#include "runtime/hexagon/program.h"
#include "runtime/hexagon/system.h"

int32_t kernel(void *context, uint32_t task, void *const *buffers);
void minnow_dispatch(struct minnow_closure *closure, uint32_t tasks,
                     const minnow_arguments *arguments, uint32_t call);

/* The pages of qemu-hexagon. */
enum { PAGE = 65536, ALIGNMENT = 128, MOST_BUFFERS = 64 };

static char memory[64 << 20] __attribute__((aligned(PAGE)));
static char *top = memory;

static int32_t protect(char *page) {
  return minnow_system(/*mprotect*/ 226, (int32_t)page, (void *)PAGE, 0);
}

/* Memory for `bytes` that ends at a page of no access. Code for HVX may load the
 * two vectors behind the last one, of which it then takes nothing. */
static char *take(uint32_t bytes) {
  uint32_t padded = ((bytes + ALIGNMENT - 1) & -ALIGNMENT) + 2 * ALIGNMENT;
  char *end = top + ((padded + PAGE - 1) & -PAGE);
  top = end + PAGE;
  if (top > memory + sizeof(memory) || protect(end))
    minnow_stop("no memory for the kernel's operands\n");
  return end - padded;
}

static uint32_t read_number(void) {
  uint32_t number = 0;
  minnow_move(MINNOW_READ, 0, &number, sizeof(number));
  return number;
}

static void start(void) {
  static void *buffers[MOST_BUFFERS];
  uint32_t scratch = read_number(), count = read_number(), bytes = 0;
  for (uint32_t i = 0; i < count && i < MOST_BUFFERS; ++i) {
    bytes = read_number();
    buffers[i] = take(bytes);
    minnow_move(MINNOW_READ, 0, buffers[i], bytes);
  }
  struct minnow_closure closure = {kernel, buffers, take(scratch), scratch};
  minnow_arguments arguments = {0};
  minnow_dispatch(&closure, 1, &arguments, 0);
  minnow_move(MINNOW_WRITE, 1, buffers[count - 1], bytes);
  minnow_stop("");
}

__attribute__((naked, noreturn)) void _start(void) {
  __asm__ volatile("{ r29 = and(r29, #-128) }\n"
                   "{ call %0 }\n" ::"i"(start));
}
