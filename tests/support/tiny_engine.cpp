#include "support/tiny_engine.hpp"

#include <gtest/gtest.h>

namespace linnet::test {

TinyModel::TinyModel(const OracleCase& oracle) {
  vocabulary_ = static_cast<std::int32_t>(oracle.vocabulary());
  const Status written = oracle.write(path());
  EXPECT_TRUE(written) << written.error().message;
  auto file = ModelFile::open(path());
  EXPECT_TRUE(file) << file.error().message;
  file_ = std::move(*file);
}

EngineOptions TinyModel::options() {
  EngineOptions options;
  options.threads = 1;
  options.limits.rows = 32;
  return options;
}

std::unique_ptr<Engine> TinyModel::engine(const EngineOptions& options,
                                          std::int64_t kv_tokens) const {
  auto engine = Engine::load(*file_, options, kv_tokens);
  EXPECT_TRUE(engine) << engine.error().message;
  return std::move(*engine);
}

std::vector<std::int32_t> TinyModel::prompt(int length, int salt) const {
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back((i * 37 + salt * 11 + 5) % vocabulary_);
  return tokens;
}

void submit(Engine& engine, GenerateRequest request, Text& text) {
  request.on_token = [&text](std::int32_t token) {
    text.tokens.push_back(token);
    return true;
  };
  request.on_start = [&text](std::int64_t cached) { text.cached_tokens = cached; };
  request.on_finish = [&text](const Result<FinishReason>& ending) {
    if (ending) text.reason = *ending;
    if (!ending) text.error = ending.error().message;
  };
  const Status status = engine.submit(std::move(request));
  ASSERT_TRUE(status) << status.error().message;
}

GenerateRequest greedy(std::vector<std::int32_t> prompt, std::int64_t max_tokens) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  return request;
}

int finish(Engine& engine) {
  int steps = 0;
  for (; !engine.idle(); ++steps) {
    const Status status = engine.step();
    EXPECT_TRUE(status) << status.error().message;
    if (!status) break;
  }
  return steps;
}

Text run(Engine& engine, GenerateRequest request) {
  Text text;
  submit(engine, std::move(request), text);
  finish(engine);
  return text;
}

Result<std::vector<float>> all_logits(Engine& engine, std::span<const TokenId> tokens,
                                      std::span<const TokenId> input) {
  std::vector<float> all;
  const Status status =
      engine.logits(tokens, input, /*first=*/0, [&](std::span<const float> rows) -> Status {
        all.insert(all.end(), rows.begin(), rows.end());
        return {};
      });
  if (!status) return status.error();
  return all;
}

}  // namespace linnet::test
