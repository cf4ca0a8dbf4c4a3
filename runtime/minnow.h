/*===- minnow.h - runs a compiled network ----------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The runtime's whole interface: load a compiled program, ask what it is, run
 * it. C11 and C++17, no other header. A model is read-only once loaded and may
 * be shared by threads; a context belongs to one caller at a time. Nothing is
 * allocated, locked or read from disk by minnow_context_run.
 *
 *   minnow_model *model;
 *   minnow_context *context;
 *   minnow_error error;
 *   if (minnow_model_load("net.so", &model, &error)) puts(error.message);
 *   if (minnow_context_create(model, 4, &context, &error)) puts(error.message);
 *   minnow_context_run(context, inputs, outputs, &error);
 *===----------------------------------------------------------------------===*/
#ifndef MINNOW_H
#define MINNOW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum minnow_status {
  MINNOW_STATUS_OK = 0,
  MINNOW_STATUS_BAD_FILE,     /* cannot be read, or is not what it should be */
  MINNOW_STATUS_UNSUPPORTED,  /* asks for what this machine or runtime lacks */
  MINNOW_STATUS_BAD_ARGUMENT, /* the call itself is wrong */
  MINNOW_STATUS_NO_RESOURCES  /* the system gave no memory or no thread */
} minnow_status;

/* What went wrong, in one line for people. Every function that takes an error
 * accepts null there, and fills it only when it returns another status than
 * MINNOW_STATUS_OK. */
typedef struct minnow_error {
  minnow_status status;
  char message[1024];
} minnow_error;

typedef enum minnow_type {
  MINNOW_TYPE_F32 = 0,
  MINNOW_TYPE_F16,
  MINNOW_TYPE_S8,
  MINNOW_TYPE_U8,
  MINNOW_TYPE_S32
} minnow_type;

/* An input or an output. Pointers live as long as the model. Stored integers
 * mean scale * (stored - zero_point); scale is 0 where there is none. */
typedef struct minnow_tensor_info {
  const char *name;
  const char *layout; /* "nchw", "nhwc" or "" */
  const uint32_t *dims;
  uint32_t rank;
  minnow_type type;
  float scale;
  int32_t zero_point;
  uint64_t elements;
  uint64_t bytes;
} minnow_tensor_info;

/* How an image becomes input 0: the short side to `resize` pixels, the centre
 * cropped to the input's size, scaled to 0..1, then (value - mean) / std for
 * each of R, G and B. */
typedef struct minnow_preprocessing_info {
  uint32_t resize;
  const char *interpolation; /* "bilinear" or "bicubic" */
  float mean[3];
  float std[3];
} minnow_preprocessing_info;

/* The network as a whole. Sizes in bytes; the workspace of a context is
 * arena_bytes + threads * scratch_bytes. */
typedef struct minnow_model_info {
  const char *name;
  const char *target;
  const char *compiler;
  uint32_t inputs;
  uint32_t outputs;
  uint32_t kernels;
  uint32_t calls;
  uint64_t arena_bytes;
  uint64_t scratch_bytes;
  uint64_t weights_bytes;
} minnow_model_info;

/* A kernel's code; several calls may share it. */
typedef struct minnow_kernel_info {
  const char *name;
  uint64_t macs;      /* multiply-accumulates of one call */
  uint64_t bytes;     /* inputs, weights and outputs of one call */
  int is_reference;   /* taken by the slow way */
  uint64_t byte_macs; /* those of macs that multiply bytes */
} minnow_kernel_info;

/* One call of a kernel, in program order. */
typedef struct minnow_call_info {
  uint32_t kernel; /* below minnow_model_info.kernels */
  uint32_t tasks;
  const char *layer; /* the layer or block that it came from, or "" */
} minnow_call_info;

typedef struct minnow_model minnow_model;
typedef struct minnow_context minnow_context;
struct minnow_driver;  /* a kind of device: see the header of its library */
struct minnow_program; /* of a linked object: see its own header */
struct minnow_threads; /* an app's thread pool: see the same header */

/* Has packages for the kind of device `driver` run from now on; the library of
 * a device gives it. Called before the first load, by one thread. Null is
 * allowed. */
void minnow_add_driver(const struct minnow_driver *driver);

/* Loads the compiled program in the file `path`: a `.so`, which is code and is
 * trusted as such, its description verified and its weights copied once; or a
 * package `.mnw`, of which everything is verified, for a device whose driver
 * was added. */
minnow_status minnow_model_load(const char *path, minnow_model **model,
                                minnow_error *error);

/* The same on the device `device`: "cpu", or a driver's name, which takes its
 * first device, or NAME:N for the device number N. Null or "": what the program
 * is for. */
minnow_status minnow_model_load_on(const char *path, const char *device,
                                   minnow_model **model, minnow_error *error);

/* The same for a program that is linked into the app; `program` must outlive
 * the model. */
minnow_status minnow_model_wrap(const struct minnow_program *program,
                                minnow_model **model, minnow_error *error);

/* Frees a model after its contexts. Null is allowed. */
void minnow_model_free(minnow_model *model);

/* The device that runs the model, for people: "cpu", or as its driver names it.
 * Lives as long as the model. */
const char *minnow_model_device(const minnow_model *model);

minnow_model_info minnow_model_describe(const minnow_model *model);

/* The part number `index`; MINNOW_STATUS_BAD_ARGUMENT when there is none. */
minnow_status minnow_model_input(const minnow_model *model, uint32_t index,
                                 minnow_tensor_info *info);
minnow_status minnow_model_output(const minnow_model *model, uint32_t index,
                                  minnow_tensor_info *info);
minnow_status minnow_model_kernel(const minnow_model *model, uint32_t index,
                                  minnow_kernel_info *info);
minnow_status minnow_model_call(const minnow_model *model, uint32_t index,
                                minnow_call_info *info);

/* MINNOW_STATUS_BAD_ARGUMENT when the program names no preprocessing. */
minnow_status minnow_model_preprocessing(const minnow_model *model,
                                         minnow_preprocessing_info *info);

/* Makes the workspace and the threads for running `model`. The caller of
 * minnow_context_run is one of the `threads`; 0 asks for one a core. Results
 * do not depend on it. */
minnow_status minnow_context_create(const minnow_model *model, uint32_t threads,
                                    minnow_context **context,
                                    minnow_error *error);

/* Ends the threads and frees the workspace. Null is allowed. */
void minnow_context_free(minnow_context *context);

uint32_t minnow_context_threads(const minnow_context *context);
uint64_t minnow_context_workspace_bytes(const minnow_context *context);

/* Has the coming runs hand their tasks to `threads`, which must outlive them,
 * in place of the context's own; null ends it. MINNOW_STATUS_BAD_ARGUMENT when
 * `threads` counts none, or more than the context was made for. */
minnow_status minnow_context_use_threads(minnow_context *context,
                                         const struct minnow_threads *threads,
                                         minnow_error *error);

/* Has `call_done` called after each kernel call of the coming runs, with the
 * call's index; null ends it. On the CPU only: see minnow_context_time. */
void minnow_context_profile(minnow_context *context,
                            void (*call_done)(void *self, uint32_t call),
                            void *self);

/* Has `call_took` called after each coming run for each kernel call with the
 * time that the device took for it; null ends it. MINNOW_STATUS_UNSUPPORTED on
 * the CPU. */
minnow_status minnow_context_time(minnow_context *context,
                                  void (*call_took)(void *self, uint32_t call,
                                                    double microseconds),
                                  void *self);

/* One inference. `inputs` and `outputs` hold a pointer for each input and
 * output of the model, to its `bytes`, aligned to its element; they must not
 * overlap. */
minnow_status minnow_context_run(minnow_context *context,
                                 const void *const *inputs,
                                 void *const *outputs, minnow_error *error);

#ifdef __cplusplus
}
#endif
#endif /* MINNOW_H */
