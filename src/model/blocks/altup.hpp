#pragma once

#include <vector>

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Alternating updates (https://arxiv.org/abs/2301.13310): several residual streams, of which a
/// layer computes the first and predicts the others. What leads to the streams before the first
/// layer, or from them after the last one.
struct AltupTable {
  std::vector<Linear> projections;  ///< to or from the streams besides the first
  std::unique_ptr<Buffer> mean;     ///< [width] of 1 / width
};

/// The part of a layer: prediction, correction, and the low-rank path beside attention (laurel).
struct AltupWeights {
  Norm router_norm;
  Linear router, predict, correct;
  std::unique_ptr<Buffer> correct_scale;
  Linear laurel_left, laurel_right;
  Norm laurel_norm;
};

/// Loads `stem`: altup_proj or altup_unembd_proj.
AltupTable load_altup_table(WeightLoader& loader, const ModelSpec& spec, const std::string& stem);
/// Loads `prefix`.altup_router and so on. Both give nothing in models of one stream.
AltupWeights load_altup(WeightLoader& loader, const ModelSpec& spec, const std::string& prefix);

/// Floats that the streams and these functions take of the workspace for each row.
std::int64_t altup_columns(const ModelSpec& spec);

/// The streams, of which `x` is the first; the others are in new rows of the workspace.
std::vector<View> spread_streams(const Pass& pass, const AltupTable& table, View x);
/// Their mean, into the first.
void gather_streams(const Pass& pass, const AltupTable& table, const std::vector<View>& streams);

/// What the layer is expected to make of the streams, in new rows of the workspace.
std::vector<View> predict_streams(const Pass& pass, const AltupWeights& weights,
                                  const std::vector<View>& streams);
/// streams = predicted, corrected by what the layer made of the first one.
void correct_streams(const Pass& pass, const AltupWeights& weights,
                     const std::vector<View>& predicted, View computed,
                     const std::vector<View>& streams);
/// out = in + norm(right(left(in))). in, out: [rows, width].
void laurel_block(const Pass& pass, const AltupWeights& weights, View in, View out);

}  // namespace linnet
