#===- engines.py - each contender loaded and run ---------------------------===//
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One class an engine, each with the settings its own documentation gives for
one image at a time in float32. An engine is made from (model file, threads,
NCHW image); `run()` is one inference and nothing else, `logits()` what the last
one gave. Imports stand in the classes: an engine is only in its own venv."""

import ctypes
import os

import numpy as np


class Minnow:
    """The C API, through the runtime's archive linked as a shared library."""

    class Error(ctypes.Structure):
        _fields_ = [("status", ctypes.c_int), ("message", ctypes.c_char * 1024)]

    def __init__(self, path, threads, image):
        self.library = ctypes.CDLL(os.environ["MINNOW_RUNTIME"])
        self.add_drivers(self.library)
        self.image, self.scores = np.ascontiguousarray(image), np.empty(1000, np.float32)
        self.error, model, self.context = self.Error(), ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.library.minnow_model_load(path.encode(), ctypes.byref(model), ctypes.byref(self.error)))
        self.check(self.library.minnow_context_create(model, threads, ctypes.byref(self.context),
                                                      ctypes.byref(self.error)))
        self.inputs = (ctypes.c_void_p * 1)(self.image.ctypes.data)
        self.outputs = (ctypes.c_void_p * 1)(self.scores.ctypes.data)

    @staticmethod
    def add_drivers(library):
        """Devices besides the CPU that models may be for."""

    def check(self, status):
        if status:
            raise RuntimeError(self.error.message.decode())

    def run(self):
        self.check(self.library.minnow_context_run(self.context, self.inputs, self.outputs, ctypes.byref(self.error)))

    def logits(self):
        return self.scores


class MinnowVulkan(Minnow):
    """The same on the first Vulkan device."""

    @staticmethod
    def add_drivers(library):
        library.minnow_vulkan.restype = ctypes.c_void_p
        library.minnow_add_driver(ctypes.c_void_p(library.minnow_vulkan()))


class OnnxRuntime:
    def __init__(self, path, threads, image):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.binding.bind_cpu_input(self.session.get_inputs()[0].name, image)
        self.scores = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty((1, 1000), np.float32))
        self.binding.bind_ortvalue_output(self.session.get_outputs()[0].name, self.scores)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def logits(self):
        return self.scores.numpy()


class OpenVino:
    def __init__(self, path, threads, image):
        import openvino
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
                    "INFERENCE_PRECISION_HINT": "f32"}
        core = openvino.Core()
        self.request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
        self.image = image  # the tensor below only points into it
        self.request.set_input_tensor(openvino.Tensor(self.image, shared_memory=True))

    def run(self):
        self.request.infer()

    def logits(self):
        return self.request.get_output_tensor().data


class LiteRt:
    def __init__(self, path, threads, image):
        from ai_edge_litert.interpreter import Interpreter
        self.interpreter = Interpreter(model_path=path, num_threads=threads)
        self.interpreter.allocate_tensors()
        (given,), (self.taken,) = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        image = np.ascontiguousarray(image.transpose(0, 2, 3, 1))
        if given["dtype"] == np.int8:  # its quantizer leaves the edges to the caller
            scale, zero = given["quantization"]
            image = np.clip(np.rint(image / scale) + zero, -128, 127).astype(np.int8)
        self.interpreter.set_tensor(given["index"], image)

    def run(self):
        self.interpreter.invoke()

    def logits(self):
        logits = self.interpreter.get_tensor(self.taken["index"])
        if logits.dtype == np.int8:
            scale, zero = self.taken["quantization"]
            logits = (logits.astype(np.float32) - zero) * scale
        return logits


class Ncnn:
    VULKAN = False

    def __init__(self, path, threads, image):
        import ncnn
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_vulkan_compute = self.VULKAN
        self.net.opt.use_fp16_packed = self.net.opt.use_fp16_storage = False
        self.net.opt.use_fp16_arithmetic = self.net.opt.use_bf16_storage = False
        if self.net.load_param(path) or self.net.load_model(path.replace(".param", ".bin")):
            raise RuntimeError(f"ncnn cannot load {path}")
        self.image = ncnn.Mat(image[0]).clone()  # the first only points into the array
        self.names = self.net.input_names()[0], self.net.output_names()[0]

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input(self.names[0], self.image)
        status, self.scores = extractor.extract(self.names[1])
        if status:
            raise RuntimeError(f"ncnn ends with status {status}")

    def logits(self):
        return np.array(self.scores)


class NcnnVulkan(Ncnn):
    """The same on the first Vulkan device; its time has upload and download, as Minnow's."""
    VULKAN = True


class Iree:
    def __init__(self, path, threads, image):
        import iree.runtime
        iree.runtime.flags.parse_flags(f"--task_topology_max_group_count={threads}")
        config = iree.runtime.Config("local-sync" if threads == 1 else "local-task")
        module = iree.runtime.VmModule.mmap(config.vm_instance, path)
        self.function = iree.runtime.load_vm_module(module, config)["main_graph"]
        self.image = iree.runtime.asdevicearray(config.device, image)

    def run(self):
        self.scores = self.function(self.image)

    def logits(self):
        return self.scores.to_host()


ENGINES = {"minnow": Minnow, "onnxruntime": OnnxRuntime, "openvino": OpenVino, "litert": LiteRt, "ncnn": Ncnn,
           "iree": Iree, "minnow-vulkan": MinnowVulkan, "ncnn-vulkan": NcnnVulkan}
