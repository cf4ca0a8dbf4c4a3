/*===- minnow_cost.h - the cost model for C --------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Cost.h and Machines.h for callers of other languages, such as a search for
 * architectures. Every function but the two that read and free a machine may be
 * called from many threads at once and takes no memory.
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_COST_H
#define MINNOW_COST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One core and its memories. */
typedef struct minnow_cost_machine minnow_cost_machine;

/* What one kernel does; bytes count each tensor once. */
typedef struct minnow_cost_kernel {
  double macs;        /* convolutions, matrix products, attention */
  double byte_macs;   /* those of macs that multiply bytes */
  double elementwise; /* element operations besides */
  double weight_bytes;
  double weight_passes; /* how often the weights are read; at least 1 */
  double input_bytes;   /* activations from outside of the kernel */
  double output_bytes;
  double inner_bytes; /* of tensors inside, alive at one time */
  double map_bytes;   /* of the same whole, and of copies that windows read */
  double strip_macs;  /* those of macs that run in strips */
  double saved_macs;  /* those of macs that the kernel's form spares */
} minnow_cost_kernel;

typedef enum minnow_cost_bound {
  MINNOW_COST_BOUND_MACS,
  MINNOW_COST_BOUND_MEMORY
} minnow_cost_bound;

/* The predicted time of one call; seconds holds the cost of calling too. */
typedef struct minnow_cost_estimate {
  double seconds;
  double mac_seconds;
  double memory_seconds;
  minnow_cost_bound bound;
  unsigned level; /* of memory, that most of memory_seconds is spent on */
} minnow_cost_estimate;

/* The machine of this build whose name is `name` ("avx2", "cortex-a76"); NULL
 * if there is none. Not to be freed. */
const minnow_cost_machine *minnow_cost_find_machine(const char *name);

/* A machine from JSON in the form of targets/cost/machines; NULL for bad input,
 * and then `error`, of `error_bytes`, says what is wrong. */
minnow_cost_machine *minnow_cost_read_machine(const char *json, char *error,
                                              size_t error_bytes);
/* Frees what minnow_cost_read_machine gave. */
void minnow_cost_free_machine(minnow_cost_machine *machine);

/* The MACs for each byte from the last level of memory at which arithmetic and
 * memory take equally long (arXiv 2404.10518, section 3). */
double minnow_cost_ridge(const minnow_cost_machine *machine);

/* Predicts one call of `kernel` in a network that touches `network_bytes`
 * between two of its calls. */
minnow_cost_estimate minnow_cost_predict(const minnow_cost_machine *machine,
                                         const minnow_cost_kernel *kernel,
                                         double network_bytes);

#ifdef __cplusplus
}
#endif

#endif /* MINNOW_COST_H */
