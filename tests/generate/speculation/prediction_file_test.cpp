// PredictionDrafter with a layer for multi-token prediction in a file of its own, and
// draft_file.cpp, which opens such files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/draft_batches.hpp"
#include "generate/speculation/draft_file.hpp"
#include "generate/speculation/guess_cost.hpp"
#include "generate/speculation/prediction_drafter.hpp"
#include "gguf/tensor_names.hpp"
#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::ordered_json;

std::int64_t own_layers(const test::OracleCase& model) {
  const Json& metadata = model.json["metadata"];
  const std::string prefix = metadata["general.architecture"]["value"].get<std::string>() + ".";
  return metadata[prefix + "block_count"]["value"].get<std::int64_t>() -
         metadata[prefix + "nextn_predict_layers"]["value"].get<std::int64_t>();
}

// `model` with those tensors that `is_kept` wants.
test::OracleCase with_tensors(test::OracleCase model, const auto& is_kept) {
  Json tensors = Json::array();
  for (const Json& tensor : model.json["tensors"]) {
    if (is_kept(tensor["name"].get<std::string>())) tensors.push_back(tensor);
  }
  model.json["tensors"] = std::move(tensors);
  return model;
}

// What converters leave of a model: its layers for multi-token prediction, or all but these.
test::OracleCase layers_alone(const test::OracleCase& model) {
  const std::int64_t own = own_layers(model);
  return with_tensors(
      model, [&](const std::string& name) { return gguf::layer_of(name).value_or(own) >= own; });
}
test::OracleCase without_layers(const test::OracleCase& model) {
  const std::int64_t own = own_layers(model);
  test::OracleCase alone = with_tensors(
      model, [&](const std::string& name) { return gguf::layer_of(name).value_or(0) < own; });
  Json& metadata = alone.json["metadata"];
  const std::string prefix = metadata["general.architecture"]["value"].get<std::string>() + ".";
  metadata[prefix + "block_count"]["value"] = own;
  metadata.erase(prefix + "nextn_predict_layers");
  return alone;
}

class WrittenCase {
 public:
  explicit WrittenCase(const test::OracleCase& model) {
    const Status written = model.write(path());
    EXPECT_TRUE(written) << written.error().message;
  }
  std::string path() const { return folder_ / "layer.gguf"; }

 private:
  test::TemporaryFolder folder_;
};

// "chained/NAME": one with several layers.
constexpr std::string_view kChained = "chained/";

std::vector<std::string> all_cases() {
  std::vector<std::string> names = test::PredictionCase::names();
  for (const std::string& name : test::PredictionCase::chained_names()) {
    names.push_back(std::string(kChained).append(name));
  }
  return names;
}

test::PredictionCase read_case(const std::string& name) {
  return name.starts_with(kChained)
             ? test::PredictionCase::read_chained(name.substr(kChained.size()))
             : test::PredictionCase::read(name);
}

class PredictionFileTest : public testing::TestWithParam<std::string> {
 protected:
  PredictionFileTest() { EXPECT_TRUE(draft_) << draft_.error().message; }

  EngineOptions speculating() const {
    EngineOptions options = test::TinyModel::options();
    options.speculate = true;
    options.draft_model = file_.path();
    return options;
  }

  const test::PredictionCase case_ = read_case(GetParam());
  const test::TinyModel target_{without_layers(case_.model)};
  const WrittenCase file_{layers_alone(case_.model)};
  const Result<std::unique_ptr<ModelFile>> draft_ = open_draft(file_.path(), target_.file());
};

TEST_P(PredictionFileTest, GuessesWhatTheLayerPredicts) {
  const auto backend = make_cpu_backend(1);
  const test::EvaluatedModel whole(case_.model, *backend);
  const std::vector<TokenId> tokens = case_.model.tokens();
  for (const std::int64_t last : {7, 40}) {
    EngineOptions options;
    options.kv_type = KvType::kF32;
    const auto drafter =
        PredictionDrafter::load(**draft_, (*draft_)->spec(), whole.model(), *backend, options, 512);
    ASSERT_TRUE(drafter) << drafter.error().message;
    const auto known = std::span(tokens).first(static_cast<std::size_t>(last + 1));
    (*drafter)->observe({0, known, 0, 0, last});
    std::vector<TokenId> guesses;
    const DraftQuery query{0, known, 1, &guesses};
    EXPECT_TRUE((*drafter)->propose({&query, 1}));
    const std::vector<float>& golden = case_.logits.at(static_cast<int>(last));
    const auto likeliest = std::ranges::max_element(golden) - golden.begin();
    EXPECT_THAT(guesses, ElementsAre(static_cast<TokenId>(likeliest))) << last;
  }
}

TEST_P(PredictionFileTest, ChangesNoText) {
  const auto plain = target_.engine();
  const auto engine = target_.engine(speculating());
  for (int salt = 0; salt < 3; ++salt) {
    const GenerateRequest request = test::greedy(target_.prompt(50, salt), 40);
    EXPECT_EQ(test::run(*engine, request).tokens, test::run(*plain, request).tokens) << salt;
  }
  EXPECT_GT(engine->scheduler().speculation().guessed, 0);
}

TEST_P(PredictionFileTest, GuessesAsOftenAsBesideItsModel) {
  const test::TinyModel whole(case_.model);
  EngineOptions options = speculating();
  const auto apart = whole.engine(options);
  const auto alone = target_.engine(options);
  const GenerateRequest request = test::greedy(target_.prompt(50, 1), 40);
  test::run(*apart, request);
  test::run(*alone, request);
  EXPECT_EQ(apart->scheduler().speculation().guessed, alone->scheduler().speculation().guessed);
  EXPECT_EQ(apart->scheduler().speculation().accepted, alone->scheduler().speculation().accepted);
}

TEST_P(PredictionFileTest, CountsInThePlan) {
  const auto plain = target_.file().plan(test::TinyModel::options());
  const auto guessing = target_.file().plan(speculating());
  ASSERT_TRUE(plain && guessing);
  EXPECT_EQ(
      guessing->kv_bytes() - plain->kv_bytes(),
      plain->context * kv_bytes_per_token((*draft_)->spec(), test::TinyModel::options().kv_type));
  std::int64_t bytes = 0;  // but for the tables, which are the model's
  for (const gguf::Tensor& tensor : (*draft_)->file().tensors()) {
    const bool is_table = tensor.name == "token_embd.weight" || tensor.name == "output.weight";
    if (!is_table) bytes += std::ssize(tensor.bytes);
  }
  EXPECT_EQ(guessing->weights_bytes() - plain->weights_bytes(), bytes);
  const EngineOptions options = speculating();
  const std::int64_t workspaces = draft_workspace_bytes((*draft_)->spec(), options, options.limits);
  EXPECT_GT(workspaces, 0);
  EXPECT_EQ(guessing->shares.back().guessing_bytes, workspaces);
  EXPECT_EQ(plain->shares.back().guessing_bytes, 0);
}

TEST_P(PredictionFileTest, CostsAsMuchAsInTheModelsFile) {
  const test::TinyModel whole(case_.model);
  const ModelFile& file = whole.file();
  EXPECT_DOUBLE_EQ(guess_cost(target_.file(), (*draft_)->file(), (*draft_)->spec()),
                   guess_cost(file, file.file(), **file.prediction()));
}

TEST_P(PredictionFileTest, IsNoModelByItself) {
  const auto model = ModelFile::open(file_.path());
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("only guesses tokens for the model"));
}

INSTANTIATE_TEST_SUITE_P(Cases, PredictionFileTest, testing::ValuesIn(all_cases()),
                         test::test_name<std::string>);

// What is said of the file of a layer of `case`, beside `target`.
std::string problem(const std::string& name, const test::OracleCase& target) {
  const WrittenCase file(layers_alone(test::PredictionCase::read(name).model));
  const test::TinyModel model(target);
  const auto draft = open_draft(file.path(), model.file());
  return draft ? "" : draft.error().message;
}

TEST(PredictionFileErrorTest, FitsTheModel) {
  const auto model = [](const char* name) { return test::OracleCase::read(name); };
  EXPECT_EQ(problem("qwen35-dense", model("qwen35-dense")), "");
  EXPECT_THAT(problem("qwen35-dense", model("qwen3-dense")),
              HasSubstr("its architecture is qwen35, expected the model's qwen3"));
  test::OracleCase narrow = model("qwen35-dense");
  narrow.json["metadata"]["qwen35.embedding_length"]["value"] = 64;
  EXPECT_THAT(problem("qwen35-dense", narrow),
              HasSubstr("its states have 128 columns, expected the model's 64"));
  test::OracleCase shorter = model("step35-own");
  shorter.json["metadata"]["step35.block_count"]["value"] = 4;
  shorter = with_tensors(shorter, [](const std::string& n) { return !n.starts_with("blk.4."); });
  EXPECT_THAT(problem("step35-own", shorter),
              HasSubstr("it stands behind 5 layers, expected the model's 4"));
}

TEST(PredictionFileErrorTest, IsOfAKnownKind) {
  test::OracleCase layer = test::PredictionCase::read("qwen35-dense").model;
  Json& metadata = layer.json["metadata"];
  const Json before = metadata;
  for (const auto& [key, entry] : before.items()) {
    if (key.starts_with("qwen35.")) metadata["llama" + key.substr(6)] = entry;
  }
  metadata["general.architecture"]["value"] = "llama";
  const WrittenCase file(layers_alone(layer));
  const test::TinyModel model("llama-dense");
  const auto draft = open_draft(file.path(), model.file());
  ASSERT_FALSE(draft);
  EXPECT_THAT(draft.error().message,
              HasSubstr("has only layers for multi-token prediction, which are not known of the "
                        "architecture llama"));
}

}  // namespace
}  // namespace linnet
