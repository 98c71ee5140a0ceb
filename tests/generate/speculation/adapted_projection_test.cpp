// What guesses with the model's own projection to the logits, which an adapter changes.

#include <gtest/gtest.h>

#include "gguf/tensor_names.hpp"
#include "quantize/choose_types.hpp"
#include "quantize/write_quantised.hpp"
#include "support/adapter_file.hpp"
#include "support/eagle3_case.hpp"
#include "support/prediction_layer.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

constexpr const char* kOutput = "output.weight";

class AdaptedProjectionTest : public testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }

  void write(const test::OracleCase& model, const std::string& name, const auto& is_kept) const {
    test::OracleCase part = model;
    auto tensors = nlohmann::ordered_json::array();
    for (const auto& tensor : model.json["tensors"]) {
      if (is_kept(tensor["name"].get<std::string>())) tensors.push_back(tensor);
    }
    part.json["tensors"] = std::move(tensors);
    ASSERT_TRUE(part.write(path(name)));
  }

  gguf::Lora adapter() const {
    return test::opened_adapter({.tensors = {kOutput}}, path("adapter.gguf"), path("model.gguf"));
  }
  // model.gguf with the adapter in its weights.
  void merge() const {
    const auto file = gguf::File::open(path("model.gguf"));
    ASSERT_TRUE(file) << file.error().message;
    const auto types = quantize::choose_types(*file, *quantize::find_types("F32"));
    ASSERT_TRUE(types) << types.error().message;
    const gguf::Lora lora = adapter();
    quantize::WriteOptions options;
    options.adapters = {&lora, 1};
    ThreadPool pool(1);
    const auto written =
        quantize::write_quantised(*file, *types, pool, path("merged.gguf"), options);
    ASSERT_TRUE(written) << written.error().message;
  }

  struct Outcome {
    std::vector<TokenId> tokens;
    std::int64_t guessed = 0, accepted = 0;
    bool operator==(const Outcome&) const = default;
  };
  // Of a few texts, with the adapter as strong as that where there is one.
  Outcome run(const std::string& model, std::optional<float> strength = {}) const {
    auto file = std::move(*ModelFile::open(path(model)));
    if (strength) {
      EXPECT_TRUE(file->add_adapter(path("adapter.gguf"), 1.0f));
    }
    EngineOptions options = test::TinyModel::options();
    options.speculate = true;
    options.draft_model = path("draft.gguf");
    const auto engine = Engine::load(*file, options, 1024);
    if (!engine) return ADD_FAILURE() << engine.error().message, Outcome();
    Outcome outcome;
    for (int salt = 0; salt < 4; ++salt) {
      std::vector<TokenId> prompt;
      for (int i = 0; i < 30; ++i) prompt.push_back((i * 37 + 11 * salt) % 90);
      GenerateRequest request = test::greedy(std::move(prompt), 40);
      if (strength) request.adapter_strengths = {*strength};
      const test::Text text = test::run(**engine, std::move(request));
      outcome.tokens.insert(outcome.tokens.end(), text.tokens.begin(), text.tokens.end());
    }
    const SpeculationCounts counts = (*engine)->scheduler().speculation();
    outcome.guessed = counts.guessed;
    outcome.accepted = counts.accepted;
    return outcome;
  }
  // Guesses are as good as with the adapter in the weights, and without it as without one.
  void expect_the_same() const {
    merge();
    const Outcome merged = run("merged.gguf"), plain = run("model.gguf");
    EXPECT_FALSE(merged == plain);
    EXPECT_GT(merged.guessed, 0);
    EXPECT_TRUE(run("model.gguf", 1.0f) == merged);
    EXPECT_TRUE(run("model.gguf", 0.0f) == plain);
  }

 private:
  test::TemporaryFolder folder_;
};

// The file of the layer leaves the projection to the model.
TEST_F(AdaptedProjectionTest, IsUsedByLayersForPrediction) {
  const test::OracleCase whole = test::PredictionCase::read("qwen35-dense").model;
  const auto& metadata = whole.json["metadata"];
  const int own = metadata["qwen35.block_count"]["value"].get<int>() - 1;
  const auto is_of_layer = [&](const std::string& name) {
    return gguf::layer_of(name).value_or(-1) == own;
  };
  write(whole, "model.gguf", [&](const std::string& name) { return !is_of_layer(name); });
  write(whole, "draft.gguf", [&](const std::string& name) {
    return is_of_layer(name) || (!gguf::layer_of(name) && name != kOutput);
  });
  expect_the_same();
}

TEST_F(AdaptedProjectionTest, IsUsedByEagle3) {
  const test::Eagle3Case oracle = test::Eagle3Case::read("shared-tables");
  const auto all = [](const std::string&) { return true; };
  write(oracle.target, "model.gguf", all);
  write(oracle.eagle, "draft.gguf", all);
  expect_the_same();
}

}  // namespace
}  // namespace linnet
