// Support.mlir - what emitted kernels and the entry code call
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linked into every program and local to it. A context is a stack of memory for
// one thread: { top, last block }. A block has a header of 128 bytes before it:
// { top before it, block before it, freed }. Kernels may free out of order; a
// block's memory comes back when all blocks above it are freed.
module {
  llvm.func @halide_malloc(%context: !llvm.ptr, %bytes: i64) -> !llvm.ptr {
    %c128 = llvm.mlir.constant(128 : i64) : i64
    %cm128 = llvm.mlir.constant(-128 : i64) : i64
    %c127 = llvm.mlir.constant(127 : i64) : i64
    %false = llvm.mlir.constant(0 : i64) : i64
    %last_field = llvm.getelementptr %context[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr)>
    %top = llvm.load %context : !llvm.ptr -> !llvm.ptr
    %last = llvm.load %last_field : !llvm.ptr -> !llvm.ptr
    %top_int = llvm.ptrtoint %top : !llvm.ptr to i64
    %up = llvm.add %top_int, %c127 : i64
    %header_int = llvm.and %up, %cm128 : i64
    %header = llvm.inttoptr %header_int : i64 to !llvm.ptr
    llvm.store %top, %header : !llvm.ptr, !llvm.ptr
    %header_last = llvm.getelementptr %header[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, i64)>
    llvm.store %last, %header_last : !llvm.ptr, !llvm.ptr
    %header_freed = llvm.getelementptr %header[0, 2] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, i64)>
    llvm.store %false, %header_freed : i64, !llvm.ptr
    %block = llvm.getelementptr %header[128] : (!llvm.ptr) -> !llvm.ptr, i8
    %new_top = llvm.getelementptr %block[%bytes] : (!llvm.ptr, i64) -> !llvm.ptr, i8
    llvm.store %new_top, %context : !llvm.ptr, !llvm.ptr
    llvm.store %header, %last_field : !llvm.ptr, !llvm.ptr
    llvm.return %block : !llvm.ptr
  }

  llvm.func @halide_free(%context: !llvm.ptr, %block: !llvm.ptr) {
    %null = llvm.mlir.zero : !llvm.ptr
    %true = llvm.mlir.constant(1 : i64) : i64
    %none = llvm.icmp "eq" %block, %null : !llvm.ptr
    llvm.cond_br %none, ^done, ^mark
  ^mark:
    %header = llvm.getelementptr %block[-128] : (!llvm.ptr) -> !llvm.ptr, i8
    %freed = llvm.getelementptr %header[0, 2] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, i64)>
    llvm.store %true, %freed : i64, !llvm.ptr
    %last_field = llvm.getelementptr %context[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr)>
    llvm.br ^look
  ^look:
    %last = llvm.load %last_field : !llvm.ptr -> !llvm.ptr
    %empty = llvm.icmp "eq" %last, %null : !llvm.ptr
    llvm.cond_br %empty, ^done, ^test
  ^test:
    %last_freed = llvm.getelementptr %last[0, 2] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, i64)>
    %flag = llvm.load %last_freed : !llvm.ptr -> i64
    %is_freed = llvm.icmp "eq" %flag, %true : i64
    llvm.cond_br %is_freed, ^pop, ^done
  ^pop:
    %top = llvm.load %last : !llvm.ptr -> !llvm.ptr
    llvm.store %top, %context : !llvm.ptr, !llvm.ptr
    %before_field = llvm.getelementptr %last[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, i64)>
    %before = llvm.load %before_field : !llvm.ptr -> !llvm.ptr
    llvm.store %before, %last_field : !llvm.ptr, !llvm.ptr
    llvm.br ^look
  ^done:
    llvm.return
  }

  // A closure: { kernel, buffers, scratch of thread 0, scratch bytes a thread }.
  llvm.func internal @minnow_task(%closure: !llvm.ptr, %task: i32, %thread: i32) {
    %one = llvm.mlir.constant(1 : i64) : i64
    %null = llvm.mlir.zero : !llvm.ptr
    %buffers_field = llvm.getelementptr %closure[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, ptr, i64)>
    %scratch_field = llvm.getelementptr %closure[0, 2] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, ptr, i64)>
    %bytes_field = llvm.getelementptr %closure[0, 3] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, ptr, i64)>
    %kernel = llvm.load %closure : !llvm.ptr -> !llvm.ptr
    %buffers = llvm.load %buffers_field : !llvm.ptr -> !llvm.ptr
    %scratch = llvm.load %scratch_field : !llvm.ptr -> !llvm.ptr
    %bytes = llvm.load %bytes_field : !llvm.ptr -> i64
    %wide = llvm.zext %thread : i32 to i64
    %offset = llvm.mul %wide, %bytes : i64
    %own = llvm.getelementptr %scratch[%offset] : (!llvm.ptr, i64) -> !llvm.ptr, i8
    %context = llvm.alloca %one x !llvm.struct<(ptr, ptr)> : (i64) -> !llvm.ptr
    llvm.store %own, %context : !llvm.ptr, !llvm.ptr
    %last_field = llvm.getelementptr %context[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr)>
    llvm.store %null, %last_field : !llvm.ptr, !llvm.ptr
    %code = llvm.call %kernel(%context, %task, %buffers) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr) -> i32
    llvm.return
  }

  // Runs all tasks of one call, on the caller's threads if it has any, and tells
  // the profiler. The structs are those of runtime/abi/minnow_abi.h.
  llvm.func internal @minnow_dispatch(%closure: !llvm.ptr, %tasks: i32, %arguments: !llvm.ptr, %call: i32)
      attributes {no_inline} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %null = llvm.mlir.zero : !llvm.ptr
    %threads_field = llvm.getelementptr %arguments[0, 4] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, ptr, ptr, ptr, ptr)>
    %threads = llvm.load %threads_field : !llvm.ptr -> !llvm.ptr
    %no_threads = llvm.icmp "eq" %threads, %null : !llvm.ptr
    %single = llvm.icmp "eq" %tasks, %one : i32
    %serial = llvm.or %no_threads, %single : i1
    llvm.cond_br %serial, ^loop(%zero : i32), ^parallel
  ^parallel:
    %self = llvm.load %threads : !llvm.ptr -> !llvm.ptr
    %run_field = llvm.getelementptr %threads[0, 2] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, i32, ptr)>
    %run = llvm.load %run_field : !llvm.ptr -> !llvm.ptr
    %task_function = llvm.mlir.addressof @minnow_task : !llvm.ptr
    llvm.call %run(%self, %tasks, %task_function, %closure) : !llvm.ptr, (!llvm.ptr, i32, !llvm.ptr, !llvm.ptr) -> ()
    llvm.br ^report
  ^loop(%task: i32):
    llvm.call @minnow_task(%closure, %task, %zero) : (!llvm.ptr, i32, i32) -> ()
    %next = llvm.add %task, %one : i32
    %more = llvm.icmp "ult" %next, %tasks : i32
    llvm.cond_br %more, ^loop(%next : i32), ^report
  ^report:
    %profiler_field = llvm.getelementptr %arguments[0, 5] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr, ptr, ptr, ptr, ptr)>
    %profiler = llvm.load %profiler_field : !llvm.ptr -> !llvm.ptr
    %no_profiler = llvm.icmp "eq" %profiler, %null : !llvm.ptr
    llvm.cond_br %no_profiler, ^done, ^tell
  ^tell:
    %profiler_self = llvm.load %profiler : !llvm.ptr -> !llvm.ptr
    %done_field = llvm.getelementptr %profiler[0, 1] : (!llvm.ptr) -> !llvm.ptr, !llvm.struct<(ptr, ptr)>
    %call_done = llvm.load %done_field : !llvm.ptr -> !llvm.ptr
    llvm.call %call_done(%profiler_self, %call) : !llvm.ptr, (!llvm.ptr, i32) -> ()
    llvm.br ^done
  ^done:
    llvm.return
  }
}
