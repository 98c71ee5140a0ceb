#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Arcee: squared ReLU without a gate.
ModelSpec read_arcee(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  set_activation(spec, Activation::kReluSquared);
  return spec;
}

// Mistral 3: queries grow with the position beyond the original context.
ModelSpec read_mistral3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent_normalised(p, loader);
  const QueryTemperature temperature = read_temperature(p);
  each_attention(spec, [&](AttentionSpec& a) { a.temperature = temperature; });
  return spec;
}

// SmolLM3: every fourth layer goes without rope (https://arxiv.org/abs/2501.18795).
ModelSpec read_smollm3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  drop_rope_of_every(spec, 4);
  return spec;
}

// Llama 4: of four layers three see their chunk of the text only and have rope and plain QK-norm;
// the fourth sees all, without rope. An expert's weight scales its input.
ModelSpec read_llama4(Hyperparameters& p, WeightLoader& loader) {
  constexpr int kPeriod = 4, kChunk = 8192;
  ModelSpec spec = read_adjacent(p, loader);
  each_moe(spec, [](MoeSpec& moe) {
    moe.route.gate = GateFunction::kSigmoid;
    moe.weigh_input = true;
  });
  const bool plain =
      p.has("attention.sliding_window") && p.count("attention.sliding_window", 0) == 0;
  const bool is_maverick = p.count("expert_count", 0) == 128;
  const int period = p.count("attention.sliding_window_pattern", kPeriod);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    AttentionSpec& attention = spec.layers[i].attention;
    const bool has_rope = plain || (i + 1) % kPeriod != 0;
    if (!plain && i % period != period - 1) {
      attention.span = AttentionSpan::kChunked;
      attention.window = kChunk;
    }
    attention.norm_after_rope = true;
    attention.plain_query_norm = attention.plain_key_norm = has_rope && !is_maverick;
    if (!has_rope) {
      attention.rope = {};
      attention.temperature = {0.1f, kChunk, 1};
    }
  }
  return spec;
}

// Deci (Nemotron by architecture search): layers may lack attention, or its heads, or the
// feed-forward part; all of it follows from the counts of heads and widths.
ModelSpec read_deci(Hyperparameters& p, WeightLoader& loader) { return read_adjacent(p, loader); }

}  // namespace linnet
