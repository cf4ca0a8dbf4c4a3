//===- Analyze.h - what the cost model says of a network --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `minnow analyze` as a library: a network's work and traffic by blocks and
// kernels, the time that the target's machine should take, and why what is one
// kernel is one. Nothing is emitted, so it takes a second and needs no trained
// weights.
//===----------------------------------------------------------------------===//
#ifndef MINNOW_COMPILER_ANALYZE_H
#define MINNOW_COMPILER_ANALYZE_H

#include "compiler/Compile.h"
#include "llvm/Support/raw_ostream.h"

namespace minnow {

/// Work, traffic and times, of a kernel or of several together. A kernel's
/// traffic counts each tensor that enters or leaves it once.
struct Figures {
  uint64_t macs = 0, bytes = 0;
  double seconds = 0, macSeconds = 0, memorySeconds = 0;
  double measuredSeconds = 0; // 0: not measured

  Figures &operator+=(const Figures &other);
  double getIntensity() const { return bytes ? double(macs) / bytes : 0; }
};

struct Analysis {
  /// One call of a kernel.
  struct Kernel : Figures {
    std::string name, layer;
    std::string bound; // "MACs", or the level that most of its bytes come from
    bool fast;
    std::string slowReason;
  };
  /// A block, or what is in none; several where one kernel computes parts of
  /// each.
  struct Row : Figures {
    std::string name, kind, shape;
    std::string bound; // of the kernel that takes longest
    size_t firstKernel, kernels;
  };
  struct Decision {
    std::string layers;
    bool fused, allowed;
    double together, apart; // seconds, see FusionDecision
    std::string why;
  };
  /// Primitives of one kind.
  struct Kind {
    std::string name;
    size_t count = 0;
    uint64_t macs = 0;
  };

  std::string network, input; // its name, the shapes of its inputs
  std::unique_ptr<Target> target;
  std::vector<Row> rows;
  std::vector<Kernel> kernels;
  std::vector<Decision> decisions;
  std::vector<Kind> kinds;
  Figures total;
  uint64_t parameters;    // as given; without a batch norm's statistics
  uint64_t filterWeights; // what is left of them in filters after folding
  uint64_t otherWeights;  // biases above all
  uint64_t arenaBytes, weightBytes;
  std::string measuredOn; // device and threads; empty: not measured
};

/// Analyzes `options.model` for `options.target`; a named network without
/// weights takes seeded ones. `measured` is the path of what `minnow-bench
/// --profile --json` wrote of the same network, or empty.
llvm::Expected<Analysis> analyze(CompileOptions options,
                                 llvm::StringRef measured);

/// Writes the analysis as tables for people, or as JSON.
void printText(const Analysis &analysis, llvm::raw_ostream &stream);
void printJson(const Analysis &analysis, llvm::raw_ostream &stream);

} // namespace minnow

#endif // MINNOW_COMPILER_ANALYZE_H
