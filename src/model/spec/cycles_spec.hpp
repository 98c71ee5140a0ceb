#pragma once

namespace linnet {

/// Layers that come several times over the same tokens. ModelSpec::layers has the layers of all
/// passes, each with keys and values of its own; those that stand at the same place of a stack
/// share their weights. There are two stacks that take turns (HRM-Text,
/// https://arxiv.org/abs/2506.21734), passes of the low one, then one of the high one, and so on;
/// or a single stack is passed again and again (Nanbeige).
struct CyclesSpec {
  int stack = 0;  ///< layers of a stack; 0: every layer comes once
  int low = 0;    ///< passes of the low stack before each of the high one; 0: there is one stack
  bool normalises = false;  ///< a single one: the norm after the last pass is after each

  bool has_two_stacks() const { return low > 0; }
  bool is_high(int layer) const { return has_two_stacks() && layer / stack % (low + 1) == low; }
  bool begins_pass(int layer) const { return layer % stack == 0; }
  bool ends_pass(int layer) const { return begins_pass(layer + 1); }
  /// The number that the file gives to the weights of a layer: the high stack is after the low
  /// one.
  int block(int layer) const {
    if (stack == 0) return layer;
    return layer % stack + (is_high(layer) ? stack : 0);
  }
};

}  // namespace linnet
