/*===- CostApiTest.c - the cost model from C -------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Equation 1 by hand on a machine of one level, and what bad input gives.
 *===----------------------------------------------------------------------===*/
#include "targets/cost/minnow_cost.h"
#include <stdio.h>
#include <string.h>

static int failures;

static void expect(int holds, const char *what) {
  if (!holds) {
    printf("not so: %s\n", what);
    ++failures;
  }
}

static const char kMachine[] =
    "{\"name\": \"paper\", \"architecture\": \"x\", \"cpus\": [], "
    "\"features\": [], \"macs_per_second\": 100, \"call_seconds\": 1, "
    "\"strip_loss\": 0.5, \"vector_bytes\": 16, \"registers\": 16, "
    "\"memory\": [{\"name\": \"DRAM\", \"bytes_per_second\": 4}]}";

int main(void) {
  char error[128] = "";
  minnow_cost_machine *machine =
      minnow_cost_read_machine(kMachine, error, sizeof error);
  expect(machine != NULL, "a good machine is read");
  expect(minnow_cost_ridge(machine) == 25, "the ridge is peak / bandwidth");

  minnow_cost_kernel kernel = {0};
  kernel.macs = 1000;
  kernel.weight_passes = 1;
  kernel.weight_bytes = 8;
  kernel.input_bytes = kernel.output_bytes = 4;
  minnow_cost_estimate estimate = minnow_cost_predict(machine, &kernel, 0);
  expect(estimate.mac_seconds == 10 && estimate.memory_seconds == 4 &&
             estimate.seconds == 11 && estimate.bound == MINNOW_COST_BOUND_MACS,
         "1000 MACs take longer than 16 bytes");
  kernel.strip_macs = 1000;
  kernel.weight_passes = 9;
  estimate = minnow_cost_predict(machine, &kernel, 0);
  expect(estimate.mac_seconds == 15 && estimate.memory_seconds == 20 &&
             estimate.bound == MINNOW_COST_BOUND_MEMORY && estimate.level == 0,
         "strips cost arithmetic, and read the weights again");
  minnow_cost_free_machine(machine);

  expect(!minnow_cost_read_machine("{}", error, sizeof error) &&
             strstr(error, "\"name\" must be a string"),
         "a bad machine is refused with a reason");
  expect(minnow_cost_find_machine("cortex-a76") != NULL,
         "the machines of the build are there");
  expect(!minnow_cost_find_machine("abacus"), "others are not");
  return failures != 0;
}
