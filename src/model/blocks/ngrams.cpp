#include "model/blocks/ngrams.hpp"

#include <cmath>
#include <limits>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

constexpr float kLeastScore = 1e-6f;  // of which a root is taken

// The weights of a convolution whose column s - 1 gives the input s tokens before.
std::vector<float> make_delays(const NgramSpec& spec) {
  const auto before = static_cast<std::size_t>(spec.before());
  std::vector<float> weights((before + 1) * before);
  for (std::size_t s = 1; s <= before; ++s) weights[(before - s) * before + (s - 1)] = 1.0f;
  return weights;
}

// Of every `size`-th token, as one of all tokens with zeros in between.
std::vector<float> spread_taps(const NgramSpec& spec, std::span<const float> taps) {
  std::vector<float> weights(static_cast<std::size_t>(spec.convolved() * spec.columns));
  for (std::int64_t c = 0; c < spec.columns; ++c) {
    for (int k = 0; k < spec.kernel; ++k) {
      weights[std::int64_t{k} * spec.size * spec.columns + c] = taps[c * spec.kernel + k];
    }
  }
  return weights;
}

// [rows][before()]: one more than the ids of the tokens before each row, the last one first; 0 if
// the text had not begun. They go through a convolution's state, which is kept like all of a
// sequence's memory, as floats, which hold such numbers exactly.
std::vector<float> tokens_before(const Pass& pass, const NgramSpec& spec,
                                 const NgramWeights& weights, StatePart state) {
  const Workspace::Scope scope(pass.workspace);
  const std::int64_t rows = std::ssize(pass.tokens);
  const View own = pass.workspace.view(rows, spec.before());
  const View before = pass.workspace.view(rows, spec.before());
  std::vector<float> numbers;
  for (const TokenId token : pass.tokens) {
    numbers.insert(numbers.end(), static_cast<std::size_t>(spec.before()),
                   static_cast<float>(token + 1));
  }
  pass.backend.upload(numbers, own.data);
  move_states(pass, ConvolutionMove{own, {state, spec.size, weights.delays->data(), nullptr, {}}},
              before);
  pass.backend.download(before, numbers.data());
  return numbers;
}

// [rows()][batch's rows]: the rows of the table that each row's n-grams name.
std::vector<std::vector<std::int32_t>> name_rows(const NgramSpec& spec,
                                                 std::span<const TokenId> tokens,
                                                 std::span<const float> before) {
  std::vector<std::vector<std::int32_t>> names(static_cast<std::size_t>(spec.rows()));
  for (std::size_t r = 0; r < tokens.size(); ++r) {
    std::uint64_t hash = static_cast<std::uint64_t>(tokens[r]) * spec.multipliers[0];
    bool has_ended = false;
    std::size_t name = 0;
    for (int n = 1; n < spec.size; ++n) {
      const auto token = static_cast<TokenId>(before[r * spec.before() + n - 1]) - 1;
      has_ended = has_ended || token < 0 || token == spec.end_token;
      hash ^= static_cast<std::uint64_t>(has_ended ? spec.end_token : token) * spec.multipliers[n];
      for (int i = 0; i < spec.rows_each; ++i, ++name) {
        const NgramSpec::Part& part = spec.parts[name];
        const std::uint64_t place = hash % static_cast<std::uint64_t>(part.count);
        names[name].push_back(
            static_cast<std::int32_t>(part.first + static_cast<std::int64_t>(place)));
      }
    }
  }
  return names;
}

void normalise_streams(const Pass& pass, const Norm& norm, View in, View out) {
  NormParams params = norm.params(NormKind::kRms, pass.model.norm_epsilon, pass.model.width);
  params.weight_per_column = true;
  pass.backend.norm(in, params, out);
}

// score = sign(score) * sqrt(|score|).
void take_signed_root(const Pass& pass, View score) {
  const Workspace::Scope scope(pass.workspace);
  const View sign = pass.workspace.view(score.rows, score.columns);
  pass.backend.copy(score, sign);
  normalise_l2(pass, std::numeric_limits<float>::min(), 1, sign);
  pass.backend.gated_activation(sign, score, Activation::kIdentity, score);
  pass.backend.clamp(score, kLeastScore, std::numeric_limits<float>::max());
  pass.backend.gated_activation(score, sign, Activation::kSquareRoot, score);
}

// [rows, streams]: how much of the value each stream takes, before the sigmoid.
View score_streams(const Pass& pass, const NgramSpec& spec, const NgramWeights& weights, View rows,
                   View streams) {
  const View score = pass.workspace.view(rows.rows, spec.columns / pass.model.width);
  const Workspace::Scope scope(pass.workspace);
  const View key = project(pass, weights.key, rows);
  const View query = pass.workspace.view(rows.rows, spec.columns);
  normalise_streams(pass, weights.key_norm, key, key);
  normalise_streams(pass, weights.query_norm, streams, query);
  pass.backend.dot_heads(key, query, weights.dot_scale->data(), score);
  take_signed_root(pass, score);
  return score;
}

}  // namespace

NgramWeights load_ngrams(WeightLoader& loader, const NgramSpec& spec, std::int64_t width,
                         const std::string& prefix) {
  NgramWeights weights;
  if (spec.size == 0) return weights;
  weights.table = loader.table("per_layer_token_embd", spec.row_width, spec.table_rows);
  weights.key = loader.linear(prefix + ".ple_key", spec.all_columns(), spec.columns);
  weights.value = loader.linear(prefix + ".ple_value", spec.all_columns(), width);
  weights.key_norm = loader.norm(prefix + ".ple_norm_key", spec.columns);
  weights.query_norm = loader.norm(prefix + ".ple_norm_query", spec.columns);
  weights.value_norm = loader.norm(prefix + ".ple_norm_conv", spec.columns);
  const auto taps = loader.matrix_values(prefix + ".ple_conv1d.weight", spec.kernel, spec.columns);
  if (loader.failed()) return weights;
  weights.convolution = loader.upload(spread_taps(spec, taps));
  weights.delays = loader.upload(make_delays(spec));
  const float scale = 1.0f / std::sqrt(static_cast<float>(width));
  weights.dot_scale =
      loader.upload(std::vector<float>(static_cast<std::size_t>(spec.columns), scale));
  return weights;
}

std::int64_t ngram_columns(const NgramSpec& spec, std::int64_t width) {
  if (spec.size == 0) return 0;
  const std::int64_t streams = spec.columns / width;
  return 2 * std::int64_t{spec.before()} + spec.all_columns() + width + 2 * streams +
         3 * spec.columns;
}

void ngram_block(const Pass& pass, const NgramSpec& spec, const NgramWeights& weights,
                 StatePart state, View streams) {
  const Workspace::Scope scope(pass.workspace);
  const auto names = name_rows(spec, pass.tokens, tokens_before(pass, spec, weights, state));
  const View rows = pass.workspace.view(streams.rows, spec.all_columns());
  for (int i = 0; i < spec.rows(); ++i) {
    pass.backend.embed_rows(*weights.table, names[i],
                            rows.slice(std::int64_t{i} * spec.row_width, spec.row_width));
  }
  const View score = score_streams(pass, spec, weights, rows, streams);

  const View value = project(pass, weights.value, rows);
  const View gated = pass.workspace.view(streams.rows, spec.columns);
  for (std::int64_t first = 0; first < spec.columns; first += value.columns) {
    pass.backend.copy(value, gated.slice(first, value.columns));
  }
  pass.backend.multiply_gate(score, Activation::kSigmoid, gated);

  const View normed = pass.workspace.view(streams.rows, spec.columns);
  const View convolved = pass.workspace.view(streams.rows, spec.columns);
  normalise_streams(pass, weights.value_norm, gated, normed);
  const ConvolutionParams params{{state.layer, state.first + spec.token_floats()},
                                 spec.convolved(),
                                 weights.convolution->data(),
                                 nullptr,
                                 Activation::kSilu};
  move_states(pass, ConvolutionMove{normed, params}, convolved);
  add(pass.backend, convolved, gated);
  add(pass.backend, gated, streams);
}

}  // namespace linnet
