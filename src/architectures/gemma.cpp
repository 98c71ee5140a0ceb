#include <algorithm>
#include <cmath>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

float scale_by_width(const ModelSpec& spec, const AttentionSpec& attention) {
  return 1.0f / std::sqrt(static_cast<float>(spec.width) / static_cast<float>(attention.heads));
}

}  // namespace

// Gemma (https://arxiv.org/abs/2403.08295).
ModelSpec read_gemma(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
  set_activation(spec, Activation::kGelu);
  return spec;
}

// Gemma 2: sliding windows in every other layer, soft caps, norms on both sides of a block.
ModelSpec read_gemma2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_gemma(p, loader);
  read_sliding_window(p, {.period = 2, .window = 4096}, spec);
  set_sliding_rope(p, read_rope(p, loader, spec), RopeLayout::kSplitHalf, true, spec);
  const float softcap = p.nonzero_number("attn_logit_softcapping", 50.0f);
  spec.logit_softcap = p.nonzero_number("final_logit_softcapping", 30.0f);
  constexpr std::size_t kLayersOf27B = 46;
  each_attention(spec, [&](AttentionSpec& a) {
    a.softcap = softcap;
    if (spec.layers.size() == kLayersOf27B) a.scale = scale_by_width(spec, a);
  });
  return spec;
}

// Gemma 3: five of six layers slide, with rope of a base of their own.
ModelSpec read_gemma3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_gemma(p, loader);
  read_sliding_window(p, {.period = 6}, spec);
  set_sliding_rope(p, with_usual_base(read_rope(p, loader, spec)), RopeLayout::kSplitHalf, false,
                   spec);
  spec.logit_softcap = p.number("final_logit_softcapping", 0.0f);
  constexpr std::size_t kLayersOf27B = 62;
  each_attention(spec, [&](AttentionSpec& a) {
    if (spec.layers.size() == kLayersOf27B) a.scale = scale_by_width(spec, a);
  });
  return spec;
}

namespace {

// The last layers read the keys and values of the last layer of their kind that has its own.
void share_keys(ModelSpec& spec, int own_layers) {
  int last_sliding = -1, last_full = -1;
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    AttentionSpec& attention = spec.layers[i].attention;
    int& last = attention.span == AttentionSpan::kSliding ? last_sliding : last_full;
    if (i < own_layers)
      last = i;
    else
      attention.kv_layer = last;
  }
}

// In layers without keys of their own llama.cpp, which defines the files, heeds the weight of the
// query alone.
void ignore_query_extras(ModelSpec& spec, int own_layers) {
  for (int i = own_layers; i < std::ssize(spec.layers); ++i) {
    for (const char* extra : {"attn_q.bias", "attn_q.scale"}) {
      spec.unused_tensors.push_back(block_name(i, extra));
    }
  }
}

void use_plain_scores(ModelSpec& spec) {
  each_attention(spec, [](AttentionSpec& a) {
    a.scale = 1.0f;
    a.plain_value_norm = true;
  });
}

}  // namespace

// Gemma 3n: several residual streams (https://arxiv.org/abs/2301.13310), an embedding of its own
// for every layer, sparse gates in the first layers.
ModelSpec read_gemma3n(Hyperparameters& p, WeightLoader& loader) {
  constexpr int kStreams = 4, kOwnKeys = 20, kSparseLayers = 10;
  constexpr float kDeviationsOf95Percent = 1.6448533535003662f;
  ModelSpec spec = read_gemma(p, loader);
  set_activation(spec, Activation::kGeluOfHalves);
  read_sliding_window(p, {.period = 5}, spec);
  set_sliding_rope(p, with_usual_base(read_rope(p, loader, spec)), RopeLayout::kSplitHalf, false,
                   spec);
  use_plain_scores(spec);
  share_keys(spec, kOwnKeys);
  ignore_query_extras(spec, kOwnKeys);
  spec.logit_softcap = p.nonzero_number("final_logit_softcapping", 30.0f);
  spec.per_layer_width = required_rows(p, loader, "blk.0.inp_gate");
  spec.residual.altup_streams = kStreams;
  for (int i = 0; i < std::min(kSparseLayers, static_cast<int>(spec.layers.size())); ++i) {
    spec.layers[i].mlp.top_k_deviations = kDeviationsOf95Percent;
  }
  return spec;
}

namespace {

// 26B-A4B has experts besides the dense part.
void add_experts(Hyperparameters& p, const WeightLoader& loader, ModelSpec& spec) {
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    MoeSpec& moe = spec.layers[i].moe;
    if (moe.experts == 0) continue;
    spec.layers[i].mlp.width = static_cast<int>(required_rows(p, loader, block_name(i, "ffn_up")));
    moe.input = MoeSpec::Input::kOwnNorms;
    moe.route.gate = GateFunction::kSoftmax;
    moe.route.normalise = true;
    moe.route.scale = 1.0f;
  }
}

}  // namespace

// Gemma 4: sliding layers have heads of their own width.
ModelSpec read_gemma4(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  add_experts(p, loader, spec);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
  set_activation(spec, Activation::kGeluOfHalves);
  read_sliding_window(p, {}, spec);
  // One value for all layers counts as one for each.
  if (!p.has_array("attention.sliding_window_pattern")) {
    each_attention(spec, [&](AttentionSpec& a) {
      a.span = AttentionSpan::kSliding;
      a.window = p.count("attention.sliding_window", 0);
    });
  }
  const Rope full = read_rope(p, loader, spec);
  const Rope sliding = with_usual_base(with_sliding_dims(p, full));
  each_attention(spec, [&](AttentionSpec& a) {
    if (a.span != AttentionSpan::kSliding) return set_rope(p, full, RopeLayout::kSplitHalf, a);
    a.key_width = p.count("attention.key_length_swa", a.key_width, Hyperparameters::kWidestHead);
    a.value_width =
        p.count("attention.value_length_swa", a.value_width, Hyperparameters::kWidestHead);
  });
  set_sliding_rope(p, sliding, RopeLayout::kSplitHalf, false, spec);
  use_plain_scores(spec);
  const int shared = p.count("attention.shared_kv_layers", 0);
  share_keys(spec, static_cast<int>(spec.layers.size()) - shared);
  spec.logit_softcap = p.nonzero_number("final_logit_softcapping", 30.0f);
  spec.per_layer_width = loader.rows("blk.0.inp_gate");
  return spec;
}

// What guesses for a Gemma 4: all its layers read keys of that model. All guesses of a step turn as
// the text's last token does, which is their place, and see what stands before it.
ModelSpec read_gemma4_assistant(Hyperparameters& p, WeightLoader& loader) {
  p.include_prediction_layers();
  ModelSpec spec = read_gemma4(p, loader);
  spec.prediction.kind = PredictionSpec::Kind::kReadsKeys;
  spec.prediction.target_width = p.required_count("embedding_length_out", Hyperparameters::kWidest);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.prediction.target_width));
  spec.logit_softcap = 0.0f;
  each_attention(spec, [](AttentionSpec& a) {
    a.placed_ropes = {{0, a.rope}};
    a.kv_layer = -1;               // it is the model's
    if (a.window > 1) --a.window;  // the row itself is not among the keys
  });
  spec.unused_tensors.emplace_back("masked_embd_");
  return spec;
}

}  // namespace linnet
