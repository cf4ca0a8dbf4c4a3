//===- Attention.cpp - attention with shared keys and values --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A lane has one query of one head. All lanes go through the keys together, so
// the lanes of a cluster read a key and its value once for all of them; the
// softmax is summed up on the way, with the largest logit so far.
//===----------------------------------------------------------------------===//
#include "targets/vulkan/Kernels.h"
#include "llvm/Support/MathExtras.h"

using namespace minnow;
using namespace minnow::vulkan;
using namespace minnow::mobile;
using mlir::Value;
using mlir::ValueRange;
using Values = Shader::Values;

namespace {

/// A row of keys or of values that a cluster has read.
class SharedRow {
public:
  SharedRow(Shader &shader, Value tensor, Value row, int64_t quads)
      : shader(shader) {
    unsigned cluster = shader.getGpu().cluster;
    Value start = shader.mul(row, quads);
    Value own = cluster > 1 ? shader.getClusterLane() : Value();
    for (int64_t i = 0; i < quads; i += cluster) {
      Value quad = own ? shader.add(own, i) : shader.index(i);
      // Of the last round only the first lanes are asked.
      if (i + cluster > quads)
        quad = shader.min(quad, shader.index(quads - 1));
      loaded.push_back(shader.load(tensor, shader.add(start, quad)));
    }
  }

  Value get(int64_t quad) {
    unsigned cluster = shader.getGpu().cluster;
    if (cluster == 1)
      return loaded[quad];
    return shader.shuffle(loaded[quad / cluster],
                          shader.add(shader.getClusterBase(), quad % cluster));
  }

private:
  Shader &shader;
  Values loaded;
};

} // namespace

const char *vulkan::checkAttention(AttentionOp op, const Gpu &gpu) {
  if (op.getKeyHeads() != 1)
    return "heads with keys of their own";
  if (op.getKeyWidth() % 4 || op.getValueWidth() % 4)
    return "keys or values that are no whole number of quads";
  if (op.getNumQueries() * op.getHeads() % gpu.cluster)
    return "queries of two images in one cluster";
  // As many sums as the widest tile of a product has.
  if (op.getKeyWidth() > 64 || op.getValueWidth() > 64)
    return "keys or values of more than 64 channels";
  return nullptr;
}

Values vulkan::makeAttention(Shader &shader, AttentionOp op, Value batch,
                             Value query, Value head) {
  int64_t keyQuads = op.getKeyWidth() / 4, valueQuads = op.getValueWidth() / 4;
  Value start = shader.mul(
      shader.add(
          shader.mul(shader.add(shader.mul(batch, op.getNumQueries()), query),
                     op.getHeads()),
          head),
      keyQuads);
  Value scale = shader.quad(op.getScale().convertToDouble());
  Values queries;
  for (int64_t i = 0; i < keyQuads; ++i)
    queries.push_back(
        shader.mulf(shader.load(op.getQuery(), shader.add(start, i)), scale));

  Values init = {shader.number(-3.0e38), shader.number(0)};
  init.append(valueQuads, shader.quad(0));
  Value firstKey = shader.mul(batch, op.getNumKeys());
  auto addKey = [&](Value key, ValueRange sums) -> Values {
    Value row = shader.add(firstKey, key);
    SharedRow keys(shader, op.getKey(), row, keyQuads);
    Value product = shader.quad(0);
    for (int64_t i = 0; i < keyQuads; ++i)
      product = shader.fma(queries[i], keys.get(i), product);
    Value logit = shader.addf(
        shader.addf(shader.extract(product, 0), shader.extract(product, 1)),
        shader.addf(shader.extract(product, 2), shader.extract(product, 3)));
    Value most = shader.maxf(sums[0], logit);
    Value rest = shader.exp(shader.subf(sums[0], most)),
          weight = shader.exp(shader.subf(logit, most));
    Values result = {most, shader.fma(sums[1], rest, weight)};
    SharedRow values(shader, op.getValue(), row, valueQuads);
    Value restQuad = shader.splat(rest), weightQuad = shader.splat(weight);
    for (int64_t i = 0; i < valueQuads; ++i)
      result.push_back(shader.fma(sums[2 + i], restQuad,
                                  shader.mulf(values.get(i), weightQuad)));
    return result;
  };
  Values sums = shader.loop(op.getNumKeys(), init, addKey);
  Value inverse = shader.splat(shader.divf(shader.number(1), sums[1]));
  Values results;
  for (int64_t i = 0; i < valueQuads; ++i)
    results.push_back(shader.mulf(sums[2 + i], inverse));
  return results;
}

llvm::Expected<Written> vulkan::writeAttention(KernelOp kernel, const Gpu &gpu,
                                               const ShaderPlan &plan) {
  auto op = llvm::cast<AttentionOp>(plan.main);
  int64_t heads = op.getHeads(), quads = op.getValueWidth() / 4,
          batch = op.getQuery().getType().getDimSize(0);
  int64_t count = batch * op.getNumQueries() * heads;
  Shader shader(kernel, gpu,
                llvm::SmallVector<unsigned>(kernel.getNumArguments() + 1, 4),
                kInvocations);
  Value number = shader.add(shader.mul(shader.getGroup(0), kInvocations),
                            shader.getThread());
  // All lanes of a cluster are needed, also those past the end.
  Value safe = shader.min(number, shader.index(count - 1));
  Value position = shader.div(safe, heads);
  Values results = makeAttention(
      shader, op,
      batch == 1 ? shader.index(0) : shader.div(position, op.getNumQueries()),
      shader.rem(position, op.getNumQueries()), shader.rem(safe, heads));
  shader.ifThen(shader.isInside(number, count), [&] {
    for (auto [i, value] : llvm::enumerate(results))
      shader.store(value, shader.add(shader.mul(number, quads), i));
  });
  return shader.finish({uint32_t(llvm::divideCeil(count, kInvocations)), 1, 1});
}
