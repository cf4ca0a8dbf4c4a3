// RUN: rm -f %t.json
// RUN: minnow-opt %s --schedule=tune=%t.json | FileCheck %s
// RUN: FileCheck %s --check-prefix=TABLE < %t.json
// RUN: cp %t.json %t.before
// RUN: minnow-opt %s --schedule=tune=%t.json | FileCheck %s
// RUN: diff %t.json %t.before
// RUN: echo '[]' > %t.bad
// RUN: not minnow-opt %s --schedule=tune=%t.bad 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: echo '{"machine": "abacus", "schedules": {}}' > %t.other
// RUN: not minnow-opt %s --schedule=tune=%t.other 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not minnow-opt %S/Inputs/other-machine.mlir --schedule=tune=%t.json 2>&1 | FileCheck %s --check-prefix=CROSS

// What is measured is kept in a file, and is not measured again.

// CHECK:      mobile.kernel @product(
// CHECK-SAME:     tensor<1x1x16x48xf32> {mobile.layout = #mobile.layout<panels
// CHECK-SAME:     attributes {schedule = #mobile.schedule<

// TABLE:      "machine": "
// TABLE:      "schedules": {
// TABLE-NEXT: "conv2d_1x4x4x16_1x4x4x48-{{[0-9a-f]+}}": "<{{.*}}>"

// BAD:   error: '{{.*}}' is no table of schedules: expected a JSON object {"machine": NAME, "schedules": {KERNEL: SCHEDULE}}
// OTHER: error: the schedules in '{{.*}}' are for the machine 'abacus', not for '{{.*}}'; name another file
// CROSS: error: --tune measures on this machine, which cannot run code for cortex-a76; leave --tune or --cpu out
module attributes {mobile.target = {name = "cpu", triple = "", cpu = "native"}} {
  mobile.kernel @product(%x: tensor<1x4x4x16xf32>, %w: tensor<1x1x16x48xf32>) -> tensor<1x4x4x48xf32> {
    %y = mobile.conv2d %x, %w : tensor<1x4x4x16xf32>, tensor<1x1x16x48xf32> -> tensor<1x4x4x48xf32>
    mobile.yield %y : tensor<1x4x4x48xf32>
  }
}
