#pragma once

#include <memory>
#include <string>

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// A mixer (or feed-forward part) that keeps a state of each sequence. Each kind is a file of its
/// own beside this one.
class RecurrentBlock {
 public:
  virtual ~RecurrentBlock() = default;
  /// Floats that run() takes of the workspace for each row.
  virtual std::int64_t workspace_columns() const = 0;
  /// out += block(in), or out = that if `accumulate` is false, with the state at `state`. in, out:
  /// [rows, width].
  virtual void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const = 0;
};

/// SiLU of a causal convolution of each column, in new rows of the workspace. weight
/// [kernel][columns], bias [columns] or null. `state` advances past what the convolution keeps.
View convolve(const Pass& pass, int kernel, const Buffer& weight, const Buffer* bias,
              StatePart& state, View in);

/// Loads the kind of block that `spec` is, null if it is none; `width` is the residual stream's.
std::unique_ptr<RecurrentBlock> load_recurrent(WeightLoader& loader, const RecurrentSpec& spec,
                                               std::int64_t width, const std::string& prefix);

// load_recurrent() for each kind, each in its own file.
using RecurrentBlockPtr = std::unique_ptr<RecurrentBlock>;
RecurrentBlockPtr load_block(WeightLoader& loader, const ShortConvolutionSpec& spec,
                             std::int64_t width, const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const MambaSpec& spec, std::int64_t width,
                             const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const Mamba2Spec& spec, std::int64_t width,
                             const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const PlamoMambaSpec& spec, std::int64_t width,
                             const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const DeltaNetSpec& spec, std::int64_t width,
                             const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const KimiDeltaSpec& spec, std::int64_t width,
                             const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const LightningSpec& spec, std::int64_t width,
                             const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const Rwkv6Spec& spec, std::int64_t width,
                             const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const Rwkv7Spec& spec, std::int64_t width,
                             const std::string& prefix);
RecurrentBlockPtr load_block(WeightLoader& loader, const RwkvChannelMixSpec& spec,
                             std::int64_t width, const std::string& prefix);

}  // namespace linnet
