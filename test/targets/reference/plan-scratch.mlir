// RUN: minnow-opt --pass-pipeline='builtin.module(func.func(plan-scratch))' %s | FileCheck %s

// The second buffer starts at the next multiple of 128.
// CHECK-LABEL: func.func @two
// CHECK-SAME: (%{{.*}}: memref<4xf32>, %[[SCRATCH:.*]]: memref<384xi8>)
// CHECK: %[[C0:.*]] = arith.constant 0 : index
// CHECK: memref.view %[[SCRATCH]][%[[C0]]][] : memref<384xi8> to memref<5x5xf32>
// CHECK: %[[C128:.*]] = arith.constant 128 : index
// CHECK: memref.view %[[SCRATCH]][%[[C128]]][] : memref<384xi8> to memref<64xf32>
func.func @two(%x: memref<4xf32>) -> (memref<5x5xf32>, memref<64xf32>) {
  %0 = memref.alloc() : memref<5x5xf32>
  %1 = memref.alloc() : memref<64xf32>
  return %0, %1 : memref<5x5xf32>, memref<64xf32>
}

// CHECK-LABEL: func.func @none
// CHECK-SAME: (%{{.*}}: memref<4xf32>) {
func.func @none(%x: memref<4xf32>) {
  return
}
