#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "support/paths.hpp"
#include "support/tiny_engine.hpp"

namespace linnet::test {

inline constexpr std::int64_t kBundledWidth = 256;

/// The bundled model with the encoders in `mmproj`.
inline std::unique_ptr<ModelFile> bundled_model_with(const std::filesystem::path& mmproj) {
  auto file = std::move(*ModelFile::open(kBundledModel.string()));
  const Status added = file->add_encoders(mmproj.string());
  EXPECT_TRUE(added) << added.error().message;
  return file;
}

/// An engine of `file` with batches of `rows`.
inline std::unique_ptr<Engine> engine_of(const ModelFile& file, std::int64_t rows, int threads,
                                         std::int64_t kv_tokens = 2048) {
  EngineOptions options;
  options.threads = threads;
  options.limits = {rows, 8};
  auto engine = Engine::load(file, options, kv_tokens);
  EXPECT_TRUE(engine) << engine.error().message;
  return std::move(*engine);
}

/// Puts a picture or a sound behind a prompt.
inline void append(GenerateRequest& request, const std::shared_ptr<const Medium>& medium) {
  for (const MarkedTokens::Part& part : medium->tokens.parts) {
    request.prompt.insert(request.prompt.end(), part.ids.begin(), part.ids.end());
  }
  request.media.push_back(medium);
}

/// Some tokens, a picture or a sound, and some more.
inline GenerateRequest greedy_around(const std::shared_ptr<const Medium>& medium,
                                     std::int64_t max_tokens) {
  GenerateRequest request = greedy({1, 200, 300, 400}, max_tokens);
  append(request, medium);
  for (const TokenId token : {500, 600, 700}) request.prompt.push_back(token);
  return request;
}

}  // namespace linnet::test
