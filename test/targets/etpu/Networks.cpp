//===- Networks.cpp - seeded networks of bytes ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "test/targets/etpu/Networks.h"

using namespace minnow;
using namespace minnow::etpu;

Network etpu::makeNetwork(unsigned seed) {
  Builder b(seed);
  auto width = [&] { return uint32_t(b.pick(3, 80)); };
  int x = b.addInput(b.pick(17, 40), b.pick(17, 40), b.pick(1, 5));
  x = b.addConv(x, width(), 3, 2);
  for (int block = b.pick(2, 5); block > 0; --block) {
    uint32_t channels = b.network.tensors[x].channels;
    int start = x;
    switch (b.pick(0, 4)) {
    case 0: // an inverted bottleneck with its residual
      x = b.addConv(x, 4 * channels + b.pick(0, 7));
      x = b.addDwConv(x, b.pick(0, 1) ? 3 : 5);
      x = b.addConv(x, channels);
      b.addAddend(start);
      break;
    case 1: // depthwise first, then strided
      x = b.addDwConv(x, 3);
      x = b.addConv(x, 3 * channels);
      b.setTable(b.network.layers.back());
      x = b.addDwConv(x, 5, 2);
      x = b.addConv(x, width());
      break;
    case 2:
      x = b.addConv(x, width(), 3, b.pick(1, 2));
      x = b.addLookup(x);
      break;
    case 4: { // with a squeeze-excite
      x = b.addDwConv(x, 3);
      int factors = b.addConv(b.addConv(b.addPool(x), width()), channels);
      x = b.addConv(b.addScale(x, factors), width());
      break;
    }
    case 3: { // multi-query or multi-head attention
      uint32_t heads = b.pick(1, 4), depth = b.pick(8, 64), own = b.pick(0, 1);
      int query = b.addConv(x, heads * depth);
      int small = b.addDwConv(x, 3, b.pick(1, 2));
      int key = b.addConv(small, own ? heads * depth : depth);
      b.setOffsets();
      int value = b.addConv(small, own ? heads * depth : depth);
      x = b.addAttention(query, key, value, heads, depth);
      x = b.addSum(b.addConv(x, channels), start);
      break;
    }
    }
  }
  return b.finish(b.addConv(b.addPool(x), b.pick(10, 130)));
}
