#include "generate/pooling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "generate/engine.hpp"

namespace linnet {
namespace {

// By the numbers of https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h: from 1 on
// the mean, CLS (the first token), last.
constexpr std::array kPoolings = {Pooling::kMean, Pooling::kFirst, Pooling::kLast};
// Each step looks at all texts that wait.
constexpr std::size_t kTextsAtOnce = 1024;

constexpr std::int64_t kNone = 0, kRank = 4, kNotSaid = 0xffffffff;

Error of_text(std::string_view kind, std::size_t index, const Error& error) {
  return Error{fmt::format("{} {}: {}", kind, index + 1, error.message)};
}

struct PoolingOfTexts {
  Pooling pooling;
  std::string_view kind;  // what a text is called in errors
  std::size_t first;      // the index of the first one
};

Status pool_some(Engine& engine, std::span<const std::vector<TokenId>> texts,
                 const PoolingOfTexts& how, std::vector<PooledStates>& results) {
  std::vector<std::shared_ptr<PooledStates>> pooled;
  Status ended;
  const DropRequests dropping(engine);  // which tell `ended`
  for (std::size_t i = 0; i < texts.size(); ++i) {
    GenerateRequest request;
    request.prompt = texts[i];
    pooled.push_back(std::make_shared<PooledStates>(how.pooling));
    fill_pooled(pooled.back(), engine.model().spec().hidden_columns(), request);
    request.on_finish = [&, i](const Result<FinishReason>& ending) {
      if (!ending && ended) ended = of_text(how.kind, how.first + i, ending.error());
    };
    if (Status status = engine.submit(std::move(request)); !status) {
      return of_text(how.kind, how.first + i, status.error());
    }
  }
  if (Status status = engine.run(); !status) return status;
  if (!ended) return ended;
  for (const auto& states : pooled) results.push_back(std::move(*states));
  return {};
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
      : **type == kRank ? ": the model is for reranking, it gives no vector for a text; `linnet "
                          "rerank` and POST /v1/rerank use it"
                        : "";
  return Error{fmt::format("{}: {} is {}, expected 1 (mean), 2 (first) or 3 (last){}",
                           file.path().string(), key, **type, meaning)};
}

void PooledStates::add(std::int64_t position, std::span<const float> states, std::int64_t width) {
  const auto columns = static_cast<std::size_t>(width);
  if (position == 0 || pooling_ == Pooling::kLast) {
    sum_.assign(columns, 0.0);
    count_ = 0;
  }
  const std::size_t rows = states.size() / columns;
  std::size_t first = 0, end = rows;
  if (pooling_ == Pooling::kFirst) end = position == 0 ? 1 : 0;
  if (pooling_ == Pooling::kLast) first = rows - 1;
  for (std::size_t row = first; row < end; ++row, ++count_) {
    for (std::size_t i = 0; i < columns; ++i) sum_[i] += states[row * columns + i];
  }
}

std::vector<double> PooledStates::values() const {
  std::vector<double> values = sum_;
  for (double& value : values) value /= static_cast<double>(count_);
  return values;
}

void fill_pooled(std::shared_ptr<PooledStates> pooled, std::int64_t width,
                 GenerateRequest& request) {
  request.last_hidden_only = pooled->pooling() == Pooling::kLast;
  request.on_hidden = [pooled = std::move(pooled), width](std::int64_t position,
                                                          std::span<const float> states) {
    pooled->add(position, states, width);
  };
}

Status check_fit(std::span<const std::vector<TokenId>> texts, std::int64_t context,
                 std::string_view kind) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Status fits = check_context(std::ssize(texts[i]), 0, context);
    if (!fits) return of_text(kind, i, fits.error());
  }
  return {};
}

Result<std::vector<PooledStates>> pool_texts(Engine& engine,
                                             std::span<const std::vector<TokenId>> texts,
                                             Pooling pooling, std::string_view kind) {
  std::vector<PooledStates> results;
  results.reserve(texts.size());
  while (results.size() < texts.size()) {
    const std::size_t first = results.size();
    const Status status =
        pool_some(engine, texts.subspan(first, std::min(kTextsAtOnce, texts.size() - first)),
                  {pooling, kind, first}, results);
    if (!status) return status.error();
  }
  return results;
}

}  // namespace linnet
