/*===- minnow_vulkan.h - runs packages on GPUs ------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * For an app that links minnow-vulkan beside minnow-runtime:
 *
 *   minnow_add_driver(minnow_vulkan());
 *   minnow_model_load("net.mnw", &model, &error);
 *
 * The system's Vulkan loader is opened with the first package, not before. With
 * MINNOW_VULKAN_VALIDATION=1 in the environment the validation layer watches,
 * and what it says goes to standard error.
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_VULKAN_H
#define MINNOW_VULKAN_H

#ifdef __cplusplus
extern "C" {
#endif

struct minnow_driver;

/* The driver for minnow_add_driver. */
const struct minnow_driver *minnow_vulkan(void);

#ifdef __cplusplus
}
#endif
#endif /* MINNOW_VULKAN_H */
