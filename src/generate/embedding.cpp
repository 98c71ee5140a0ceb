#include "generate/embedding.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "generate/engine.hpp"

namespace linnet {
namespace {

// By the numbers of https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h: from 1 on
// the mean, CLS (the first token), last.
constexpr std::array kPoolings = {Pooling::kMean, Pooling::kFirst, Pooling::kLast};
constexpr std::int64_t kNone = 0, kRank = 4, kNotSaid = 0xffffffff;

Error of_text(std::size_t index, const Error& error) {
  return Error{fmt::format("text {}: {}", index + 1, error.message)};
}

}  // namespace

std::string_view pooling_name(Pooling pooling) {
  switch (pooling) {
    case Pooling::kMean:
      return "mean";
    case Pooling::kFirst:
      return "first";
    case Pooling::kLast:
      return "last";
  }
  return "";
}

Result<Pooling> model_pooling(const gguf::File& file) {
  const auto architecture = file.string("general.architecture");
  if (!architecture) return architecture.error();
  const std::string key = fmt::format("{}.pooling_type", architecture->value_or(""));
  const auto type = file.integer(key);
  if (!type) return type.error();
  if (!*type || **type == -1 || **type == kNotSaid) return Pooling::kMean;
  if (**type >= 1 && **type <= std::ssize(kPoolings)) {
    return kPoolings[static_cast<std::size_t>(**type - 1)];
  }
  const std::string_view meaning =
      **type == kNone   ? ": the model gives a vector for each token, not for a text"
      : **type == kRank ? ": the model is for reranking, it gives no vector for a text"
                        : "";
  return Error{fmt::format("{}: {} is {}, expected 1 (mean), 2 (first) or 3 (last){}",
                           file.path().string(), key, **type, meaning)};
}

void Embedding::add(std::int64_t position, std::span<const float> states, std::int64_t width) {
  const auto columns = static_cast<std::size_t>(width);
  if (position == 0) sum_.assign(columns, 0.0);
  for (std::size_t row = 0; row < states.size() / columns; ++row) {
    const bool is_first = position == 0 && row == 0;
    if (pooling_ == Pooling::kFirst && !is_first) return;
    if (pooling_ == Pooling::kLast) sum_.assign(columns, 0.0);
    for (std::size_t i = 0; i < columns; ++i) sum_[i] += states[row * columns + i];
  }
}

std::vector<float> Embedding::vector() const {
  double squares = 0.0;
  for (const double value : sum_) squares += value * value;
  const double scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
  std::vector<float> vector;
  vector.reserve(sum_.size());
  for (const double value : sum_) vector.push_back(static_cast<float>(value * scale));
  return vector;
}

Result<std::vector<std::vector<float>>> embed_texts(Engine& engine,
                                                    std::span<const std::vector<TokenId>> texts,
                                                    Pooling pooling) {
  const std::int64_t width = engine.model().spec().width;
  std::vector<Embedding> embeddings(texts.size(), Embedding(pooling));
  Status ended;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    GenerateRequest request;
    request.prompt = texts[i];
    request.on_hidden = [&, i](std::int64_t position, std::span<const float> states) {
      embeddings[i].add(position, states, width);
    };
    request.on_finish = [&, i](const Result<FinishReason>& ending) {
      if (!ending && ended) ended = of_text(i, ending.error());
    };
    if (Status status = engine.submit(std::move(request)); !status) {
      return of_text(i, status.error());
    }
  }
  while (!engine.idle()) {
    if (Status status = engine.step(); !status) return status.error();
  }
  if (!ended) return ended.error();
  std::vector<std::vector<float>> vectors;
  for (const Embedding& embedding : embeddings) vectors.push_back(embedding.vector());
  return vectors;
}

}  // namespace linnet
