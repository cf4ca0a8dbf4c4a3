/*===- KernelRunner.c - runs a kernel of another machine -------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What Harness.cpp does in its own process, for kernels that only an emulator
 * can run: kernel-runner LIBRARY OPERANDS RESULT. OPERANDS holds the number of
 * tasks and of buffers, then for each buffer its bytes, its alignment and its
 * contents. RESULT gets the most scratch memory held and the last buffer. All
 * numbers are uint64_t.
 *===----------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kPage = 4096, kMostBuffers = 64, kHeader = 128 };

typedef int32_t (*Kernel)(void *, uint32_t, void *const *);

static uint64_t held, most;

static size_t alignTo(size_t bytes, size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/* The size stands before the block; its bytes are no numbers. */
void *halide_malloc(void *context, size_t bytes) {
  (void)context;
  char *block = aligned_alloc(kHeader, alignTo(bytes, kHeader) + kHeader);
  memset(block, 0xff, bytes + kHeader);
  memcpy(block, &bytes, sizeof bytes);
  held += bytes;
  most = held > most ? held : most;
  return block + kHeader;
}

void halide_free(void *context, void *block) {
  (void)context;
  if (!block)
    return;
  size_t bytes;
  memcpy(&bytes, (char *)block - kHeader, sizeof bytes);
  held -= bytes;
  free((char *)block - kHeader);
}

/* Memory whose last byte is followed by a page that faults. */
static void *makeGuarded(size_t bytes, size_t alignment) {
  size_t mapped = alignTo(bytes, kPage) + kPage;
  char *mapping = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *end = mapping + mapped - kPage;
  if (mapping == MAP_FAILED || mprotect(end, kPage, PROT_NONE))
    exit(3);
  return end - alignTo(bytes, alignment);
}

static uint64_t readNumber(FILE *file) {
  uint64_t number;
  if (fread(&number, sizeof number, 1, file) != 1)
    exit(3);
  return number;
}

/* For a plugin that counts (test/bench/icount.c): no system has this call. */
static void mark(long number) { syscall(0x5151, number); }

int main(int argc, char **argv) {
  void *library = argc == 4 ? dlopen(argv[1], RTLD_NOW) : NULL;
  FILE *operands = library ? fopen(argv[2], "rb") : NULL;
  if (!operands) {
    fprintf(stderr, "%s\n", library ? "no operands" : dlerror());
    return 3;
  }
  uint64_t tasks = readNumber(operands), count = readNumber(operands);
  void *buffers[kMostBuffers];
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < count && i < kMostBuffers; ++i) {
    bytes = readNumber(operands);
    buffers[i] = makeGuarded(bytes, readNumber(operands));
    if (fread(buffers[i], 1, bytes, operands) != bytes)
      return 3;
  }
  Kernel kernel;
  *(void **)&kernel = dlsym(library, "kernel");
  mark(0);
  for (uint32_t task = 0; task < tasks; ++task)
    kernel(NULL, task, buffers);
  mark(1);
  FILE *result = fopen(argv[3], "wb");
  return !result || fwrite(&most, sizeof most, 1, result) != 1 ||
         fwrite(buffers[count - 1], 1, bytes, result) != bytes ||
         fclose(result);
}
