/*===- minnow_etpu.h - runs packages on the simulated EX1b ------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * For an app that links minnow-etpu beside minnow-runtime:
 *
 *   minnow_add_driver(minnow_etpu());
 *   minnow_model_load("net.mnw", &model, &error);
 *
 * EX1b is a synthetic accelerator, no EdgeTPU. An inference is simulated bit by
 * bit on the calling thread; the times that a profile shows are the machine's.
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_ETPU_H
#define MINNOW_ETPU_H

#ifdef __cplusplus
extern "C" {
#endif

struct minnow_driver;

/* The driver for minnow_add_driver. */
const struct minnow_driver *minnow_etpu(void);

#ifdef __cplusplus
}
#endif
#endif /* MINNOW_ETPU_H */
