/*===- minnow_hexagon.h - runs programs for Hexagon in qemu -----------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * For a program that links minnow-hexagon beside minnow-runtime:
 *
 *   minnow_add_driver(minnow_hexagon());
 *   minnow_model_load("net.elf", &model, &error);
 *
 * Each inference is a process of qemu-hexagon, which must be on the PATH. Its
 * time is the emulator's and says nothing of the DSP's.
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_HEXAGON_H
#define MINNOW_HEXAGON_H

#ifdef __cplusplus
extern "C" {
#endif

struct minnow_driver;

/* The driver for minnow_add_driver. */
const struct minnow_driver *minnow_hexagon(void);

#ifdef __cplusplus
}
#endif
#endif /* MINNOW_HEXAGON_H */
