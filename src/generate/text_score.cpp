#include "generate/text_score.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/machine.hpp"
#include "generate/sampling/candidates.hpp"
#include "generate/sampling/softmax_sums.hpp"

namespace linnet {
namespace {

using Window = std::span<const TokenId>;

// The tokens of a window that count are those after its first half and one more.
std::int64_t context_of(Window window) { return std::ssize(window) / 2; }
Window counted(Window window) { return window.subspan(context_of(window) + 1); }

// Gives `take` the logits that predict each token of counted(window), and that token's number
// there.
Status for_each_row(
    Engine& engine, Window window,
    const std::function<Status(std::span<const float> row, std::size_t number)>& take) {
  // The last token too, which is only looked up.
  if (Status status = engine.check_tokens(window); !status) return status;
  const auto vocabulary = static_cast<std::size_t>(engine.model().spec().vocabulary);
  std::size_t number = 0;
  return engine.logits(window.first(window.size() - 1), {}, context_of(window),
                       [&](std::span<const float> rows) -> Status {
                         for (; !rows.empty(); rows = rows.subspan(vocabulary)) {
                           Status status = take(rows.first(vocabulary), number++);
                           if (!status) return status;
                         }
                         return {};
                       });
}

// Gives the surprise of `token`. `model` is what an Error calls it.
Result<double> add_row(std::string_view model, std::span<const float> row, TokenId token,
                       const Tokenizer& tokenizer, TextScore& score) {
  const double surprise = log_sum_exp(row) - row[static_cast<std::size_t>(token)];
  if (std::isnan(surprise)) {
    return Error{
        fmt::format("{}: the logits that predict token {} are NaN: damaged weights, or an overflow",
                    model, token)};
  }
  score.surprise.add(surprise);
  score.bytes += std::ssize(tokenizer.token_bytes(token, /*show_special=*/false));
  return surprise;
}

// The Kullback-Leibler divergence of the distribution that `row` stands for from that of
// `reference`.
double divergence_of(std::span<const float> row, std::span<const float> reference) {
  // All logits less the highest: next to large numbers, what they differ by would be lost.
  const float best = highest(reference).logit, own_best = highest(row).logit;
  double weights = 0.0, differences = 0.0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double weight = exp_of_negative(reference[i] - best);
    if (weight == 0.0) continue;
    weights += weight;
    differences += weight * ((double{reference[i]} - best) - (double{row[i]} - own_best));
  }
  return differences / weights + std::log(softmax_sums(row, own_best, 1.0f).weights) -
         std::log(softmax_sums(reference, best, 1.0f).weights);
}

// What the rows of both models say of the token that follows.
Status add_rows(std::span<const float> row, std::span<const float> reference, TokenId token,
                const Tokenizer& tokenizer, const ScoreOptions& options, ScoredModel& scored) {
  ModelDistance& distance = scored.distance;
  const auto surprise = add_row(options.model, row, token, tokenizer, scored.score);
  if (!surprise) return surprise.error();
  const auto expected = add_row(options.reference, reference, token, tokenizer, distance.reference);
  if (!expected) return expected.error();
  distance.divergence.add(divergence_of(row, reference));
  distance.same_choice.add(highest(row).id == highest(reference).id ? 1.0 : 0.0);
  distance.added_surprise.add(*surprise - *expected);
  return {};
}

Status for_each_window(std::span<const TokenId> tokens, const Tokenizer& tokenizer,
                       const ScoreOptions& options, const std::function<Status(Window)>& score) {
  if (std::ssize(tokens) < kShortestWindow) {
    return Error{fmt::format("the text has {} tokens, but at least {} are needed", tokens.size(),
                             kShortestWindow)};
  }
  const auto windows = cut_windows(tokens, options.window, tokenizer.bos());
  std::int64_t done = 0;
  for (const std::vector<TokenId>& window : windows) {
    if (Status status = score(window); !status) return status;
    if (options.progress) options.progress(++done, std::ssize(windows));
  }
  return {};
}

// Whether the logits of half a window fit into memory besides the models.
Status check_memory(std::int64_t window, std::int64_t vocabulary) {
  const std::int64_t needed_bytes = (window / 2 + 1) * vocabulary * std::int64_t{sizeof(float)};
  const Status fits = check_free_memory(
      needed_bytes, fmt::format("the reference's logits for half a window of {} tokens", window));
  if (fits) return {};
  return Error{fits.error().message + "; choose shorter windows"};
}

}  // namespace

void Mean::add(double number) {
  ++count_;
  sum_ += number;
  squares_ += number * number;
}

std::optional<double> Mean::error() const {
  if (count_ < 2) return std::nullopt;
  const auto n = static_cast<double>(count_);
  return std::sqrt(std::max(0.0, squares_ / n - value() * value()) / (n - 1.0));
}

double TextScore::perplexity() const { return std::exp(surprise.value()); }

std::optional<double> TextScore::perplexity_error() const {
  const auto error = surprise.error();
  return error ? std::optional(perplexity() * *error) : std::nullopt;
}

double TextScore::bits_a_byte() const {
  const double bits = surprise.value() * static_cast<double>(surprise.count()) / std::numbers::ln2;
  return bytes > 0 ? bits / static_cast<double>(bytes) : 0.0;
}

std::vector<std::vector<TokenId>> cut_windows(std::span<const TokenId> tokens, std::int64_t window,
                                              std::optional<TokenId> bos) {
  const auto length = std::min(static_cast<std::size_t>(window), tokens.size());
  const bool begins_with_bos = bos && !tokens.empty() && tokens.front() == *bos;
  std::vector<std::vector<TokenId>> windows;
  for (; !tokens.empty() && tokens.size() >= length; tokens = tokens.subspan(length)) {
    windows.emplace_back(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(length));
    if (begins_with_bos) windows.back().front() = *bos;
  }
  return windows;
}

Result<TextScore> score_text(Engine& engine, const Tokenizer& tokenizer,
                             std::span<const TokenId> tokens, const ScoreOptions& options) {
  TextScore score;
  const auto score_window = [&](Window window) {
    return for_each_row(engine, window, [&](std::span<const float> row, std::size_t number) {
      const auto surprise = add_row(options.model, row, counted(window)[number], tokenizer, score);
      return surprise ? Status() : Status(surprise.error());
    });
  };
  if (Status s = for_each_window(tokens, tokenizer, options, score_window); !s) return s.error();
  return score;
}

Result<ScoredModel> compare_models(Engine& engine, Engine& reference, const Tokenizer& tokenizer,
                                   std::span<const TokenId> tokens, const ScoreOptions& options) {
  const std::int64_t vocabulary = engine.model().spec().vocabulary;
  if (const std::int64_t other = reference.model().spec().vocabulary; other != vocabulary) {
    return Error{
        fmt::format("the models have {} and {} tokens, but only models of one vocabulary "
                    "can be compared",
                    vocabulary, other)};
  }
  if (Status s = check_memory(std::min(options.window, std::ssize(tokens)), vocabulary); !s) {
    return s.error();
  }
  ScoredModel scored;
  std::vector<std::vector<float>> expected;  // the reference's rows of a window
  const auto score_window = [&](Window window) -> Status {
    expected.clear();
    const auto keep = [&](std::span<const float> row, std::size_t) -> Status {
      expected.emplace_back(row.begin(), row.end());
      return {};
    };
    if (Status status = for_each_row(reference, window, keep); !status) return status;
    return for_each_row(engine, window, [&](std::span<const float> row, std::size_t number) {
      return add_rows(row, expected[number], counted(window)[number], tokenizer, options, scored);
    });
  };
  if (Status s = for_each_window(tokens, tokenizer, options, score_window); !s) return s.error();
  return scored;
}

}  // namespace linnet
