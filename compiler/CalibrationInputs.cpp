//===- CalibrationInputs.cpp - a folder of photos or arrays ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/CalibrationInputs.h"
#include "mlir/IR/BuiltinTypes.h"
#include "runtime/Npy.h"
#include "runtime/Preprocess.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace minnow;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static bool isPhoto(StringRef path) {
  StringRef suffix = llvm::sys::path::extension(path);
  return suffix.equals_insensitive(".jpg") ||
         suffix.equals_insensitive(".jpeg") ||
         suffix.equals_insensitive(".png");
}

static mlir::RankedTensorType getInputType(mlir::func::FuncOp network) {
  return mlir::cast<mlir::RankedTensorType>(network.getArgumentTypes()[0]);
}

/// The paths in `directory`, hidden files left out, by name.
static Expected<std::vector<std::string>> listFiles(StringRef directory) {
  std::vector<std::string> paths;
  std::error_code code;
  llvm::sys::fs::directory_iterator entry(directory, code), end;
  for (; !code && entry != end; entry.increment(code))
    if (!llvm::sys::path::filename(entry->path()).starts_with("."))
      paths.push_back(entry->path());
  if (code)
    return createStringError(code, "cannot read the calibration folder '" +
                                       directory + "': " + code.message());
  llvm::sort(paths);
  for (StringRef path : paths)
    if (!isPhoto(path) && llvm::sys::path::extension(path) != ".npy")
      return createStringError("'" + path +
                               "' is neither a photo (.jpg, .jpeg, .png) nor "
                               "an array (.npy); keep only those in the "
                               "calibration folder");
  if (paths.empty())
    return createStringError("the calibration folder '" + directory +
                             "' is empty; put some 30 photos (.jpg, .png) or "
                             "arrays (.npy) of the kind that the network will "
                             "see into it");
  return paths;
}

Expected<CalibrationInputs>
CalibrationInputs::create(StringRef directory, mlir::func::FuncOp network) {
  if (network.getNumArguments() != 1)
    return createStringError("calibration takes networks with one input, this "
                             "one has " +
                             llvm::Twine(network.getNumArguments()));
  auto type =
      mlir::dyn_cast<mlir::RankedTensorType>(network.getArgumentTypes()[0]);
  if (!type || !type.hasStaticShape() || !type.getElementType().isF32())
    return createStringError("calibration takes networks with an input of f32");
  auto paths = listFiles(directory);
  if (!paths)
    return paths.takeError();
  CalibrationInputs inputs(network);
  inputs.paths = std::move(*paths);
  return inputs;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static Error toError(const minnow_error &error) {
  return createStringError(error.message);
}

Expected<std::vector<std::vector<float>>>
CalibrationInputs::readArray(const std::string &path) const {
  NpyArray array;
  minnow_error error;
  if (readNpy(path.c_str(), array, &error))
    return toError(error);
  llvm::ArrayRef<int64_t> wanted = getInputType(network).getShape();
  std::vector<uint64_t> single(wanted.begin(), wanted.end());
  auto fits = [&] {
    if (array.type != MINNOW_TYPE_F32 || array.shape.size() != single.size())
      return false;
    if (array.shape == single)
      return true;
    return !single.empty() && single[0] == 1 && array.shape[0] > 0 &&
           llvm::ArrayRef(array.shape).drop_front() ==
               llvm::ArrayRef(single).drop_front();
  };
  if (!fits())
    return createStringError(
        "'" + path + "' has the shape " + shapeText(array.shape) +
        (array.type == MINNOW_TYPE_F32 ? "" : " not of f32") +
        "; the network takes f32 of " + shapeText(single));
  size_t elements = getInputType(network).getNumElements();
  std::vector<std::vector<float>> inputs(array.data.size() / sizeof(float) /
                                         elements);
  for (auto [i, input] : llvm::enumerate(inputs)) {
    input.resize(elements);
    std::memcpy(input.data(), array.data.data() + i * elements * sizeof(float),
                elements * sizeof(float));
  }
  return inputs;
}

/// How the network wants photos; an error where it does not say.
static Expected<minnow_preprocessing_info>
getPreprocessing(mlir::func::FuncOp network, StringRef path) {
  auto attribute =
      network->getAttrOfType<mlir::DictionaryAttr>("mobile.preprocessing");
  minnow_preprocessing_info how = {0, "bilinear", {0, 0, 0}, {1, 1, 1}};
  auto resize = attribute ? attribute.getAs<mlir::IntegerAttr>("resize")
                          : mlir::IntegerAttr();
  if (!resize)
    return createStringError("the network does not say how to prepare the "
                             "photo '" +
                             path +
                             "'; calibrate with .npy files of its input");
  how.resize = resize.getInt();
  if (auto word = attribute.getAs<mlir::StringAttr>("interpolation"))
    how.interpolation = word.getValue() == "bicubic" ? "bicubic" : "bilinear";
  auto fill = [&](StringRef key, float *values) {
    if (auto list = attribute.getAs<mlir::ArrayAttr>(key))
      for (auto [i, value] :
           llvm::enumerate(list.getAsRange<mlir::FloatAttr>()))
        if (i < 3)
          values[i] = value.getValueAsDouble();
  };
  fill("mean", how.mean);
  fill("std", how.std);
  return how;
}

Expected<std::vector<float>>
CalibrationInputs::readPhoto(const std::string &path) const {
  auto how = getPreprocessing(network, path);
  if (!how)
    return how.takeError();
  auto type = getInputType(network);
  std::vector<uint32_t> dims(type.getShape().begin(), type.getShape().end());
  mlir::func::FuncOp function = network;
  auto layout =
      function.getArgAttrOfType<mlir::StringAttr>(0, "mobile.io_layout");
  minnow_tensor_info tensor = {};
  tensor.layout = layout && layout.getValue() == "nhwc" ? "nhwc" : "nchw";
  tensor.dims = dims.data();
  tensor.rank = dims.size();
  tensor.type = MINNOW_TYPE_F32;
  tensor.elements = type.getNumElements();
  tensor.bytes = tensor.elements * sizeof(float);
  bool isNchw = StringRef(tensor.layout) == "nchw";
  if (dims.size() != 4 || dims[0] != 1 || dims[isNchw ? 1 : 3] != 3)
    return createStringError("the network's input is not an image of three "
                             "channels; '" +
                             path +
                             "' does not fit, calibrate with .npy files");
  Image image;
  minnow_error error;
  if (readImage(path.c_str(), image, &error))
    return toError(error);
  std::vector<float> input(tensor.elements);
  imageToInput(image, *how, tensor, input.data());
  return input;
}

Expected<std::vector<std::vector<float>>>
CalibrationInputs::read(size_t index) const {
  const std::string &path = paths[index];
  if (!isPhoto(path))
    return readArray(path);
  auto photo = readPhoto(path);
  if (!photo)
    return photo.takeError();
  return std::vector<std::vector<float>>{std::move(*photo)};
}
