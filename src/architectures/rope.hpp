#pragma once

#include <cstdint>
#include <vector>

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/rope_frequencies.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Everything that rope takes but the layout, read from `rope.*`.
struct Rope {
  float base = 10000.0f;
  RopeScaling scaling;
  int dims = 0;
  std::vector<float> factors;  ///< [dims / 2] or none
};

/// Reads `rope.freq_base`, `rope.dimension_count`, `rope.scaling.*`, and the factors of
/// rope_freqs.weight (Llama 3) or rope_factors_long/short.weight (LongRoPE) if the file has
/// them.
Rope read_rope(Hyperparameters& p, WeightLoader& loader, const ModelSpec& spec);

/// The same for latent attention, whose files hold a tenth of DeepSeek's mscale_all_dim. They have
/// no mscale: it is alike in all models, so that the rotary columns keep their magnitude.
Rope read_latent_rope(Hyperparameters& p, WeightLoader& loader, const ModelSpec& spec);

/// Keeps the error that `dims` columns of a head of `head_width` can't be rotated.
void fail_rope(Hyperparameters& p, int dims, std::int64_t head_width);

/// `rope` for heads of `head_width` columns. None, and an error if they are too narrow.
RopeSpec fit_rope(Hyperparameters& p, RopeSpec rope, std::int64_t head_width);

/// The same of what was read; it rotates the first columns of a head.
RopeSpec make_rope(Hyperparameters& p, const Rope& rope, RopeLayout layout,
                   std::int64_t head_width);

/// Gives the heads of `attention` this rope.
void set_rope(Hyperparameters& p, const Rope& rope, RopeLayout layout, AttentionSpec& attention);

/// How multi-section rope shares columns out to time, height and width; of blocks there may be a
/// fourth.
enum class SectionOrder { kBlocks, kInterleaved };

/// Multi-section rope (https://arxiv.org/abs/2409.12191) rotates columns by time, height and width,
/// which for text are all the position: the placed ropes of all layers by
/// `rope.dimension_sections`, if the file has them.
void place_ropes(Hyperparameters& p, SectionOrder order, ModelSpec& spec);

/// Whether an architecture heeds the factors that its files have.
enum class RopeFactors { kUsed, kUnused };

/// read_rope() and set_rope() for all layers. Returns what was read.
Rope read_rope_for_all(Hyperparameters& p, WeightLoader& loader, RopeLayout layout, ModelSpec& spec,
                       RopeFactors factors = RopeFactors::kUsed);

/// `rope` of the `rope.dimension_count_swa` columns that it rotates in sliding layers.
Rope with_sliding_dims(Hyperparameters& p, Rope rope);

/// `rope` of the base that sliding layers of some architectures have if the file names none,
/// whatever the others' is.
Rope with_usual_base(Rope rope);

/// Gives the sliding layers rope of their own base `rope.freq_base_swa` (else the common one),
/// scaled only with `scaled`.
void set_sliding_rope(Hyperparameters& p, Rope rope, RopeLayout layout, bool scaled,
                      ModelSpec& spec);

/// Only the layers with a sliding window keep their rope, if there are such layers.
void drop_rope_of_full_layers(ModelSpec& spec);
/// 'No rope' layers: every `step`-th, counted from one.
void drop_rope_of_every(ModelSpec& spec, int step);

}  // namespace linnet
