#pragma once

#include <cstdint>
#include <vector>

#include "generate/engine.hpp"
#include "require.hpp"

namespace linnet::fuzz {

inline constexpr std::int64_t kContext = 48;
/// Models that take more are not loaded.
inline constexpr std::int64_t kMostBytes = 64 << 20;

/// The reference backend runs all, so that the fuzzer sees each access.
inline EngineOptions model_options() {
  EngineOptions options;
  options.threads = 1;
  options.context = kContext;
  options.backend = BackendKind::kReference;
  options.limits.rows = 4;
  return options;
}

inline std::vector<TokenId> tokens_of(const Model& model, int count) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < count; ++i) {
    tokens.push_back(static_cast<TokenId>(i * 37 % model.spec().vocabulary));
  }
  return tokens;
}

/// `texts` texts side by side: each a prompt of some chunks and `most` tokens behind it, with other
/// strengths of the `adapters` adapters but for the first one; of an encoder what is hidden.
inline Status run_texts(Engine& engine, int texts, int most, std::size_t adapters = 0) {
  const ModelSpec& spec = engine.model().spec();
  int ended = 0;
  const DropRequests drop(engine);
  for (int i = 0; i < texts; ++i) {
    GenerateRequest request;
    request.prompt = tokens_of(engine.model(), spec.causal ? 9 : 4);
    request.max_tokens = most;
    request.sampling.temperature = 0.0f;
    request.on_token = [&](TokenId token) {
      require(token >= 0 && token < spec.vocabulary);
      return true;
    };
    request.on_finish = [&](const Result<FinishReason>&) { ++ended; };
    if (i > 0) request.adapter_strengths.assign(adapters, -1.0f);
    if (spec.encoder) request.on_hidden = [](std::int64_t, std::span<const float>) {};
    if (Status status = engine.submit(std::move(request)); !status) return status;
  }
  if (Status status = engine.run(); !status) return status;
  require(ended == texts);
  return {};
}

}  // namespace linnet::fuzz
