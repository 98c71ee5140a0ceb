#pragma once

namespace linnet {

/// Two stacks of layers that take turns over the same tokens (HRM-Text,
/// https://arxiv.org/abs/2506.21734): passes of the low one, then one of the high one, and so on.
/// ModelSpec::layers has the layers of all passes, each with keys and values of its own; those that
/// stand at the same place of a stack share their weights.
struct CyclesSpec {
  int stack = 0;  ///< layers of a stack; 0: every layer comes once
  int low = 0;    ///< passes of the low stack before each of the high one

  bool is_high(int layer) const { return layer / stack % (low + 1) == low; }
  bool begins_pass(int layer) const { return layer % stack == 0; }
  bool ends_pass(int layer) const { return begins_pass(layer + 1); }
  /// The number that the file gives to the weights of a layer: the high stack is behind the low
  /// one.
  int block(int layer) const {
    if (stack == 0) return layer;
    return layer % stack + (is_high(layer) ? stack : 0);
  }
};

}  // namespace linnet
