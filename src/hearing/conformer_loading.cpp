#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hearing/conformer.hpp"

namespace linnet {

Conformer::Conformer(WeightLoader& loader, const HearingSpec& spec, Backend& backend)
    : spec_(spec), backend_(backend), distances_(make_distance_columns(loader, spec, backend)) {
  for (const std::string& pattern : spec.tower.unused_tensors) loader.ignore(pattern);
  const auto layers = static_cast<int>(spec.tower.layers.size());
  for (int i = 0; i < layers && !loader.failed(); ++i) layers_.push_back(load_layer(loader, i));
  if (spec.conformer->guess_layers > 0) {
    feedback_ = std::make_unique<CtcFeedback>(loader, spec.tower.width, backend);
  }
  clipped_columns_ = loader.clipped_columns();
}

Conformer::FeedForward Conformer::load_feed_forward(WeightLoader& loader, const std::string& stem,
                                                    std::string_view end) const {
  const std::int64_t width = spec_.tower.width, inner = spec_.mlp().width;
  const auto name = [&](std::string_view part) { return fmt::format("{}{}{}", stem, part, end); };
  return {.before = loader.norm(name("ffn_norm"), width),
          .behind = loader.norm(name("ffn_post_norm"), width, Presence::kOptional),
          .up = loader.linear(name("ffn_up"), width, inner),
          .down = loader.linear(name("ffn_down"), inner, width)};
}

// The file has them for one head.
std::unique_ptr<Buffer> Conformer::load_factors(WeightLoader& loader, const std::string& name,
                                                float scale) const {
  const AttentionSpec& a = spec_.attention();
  if (scale == 1.0f && !loader.has(name)) return nullptr;
  std::vector<float> head = loader.values(name, a.key_width, Presence::kOptional);
  if (head.empty()) head.assign(static_cast<std::size_t>(a.key_width), 1.0f);
  std::vector<float> all;
  for (int h = 0; h < a.heads; ++h) {
    for (const float factor : head) all.push_back(factor * scale);
  }
  return loader.upload(all);
}

Conformer::Layer Conformer::load_layer(WeightLoader& loader, int index) const {
  const ConformerSpec& own = *spec_.conformer;
  const std::int64_t width = spec_.tower.width;
  const std::string stem = fmt::format("{}.{}.", spec_.tower.layer_name, index);
  const auto name = [&](std::string_view part) { return stem + std::string(part); };
  const auto square = [&](std::string_view part) {
    return loader.linear(name(part), width, width);
  };
  const auto bias = [&](std::string_view part) {
    return part.empty() ? nullptr : loader.vector(name(part), width);
  };
  Layer layer;
  layer.first = load_feed_forward(loader, stem, "");
  layer.before_attention = loader.norm(name(own.before_attention), width);
  layer.query = square("attn_q");
  layer.key = square("attn_k");
  layer.value = square("attn_v");
  layer.output = square("attn_out");
  layer.query_factors = load_factors(loader, name(own.query_factors) + ".weight", own.query_scale);
  layer.key_factors = load_factors(loader, name(own.key_factors) + ".weight", own.key_scale);
  layer.query_bias = bias(own.query_bias);
  layer.distance_bias = bias(own.distance_bias);
  layer.distances = distances_->load(loader, name(own.distances));
  layer.behind_attention = loader.norm(name("attn_post_norm"), width, Presence::kOptional);
  load_convolution(loader, stem, layer);
  layer.second = load_feed_forward(loader, stem, "_1");
  layer.last = loader.norm(name("ln2"), width);
  return layer;
}

void Conformer::load_convolution(WeightLoader& loader, const std::string& stem,
                                 Layer& layer) const {
  const ConformerSpec& own = *spec_.conformer;
  const std::int64_t width = spec_.tower.width, columns = spec_.convolved_columns();
  const auto name = [&](std::string_view part) { return stem + std::string(part); };
  layer.before_convolution = loader.norm(name(own.before_convolution), width);
  layer.gated = loader.linear(name("conv_pw1"), width, 2 * columns);
  layer.convolution = RowConvolution(loader, name("conv_dw"), columns, own.taps, own.later_rows());
  layer.behind_convolution = own.mean.empty() ? loader.norm(name(own.behind_convolution), columns)
                                              : load_batch_norm(loader, stem, columns);
  layer.mixed = loader.linear(name("conv_pw2"), columns, width);
}

// The factor of each column and what is added to it.
Norm Conformer::load_batch_norm(WeightLoader& loader, const std::string& stem,
                                std::int64_t columns) const {
  const ConformerSpec& own = *spec_.conformer;
  const auto values = [&](std::string_view name) {
    return loader.values(stem + std::string(name), columns);
  };
  const std::string norm(own.behind_convolution);
  std::vector<float> factors = values(norm + ".weight"), sums = values(norm + ".bias");
  const std::vector<float> means = values(own.mean), variances = values(own.variance);
  if (loader.failed()) return {};
  for (std::size_t c = 0; c < factors.size(); ++c) {
    factors[c] /= std::sqrt(std::max(0.0f, variances[c]) + own.variance_epsilon);
    sums[c] -= means[c] * factors[c];
  }
  return {.weight = loader.upload(factors), .bias = loader.upload(sums)};
}

}  // namespace linnet
