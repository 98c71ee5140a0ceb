// LoRA adapters that are added to a model while it runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "generate/rerank/classification_head.hpp"
#include "generate/session/model_hash.hpp"
#include "quantize/choose_types.hpp"
#include "quantize/write_quantised.hpp"
#include "support/adapter_file.hpp"
#include "support/normalised_error.hpp"
#include "support/reranker_file.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::AdapterFile;
using testing::HasSubstr;

class RunningAdapter : public testing::Test {
 protected:
  void SetUp() override {
    test::write_without_scales(test::OracleCase::read("llama-dense"), model_);
  }

  struct Use {
    AdapterFile adapter;
    float strength = 1.0f;
  };

  std::unique_ptr<ModelFile> open(const std::vector<Use>& uses) const {
    auto file = ModelFile::open(model_);
    EXPECT_TRUE(file) << file.error().message;
    for (const Use& use : uses) {
      use.adapter.write(path_, (*file)->file());
      const Status added = (*file)->add_adapter(path_, use.strength);
      EXPECT_TRUE(added) << added.error().message;
      std::filesystem::remove(path_);  // which stays mapped
    }
    return std::move(*file);
  }
  std::vector<float> logits(const ModelFile& file, EngineOptions options = {}) const {
    options.threads = 1;
    options.limits.rows = 32;
    auto engine = Engine::load(file, options, 256);
    if (!engine) return ADD_FAILURE() << engine.error().message, std::vector<float>{};
    std::vector<TokenId> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back((i * 37 + 5) % 128);
    auto all = test::all_logits(**engine, tokens);
    if (!all) return ADD_FAILURE() << all.error().message, std::vector<float>{};
    return std::move(*all);
  }
  std::vector<float> logits(const std::vector<Use>& uses) const { return logits(*open(uses)); }
  // Why the model can't be loaded with them.
  std::string refusal(const std::vector<Use>& uses) const {
    const auto file = open(uses);
    const auto engine = Engine::load(*file, test::TinyModel::options(), 256);
    return engine ? std::string() : engine.error().message;
  }
  // Turns the model into one with its weights in other types, and adapters merged into it.
  void convert(std::string_view types, std::span<const gguf::Lora> adapters = {}) const {
    const auto file = gguf::File::open(model_);
    ASSERT_TRUE(file) << file.error().message;
    const auto chosen = quantize::choose_types(*file, *quantize::find_types(types));
    ASSERT_TRUE(chosen) << chosen.error().message;
    ThreadPool pool(1);
    quantize::WriteOptions options;
    options.adapters = adapters;
    const auto converted = folder_ / "converted.gguf";
    const auto outcome = quantize::write_quantised(*file, *chosen, pool, converted, options);
    ASSERT_TRUE(outcome) << outcome.error().message;
    std::filesystem::rename(converted, model_);
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path model_ = folder_ / "model.gguf";
  const std::filesystem::path path_ = folder_ / "adapter.gguf";
  const AdapterFile queries_{{"blk.0.attn_q.weight", "blk.1.attn_q.weight"}};
  const AdapterFile many_{
      {"blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.1.attn_q.weight",
       "blk.1.attn_output.weight", "blk.1.ffn_up.weight", "blk.1.ffn_down.weight", "output.weight"},
      /*rank=*/5};
};

TEST_F(RunningAdapter, OfNoStrengthIsNone) {
  const auto none = logits(std::vector<Use>{});
  EXPECT_TRUE(logits({{many_, 0.0f}}) == none);
  EXPECT_GT(test::normalised_error(logits({{many_}}), none), 1e-3);
}

TEST_F(RunningAdapter, SeveralAddUp) {
  AdapterFile half = many_;  // one of all matrices, so that some have one adapter and some two
  half.salt = 17;
  const gguf::Lora both[] = {test::opened_adapter(half, folder_ / "a.gguf", model_, 0.5f),
                             test::opened_adapter(queries_, folder_ / "b.gguf", model_, -1.0f)};
  const auto running = logits({{half, 0.5f}, {queries_, -1.0f}});
  convert("F32", both);
  EXPECT_LE(test::normalised_error(running, logits(std::vector<Use>{})), 1e-7);
}

TEST_F(RunningAdapter, TwiceInHalfIsOnce) {
  EXPECT_LE(test::normalised_error(logits({{many_, 0.5f}, {many_, 0.5f}}), logits({{many_, 1.0f}})),
            1e-10);
}

TEST_F(RunningAdapter, OfQuantisedWeights) {
  ASSERT_NO_FATAL_FAILURE(convert("Q8_0"));
  EngineOptions reference;
  reference.backend = BackendKind::kReference;
  const auto file = open({{many_}});
  const auto exact = logits(*file, reference), fast = logits(*file);
  const gguf::Lora lora = test::opened_adapter(many_, folder_ / "a.gguf", model_);
  ASSERT_NO_FATAL_FAILURE(convert("F32", {&lora, 1}));
  const auto merged = logits(*open({}), reference);
  EXPECT_LE(test::normalised_error(exact, merged), 1e-7);
  EXPECT_LE(test::normalised_error(fast, merged), 1e-3);
}

TEST_F(RunningAdapter, TextsSideBySideAreWhatTheyAreAlone) {
  const auto file = open({{many_}});
  const auto load = [&] {
    return std::move(*Engine::load(*file, test::TinyModel::options(), 1024));
  };
  const auto prompt = [](int salt, int length) {
    std::vector<TokenId> tokens;
    for (int i = 0; i < length; ++i) tokens.push_back((i * 37 + salt * 11 + 5) % 128);
    return tokens;
  };
  const auto together = load();
  test::Text texts[3];
  for (int i = 0; i < 3; ++i) {
    test::submit(*together, test::greedy(prompt(i, 20 + 13 * i), 12), texts[i]);
  }
  test::finish(*together);
  for (int i = 0; i < 3; ++i) {
    const auto alone = load();
    EXPECT_EQ(texts[i].tokens, test::run(*alone, test::greedy(prompt(i, 20 + 13 * i), 12)).tokens);
  }
}

TEST_F(RunningAdapter, WhatCantBeAdaptedIsNamed) {
  EXPECT_EQ(refusal({{{{"token_embd.weight"}}}}),
            path_.string() +
                ": changes tensor token_embd.weight, which can't be adapted while a model runs; "
                "`linnet quantize --lora` merges the adapter into the model");
  EXPECT_THAT(refusal({{{{"blk.1.attn_norm.weight"}}}}), HasSubstr("blk.1.attn_norm.weight"));
}

// The table is the output, too: an adapter of it would have to change both.
TEST_F(RunningAdapter, OfATiedOutput) {
  test::write_without_scales(test::OracleCase::read("llama-dense"), model_,
                             test::ModelCopy().drop_tensor("output.weight"));
  EXPECT_THAT(refusal({{{{"token_embd.weight"}}}}), HasSubstr("tensor token_embd.weight, which"));
  EXPECT_EQ(refusal({{queries_}}), "");
  const auto file = ModelFile::open(model_);
  ASSERT_TRUE(file) << file.error().message;
  const auto whole = test::OracleCase::read("llama-dense");
  test::write_without_scales(whole, folder_ / "whole.gguf");
  const auto untied = gguf::File::open(folder_ / "whole.gguf");
  AdapterFile{{"output.weight"}}.write(path_, *untied);
  const Status added = (*file)->add_adapter(path_, 1.0f);
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().message, HasSubstr("changes tensor output.weight, which"));
}

TEST_F(RunningAdapter, OfExperts) {
  test::write_without_scales(test::OracleCase::read("qwen2moe-moe"), model_);
  EXPECT_THAT(refusal({{{{"blk.0.attn_q.weight", "blk.0.ffn_up_exps.weight"}}}}),
              HasSubstr("tensor blk.0.ffn_up_exps.weight, which can't be adapted"));
  EXPECT_EQ(refusal({{{{"blk.0.ffn_gate_inp.weight", "blk.0.ffn_up_shexp.weight"}}}}), "");
}

TEST_F(RunningAdapter, ValuesThatAreNotFiniteAreNamed) {
  AdapterFile damaged = many_;
  damaged.changed = "blk.1.ffn_up.weight.lora_a";
  damaged.changed_to = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(
      refusal({{damaged}}),
      path_.string() +
          ": tensor blk.1.ffn_up.weight.lora_a holds a value that is not finite or beyond 1e+15");
  damaged.changed = "blk.1.ffn_up.weight.lora_b";
  damaged.changed_to = 1e15f;
  EXPECT_EQ(refusal({{damaged}}), "");
  damaged.alpha = 500.0f;
  EXPECT_EQ(refusal({{damaged}}), path_.string() +
                                      ": tensor blk.1.ffn_up.weight.lora_b holds, times "
                                      "its scale, a value that is not finite or beyond 1e+15");
}

TEST_F(RunningAdapter, ThatChangesNothingIsNamed) {
  EXPECT_EQ(refusal({{{{"blk.0.ffn_down.input_scale"}}}}),
            path_.string() + ": changes no tensor that this architecture uses, such as "
                             "blk.0.ffn_down.input_scale");
  EXPECT_EQ(refusal({{{{"blk.0.ffn_down.input_scale", "blk.0.ffn_down.weight"}}}}), "");
}

TEST_F(RunningAdapter, OfARankWithoutSense) {
  AdapterFile wide = queries_;
  wide.rank = 65;
  EXPECT_THAT(refusal({{wide}}), HasSubstr("the adapters of tensor blk.0.attn_q.weight have a rank "
                                           "of 65, expected at most 64"));
  wide.rank = 32;
  EXPECT_EQ(refusal({{wide}, {wide}}), "");
}

TEST_F(RunningAdapter, IsPartOfThePlan) {
  const EngineOptions options = test::TinyModel::options();
  const auto bytes = [&](const std::vector<Use>& uses) {
    const auto plan = open(uses)->plan(options);
    EXPECT_TRUE(plan) << plan.error().message;
    return plan->weights_bytes();
  };
  const std::int64_t once = bytes({{queries_}}) - bytes({});
  // Of two matrices of 64 by 64 with rank 3, of which 16 are packed side by side.
  const std::int64_t factors = 2 * (16 * 64 + 3 * 64) * 4;
  EXPECT_GE(once, factors + 3 * 4 * options.limits.rows);
  EXPECT_LE(once, factors + 30 * 4 * options.limits.rows);
  EXPECT_GE(bytes({{queries_}, {queries_}}) - bytes({}), 2 * once - 1024);
  EXPECT_EQ(bytes({{queries_, 0.0f}}), bytes({{queries_}})) << "a request may ask for it";
}

TEST_F(RunningAdapter, ASessionBelongsToIt) {
  const auto with = open({{queries_}});
  const auto session = folder_ / "session";
  const std::vector<TokenId> prompt = {3, 1, 4, 1, 5, 9, 2, 6};
  {
    const auto engine = std::move(*Engine::load(*with, test::TinyModel::options(), 256));
    test::run(*engine, test::greedy(prompt, 4));
    ASSERT_TRUE(engine->save_session(session, prompt));
  }
  const auto error = [&](const std::vector<Use>& uses) {
    const auto file = open(uses);
    const auto engine = std::move(*Engine::load(*file, test::TinyModel::options(), 256));
    const auto loaded = engine->load_session(session);
    return loaded ? std::string() : loaded.error().message;
  };
  EXPECT_EQ(error({{queries_}}), "");
  AdapterFile other = queries_;
  other.salt = 1;
  for (const auto& uses :
       std::vector<std::vector<Use>>{{}, {{queries_, 0.5f}}, {{queries_}, {queries_}}, {{other}}}) {
    EXPECT_THAT(error(uses), HasSubstr("the session belongs to another model"));
  }
  EXPECT_NE(sample_model(*with), sample_model(*open({})));
}

// It is computed apart from the model.
TEST_F(RunningAdapter, OfAClassificationHead) {
  test::write_without_scales(test::reranker_case(), model_);
  EXPECT_TRUE(ClassificationHead::read(*open({})));
  const auto head = ClassificationHead::read(*open({{{{"cls.weight"}}}}));
  ASSERT_FALSE(head);
  EXPECT_THAT(head.error().message, HasSubstr("changes tensor cls.weight, which can't be adapted"));
}

}  // namespace
}  // namespace linnet
