#include "architectures/rope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "architectures/common.hpp"

namespace linnet {
namespace {

// LongRoPE has factors for texts within and beyond the original context. Here they go by the
// context that the model was trained for, not by the length of a text: a token's logits must not
// depend on what comes after it.
std::vector<float> read_factors(WeightLoader& loader, const ModelSpec& spec, const Rope& rope) {
  const std::int64_t pairs = rope.dims / 2;
  const bool is_long = spec.context_length >= rope.scaling.original_context;
  for (const char* name :
       {"rope_freqs.weight", is_long ? "rope_factors_long.weight" : "rope_factors_short.weight"}) {
    std::vector<float> factors = loader.values(name, pairs, Presence::kOptional);
    if (!factors.empty()) return factors;
  }
  return {};
}

// Time, height and width, and what the fourth of several blocks goes by.
constexpr int kComponents = 4;

// Which of them the pair `pair` of the rotary columns goes by. What is left over goes by time.
int component_of(int pair, std::span<const std::int64_t, kComponents> sections,
                 SectionOrder order) {
  if (order == SectionOrder::kInterleaved) {
    constexpr int kInterleaved = 3;
    const int component = pair % kInterleaved;
    return pair < kInterleaved * sections[component] ? component : 0;
  }
  std::int64_t end = 0;
  for (int component = 0; component < kComponents; ++component) {
    end += sections[component];
    if (pair < end) return component;
  }
  return 0;
}

}  // namespace

Rope read_rope(Hyperparameters& p, WeightLoader& loader, const ModelSpec& spec) {
  Rope rope;
  rope.base = p.positive_number("rope.freq_base", 10000.0f);
  rope.scaling = read_rope_scaling(p);
  std::int64_t widest = 0;
  for (const LayerSpec& layer : spec.layers) {
    widest = std::max<std::int64_t>(widest, layer.attention.key_width);
  }
  rope.dims = p.count("rope.dimension_count", widest);
  rope.factors = read_factors(loader, spec, rope);
  return rope;
}

Rope read_latent_rope(Hyperparameters& p, WeightLoader& loader, const ModelSpec& spec) {
  Rope rope = read_rope(p, loader, spec);
  RopeScaling& scaling = rope.scaling;
  scaling.log_multiplier /= 0.1f;
  // Without it the rotary columns alone are magnified, as in DeepSeek's code; llama.cpp magnifies
  // all scores besides.
  if (scaling.log_multiplier != 0.0f) scaling.multiplier = scaling.log_multiplier;
  return rope;
}

void fail_rope(Hyperparameters& p, int dims, std::int64_t head_width) {
  p.fail(fmt::format(
      "rope turns {} columns of a head (rope.dimension_count), expected an even number up to {}",
      dims, head_width));
}

RopeSpec fit_rope(Hyperparameters& p, RopeSpec rope, std::int64_t head_width) {
  if (rope.dims <= head_width && rope.dims % 2 == 0) return rope;
  fail_rope(p, rope.dims, head_width);
  return {};
}

RopeSpec make_rope(Hyperparameters& p, const Rope& rope, RopeLayout layout,
                   std::int64_t head_width) {
  // Other layers may rotate fewer columns than the factors are for.
  if (!rope.factors.empty() && std::ssize(rope.factors) < rope.dims / 2) {
    p.fail(fmt::format("rope turns {} columns of a head and has {} factors, expected one for two",
                       rope.dims, rope.factors.size()));
    return {};
  }
  RopeSpec spec;
  spec.layout = layout;
  spec.dims = rope.dims;
  spec = fit_rope(p, std::move(spec), head_width);
  set_rope_frequencies(spec, rope.base, rope.scaling, rope.factors);
  return spec;
}

void set_rope(Hyperparameters& p, const Rope& rope, RopeLayout layout, AttentionSpec& attention) {
  if (attention.kv_heads == 0) return;
  attention.rope = make_rope(p, rope, layout, attention.key_width);
}

void place_ropes(Hyperparameters& p, SectionOrder order, ModelSpec& spec) {
  constexpr std::string_view kKey = "rope.dimension_sections";
  if (!p.has_array(kKey)) return;
  std::array<std::int64_t, kComponents> sections{};
  const int named = p.array_size(kKey) >= kComponents && order == SectionOrder::kBlocks ? 4 : 3;
  for (int i = 0; i < named; ++i) {
    sections[i] = p.layer_count(kKey, i, 0, Hyperparameters::kWidestHead);
  }
  const int components = sections[3] > 0 ? 4 : 3;
  each_attention(spec, [&](AttentionSpec& a) {
    for (int component = 0; component < components; ++component) {
      RopeSpec rope = a.rope;
      if (component > 0) rope.magnitude = 1.0f;
      for (int i = 0; i < std::ssize(rope.inverse_frequencies); ++i) {
        if (component_of(i, sections, order) != component) rope.inverse_frequencies[i] = 0.0f;
      }
      a.placed_ropes.push_back({component, std::move(rope)});
    }
  });
}

Rope read_rope_for_all(Hyperparameters& p, WeightLoader& loader, RopeLayout layout, ModelSpec& spec,
                       RopeFactors factors) {
  Rope rope = read_rope(p, loader, spec);
  if (factors == RopeFactors::kUnused) rope.factors.clear();
  each_attention(spec, [&](AttentionSpec& attention) { set_rope(p, rope, layout, attention); });
  return rope;
}

Rope with_sliding_dims(Hyperparameters& p, Rope rope) {
  rope.dims = p.count("rope.dimension_count_swa", rope.dims);
  return rope;
}

Rope with_usual_base(Rope rope) {
  rope.base = Rope().base;
  return rope;
}

void set_sliding_rope(Hyperparameters& p, Rope rope, RopeLayout layout, bool scaled,
                      ModelSpec& spec) {
  rope.base = p.positive_number("rope.freq_base_swa", rope.base);
  if (!scaled) {
    rope.scaling = {};
    rope.factors.clear();
  }
  each_attention(spec, [&](AttentionSpec& attention) {
    if (attention.span == AttentionSpan::kSliding) set_rope(p, rope, layout, attention);
  });
}

void drop_rope_of_full_layers(ModelSpec& spec) {
  const auto is_full = [](const LayerSpec& layer) {
    return layer.attention.span == AttentionSpan::kFull;
  };
  if (std::ranges::all_of(spec.layers, is_full)) return;
  for (LayerSpec& layer : spec.layers) {
    if (is_full(layer)) layer.attention.rope = {};
  }
}

void drop_rope_of_every(ModelSpec& spec, int step) {
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    if ((i + 1) % step == 0) spec.layers[i].attention.rope = {};
  }
}

}  // namespace linnet
