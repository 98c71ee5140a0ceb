// Engine::logits, whose rows can begin anywhere.

#include <gmock/gmock.h>

#include <chrono>

#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using Tokens = std::vector<TokenId>;

std::vector<float> logits_from(Engine& engine, const Tokens& tokens, const Tokens& input,
                               std::int64_t first) {
  std::vector<float> all;
  const Status status =
      engine.logits(tokens, input, first, [&](std::span<const float> rows) -> Status {
        all.insert(all.end(), rows.begin(), rows.end());
        return {};
      });
  EXPECT_TRUE(status) << status.error().message;
  return all;
}

class EngineLogits : public testing::TestWithParam<const char*> {};

TEST_P(EngineLogits, ThoseBehindAPositionAreThoseOfTheWhole) {
  const test::TinyModel model(GetParam());
  const auto engine = model.engine();
  const Tokens tokens = model.prompt(75);
  const Tokens input = model.file().spec().input.layers > 0 ? model.prompt(40, 1) : Tokens();
  const auto all = logits_from(*engine, tokens, input, 0);
  ASSERT_EQ(all.size(), tokens.size() * static_cast<std::size_t>(model.vocabulary()));
  for (const std::int64_t first : {1, 31, 32, 33, 70, 74}) {
    const std::vector<float> tail(all.begin() + first * model.vocabulary(), all.end());
    EXPECT_EQ(logits_from(*engine, tokens, input, first), tail) << first;
  }
  EXPECT_TRUE(logits_from(*engine, tokens, input, 75).empty());
  EXPECT_TRUE(logits_from(*engine, tokens, input, 1000).empty());
}

// Keys, a recurrent state, both, tokens that see all others, a text beside another one.
INSTANTIATE_TEST_SUITE_P(Models, EngineLogits,
                         testing::Values("llama-dense", "mamba2-dense", "qwen3next-moe",
                                         "dream-dense", "t5-own"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// A convolution and then attention, in which tokens see those behind them.
test::OracleCase convolution_before_attention() {
  auto oracle = test::OracleCase::read("lfm2-dense");
  auto& metadata = oracle.json["metadata"];
  metadata["lfm2.attention.causal"] = {{"type", "bool"}, {"value", false}};
  for (const char* const key : {"head_count", "head_count_kv", "recurrent_layers"}) {
    auto& layers = metadata[std::string("lfm2.attention.") + key]["value"];
    std::swap(layers[0], layers[1]);
  }
  for (auto& tensor : oracle.json["tensors"]) {
    auto& name = tensor["name"].get_ref<std::string&>();
    if (name.starts_with("blk.")) name[4] = name[4] == '0' ? '1' : '0';
  }
  return oracle;
}

// What sees all tokens is computed again for each batch of results, its state from the beginning.
TEST(EngineLogits, AStateBeginsAnewWithEachPassOverAText) {
  const test::TinyModel model(convolution_before_attention());
  EngineOptions options = test::TinyModel::options();
  const Tokens tokens = model.prompt(40);
  options.limits.outputs = 40;
  const auto at_once = logits_from(*model.engine(options), tokens, {}, 0);
  options.limits.outputs = 1;
  EXPECT_EQ(logits_from(*model.engine(options), tokens, {}, 0), at_once);
}

// Experts are read when they are first used, all other weights at once.
TEST(EngineLogits, FailWhereTheFileOfExpertsHasChanged) {
  for (const auto& [name, is_read] : {std::pair{"qwen3moe-moe", true}, {"llama-dense", false}}) {
    const test::TinyModel model(name);
    const auto engine = model.engine();
    std::filesystem::last_write_time(
        model.path(), std::filesystem::last_write_time(model.path()) + std::chrono::seconds(1));
    const auto logits = test::all_logits(*engine, model.prompt(5));
    EXPECT_EQ(!logits, is_read) << name;
    if (!is_read || logits) continue;
    EXPECT_THAT(logits.error().message,
                testing::HasSubstr(model.path().string() + ": was changed"));
  }
}

TEST(EngineLogits, EndWhereTheirTakerFails) {
  const test::TinyModel model("llama-dense");
  const auto engine = model.engine();
  int calls = 0;
  const Status status = engine->logits(model.prompt(75), {}, 0, [&](std::span<const float>) {
    ++calls;
    return Status(Error{"the disk is full"});
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "the disk is full");
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace linnet
