#pragma once

#include <memory>

#include "backend/backend.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// What a tower in the middle takes its rows for, of the symbols of a script, comes back to them:
/// the probabilities that training by connectionist temporal classification gave them
/// (https://arxiv.org/abs/2104.02724).
class CtcFeedback {
 public:
  /// `a.enc_ctc_out`, from `width` columns to symbols, and `a.enc_ctc_out_mid`, back. What is wrong
  /// with the file goes to `loader`. `backend` must outlive the object.
  CtcFeedback(WeightLoader& loader, std::int64_t width, Backend& backend);
  /// Before the first add().
  Status allocate();

  /// Floats that all of this takes at most besides its weights.
  static std::int64_t most_floats(std::int64_t rows);
  /// Floats of a workspace that add() takes.
  std::int64_t workspace_floats(std::int64_t rows) const;
  void add(Workspace& workspace, View rows) const;

 private:
  Backend& backend_;
  std::int64_t symbols_ = 1;
  Linear out_, back_;
  std::unique_ptr<Buffer> ones_;  // [symbols][symbols]
  std::unique_ptr<KvStore> kv_;
};

}  // namespace linnet
