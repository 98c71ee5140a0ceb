// What guesses with the model's own projection to the logits, which an adapter changes.

#include <gtest/gtest.h>

#include "generate/speculation/draft_file.hpp"
#include "generate/speculation/prediction_drafter.hpp"
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

  // The model of this file, and what it makes of a text without any adapter.
  struct Target {
    std::unique_ptr<ModelFile> file;
    std::unique_ptr<Model> model;
    std::unique_ptr<KvStore> kv;
    std::unique_ptr<StateStore> states;
  };
  Target evaluate(const std::string& name, std::span<const gguf::Lora> adapters) {
    Target target{std::move(*ModelFile::open(path(name))), {}, {}, {}};
    draft_ = std::move(*open_draft(path("draft.gguf"), *target.file));
    WeightLoader loader(target.file->file(), *backend_);
    loader.adapt(adapters);
    ModelSpec spec = target.file->spec();
    spec.kept_layers = draft_->spec().prediction.target_layers;
    auto model = Model::load(std::move(spec), loader, *backend_, {text_.rows(), text_.rows()});
    EXPECT_TRUE(model) << model.error().message;
    target.model = std::move(*model);
    target.kv = std::move(*target.model->make_kv_store(KvType::kF32, text_.pages()));
    target.states = std::move(*target.model->make_state_store(1));
    target.model->forward(text_.batch(), *target.kv, target.states.get());
    return target;
  }

  // What is guessed behind some beginnings of the text, with adapters of these strengths.
  std::vector<TokenId> guesses(const std::string& name, std::span<const gguf::Lora> adapters = {},
                               std::span<const float> strengths = {}) {
    const Target target = evaluate(name, adapters);
    std::vector<TokenId> all;
    for (const std::int64_t known : {2, 5, 9, 14, 20, 27, 35, 40}) {
      const auto drafter = PredictionDrafter::load(*draft_, draft_->spec(), *target.model,
                                                   *backend_, EngineOptions(), 512);
      EXPECT_TRUE(drafter) << drafter.error().message;
      const auto tokens = std::span(tokens_).first(static_cast<std::size_t>(known));
      (*drafter)->observe({0, tokens, 0, 0, known - 1});
      std::vector<TokenId> guesses;
      DraftQuery query{0, tokens, 3, &guesses};
      query.adapter_strengths = strengths;
      EXPECT_TRUE((*drafter)->propose({&query, 1}));
      all.insert(all.end(), guesses.begin(), guesses.end());
    }
    return all;
  }

  // They are those of a model with the adapter in its weights, and without it of one without it.
  void expect_the_same() {
    merge();
    const gguf::Lora lora = adapter();
    const std::vector<TokenId> merged = guesses("merged.gguf"), plain = guesses("model.gguf");
    EXPECT_EQ(merged.size(), 24u);
    EXPECT_NE(merged, plain);
    constexpr float kOn = 1.0f, kOff = 0.0f;
    EXPECT_EQ(guesses("model.gguf", {&lora, 1}, {&kOn, 1}), merged);
    EXPECT_EQ(guesses("model.gguf", {&lora, 1}, {&kOff, 1}), plain);
  }
  // An engine tells what guesses of the strengths of its adapters.
  void expect_the_text_of_no_guesses() const {
    auto file = std::move(*ModelFile::open(path("model.gguf")));
    EXPECT_TRUE(file->add_adapter(path("adapter.gguf"), 1.0f));
    EngineOptions options = test::TinyModel::options();
    const auto plain = std::move(*Engine::load(*file, options, 1024));
    options.speculate = true;
    options.draft_model = path("draft.gguf");
    const auto engine = Engine::load(*file, options, 1024);
    ASSERT_TRUE(engine) << engine.error().message;
    const GenerateRequest request = test::greedy({5, 42, 17, 8, 71, 33, 2, 64}, 40);
    EXPECT_EQ(test::run(**engine, request).tokens, test::run(*plain, request).tokens);
    EXPECT_GT((*engine)->scheduler().speculation().guessed, 0);
  }

 private:
  test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> draft_;
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
  const std::vector<TokenId> tokens_ = [] {
    std::vector<TokenId> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back((i * 37 + 11) % 90);
    return tokens;
  }();
  const test::WholeSequence text_{tokens_};
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
  expect_the_text_of_no_guesses();
}

TEST_F(AdaptedProjectionTest, IsUsedByEagle3) {
  const test::Eagle3Case oracle = test::Eagle3Case::read("shared-tables");
  const auto all = [](const std::string&) { return true; };
  write(oracle.target, "model.gguf", all);
  write(oracle.eagle, "draft.gguf", all);
  expect_the_same();
  expect_the_text_of_no_guesses();
}

}  // namespace
}  // namespace linnet
