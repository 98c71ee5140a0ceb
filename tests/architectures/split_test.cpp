// A model whose first layers are in one backend and the others in another one.

#include <gtest/gtest.h>

#include <filesystem>

#include "architectures/architecture.hpp"
#include "support/adapter_file.hpp"
#include "support/evaluate.hpp"
#include "support/mixer_cases.hpp"
#include "support/oracle_case.hpp"
#include "support/prediction_layer.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class SplitTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto oracle = test::OracleCase::read(GetParam());
    const Status written = oracle.write(path_);
    ASSERT_TRUE(written) << written.error().message;
    tokens_ = oracle.tokens();
    auto file = gguf::File::open(path_);
    ASSERT_TRUE(file) << file.error().message;
    WeightLoader loader(*file, *backends_[0]);
    auto spec = read_model_spec(*file, loader);
    ASSERT_TRUE(spec) << spec.error().message;
    spec_ = std::move(*spec);
  }

  // The logits with the layers from `border` on in the second backend.
  std::vector<float> evaluate(int border, std::span<const gguf::Lora> adapters = {}) {
    const LayerPlace places[] = {{backends_[0].get(), border}, {backends_[1].get()}};
    auto result = test::evaluate(path_, places, tokens_, 17, {}, adapters);
    if (!result) return ADD_FAILURE() << result.error().message, std::vector<float>{};
    return std::move(result->logits);
  }

  test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "model.gguf";
  std::unique_ptr<Backend> backends_[2] = {make_cpu_backend(1), make_cpu_backend(1)};
  std::vector<std::int32_t> tokens_;
  ModelSpec spec_;
};

TEST_P(SplitTest, LogitsAreThoseOfOneBackend) {
  const auto whole = test::evaluate(path_, *backends_[0], tokens_, 17);
  ASSERT_TRUE(whole) << whole.error().message;
  const int layers = static_cast<int>(spec_.layers.size());
  int borders = 0;
  for (int border = 1; border <= layers; ++border) {
    if (border < layers && (layers > 6 && border % 5 != 3)) continue;
    if (!can_part(spec_, border)) continue;
    ++borders;
    EXPECT_EQ(evaluate(border), whole->logits) << "border at layer " << border;
  }
  EXPECT_GT(borders, 0);
}

TEST_P(SplitTest, AdaptersAreWhereTheirLayersAre) {
  test::write_without_scales(test::OracleCase::read(GetParam()), path_);
  test::AdapterFile adapter;
  const auto file = gguf::File::open(path_);
  ASSERT_TRUE(file) << file.error().message;
  for (const gguf::Tensor& tensor : file->tensors()) {
    const bool is_last = tensor.name == "output.weight" || tensor.name.ends_with("_down.weight") ||
                         tensor.name.ends_with("_out.weight");
    if (is_last && tensor.dimensions == 2) adapter.tensors.emplace_back(tensor.name);
  }
  const gguf::Lora lora = test::opened_adapter(adapter, folder_ / "adapter.gguf", path_);
  const auto whole = test::evaluate(path_, *backends_[0], tokens_, 17, {}, {&lora, 1});
  ASSERT_TRUE(whole) << whole.error().message;
  const int layers = static_cast<int>(spec_.layers.size());
  int border = 1;
  while (border < layers && !can_part(spec_, border)) ++border;
  EXPECT_TRUE(evaluate(border, {&lora, 1}) == whole->logits) << "border at layer " << border;
}

INSTANTIATE_TEST_SUITE_P(Mixers, SplitTest, test::kMixerCases, test::test_name<std::string>);

// What layers 0 and 4 of the model in `path` gave, where `places` has them.
std::vector<float> kept_results(const std::filesystem::path& path,
                                std::span<const LayerPlace> places,
                                const std::vector<std::int32_t>& tokens) {
  auto file = gguf::File::open(path);
  WeightLoader loader(*file, *places.front().backend);
  auto spec = read_model_spec(*file, loader);
  spec->kept_layers = {0, 4};
  const test::WholeSequence sequence(tokens);
  const auto model =
      Model::load(std::move(*spec), loader, places, {sequence.rows(), sequence.rows()});
  if (!model) return ADD_FAILURE() << model.error().message, std::vector<float>{};
  const auto kv = (*model)->make_kv_store(KvType::kF32, sequence.pages());
  (*model)->forward(sequence.batch(), **kv);
  std::vector<float> results;
  for (const auto& [index, place] : {std::pair{0, places.front()}, {1, places.back()}}) {
    const View view = (*model)->kept(static_cast<std::size_t>(index));
    std::vector<float> rows(static_cast<std::size_t>(view.rows * view.columns));
    place.backend->download(view, rows.data());
    results.insert(results.end(), rows.begin(), rows.end());
  }
  return results;
}

TEST(KeptResultsTest, AreWhereTheirLayersAre) {
  const auto oracle = test::OracleCase::read("step35-own");
  const test::TemporaryFolder folder;
  const auto path = folder / "model.gguf";
  ASSERT_TRUE(oracle.write(path));
  const auto first = make_cpu_backend(1), second = make_cpu_backend(1);
  const LayerPlace whole[] = {{first.get()}}, split[] = {{first.get(), 2}, {second.get()}};
  EXPECT_EQ(kept_results(path, split, oracle.tokens()), kept_results(path, whole, oracle.tokens()));
}

ModelSpec layers_that_share_keys() {
  ModelSpec spec;
  spec.layers.resize(6);
  for (const int layer : {4, 5}) spec.layers[layer].attention.kv_layer = 2;
  return spec;
}

TEST(CanPartTest, KeysOfAnEarlierLayerAreNotParted) {
  const ModelSpec spec = layers_that_share_keys();
  for (const int border : {1, 2, 6}) EXPECT_TRUE(can_part(spec, border)) << border;
  for (const int border : {3, 4, 5}) EXPECT_FALSE(can_part(spec, border)) << border;
}

TEST(CanPartTest, PicksOfAnEarlierLayerAreNotParted) {
  ModelSpec spec;
  spec.layers.resize(4);
  for (LayerSpec& layer : spec.layers) layer.latent.indexer.heads = 1;
  spec.layers[1].latent.indexer.reused = true;
  EXPECT_FALSE(can_part(spec, 1));
  for (const int border : {0, 2, 3}) EXPECT_TRUE(can_part(spec, border)) << border;
}

TEST(CanPartTest, BiasesOfTheFirstLayerAreNotParted) {
  const auto oracle = test::OracleCase::read("t5encoder-own");
  const test::TemporaryFolder folder;
  ASSERT_TRUE(oracle.write(folder / "model.gguf"));
  const auto file = gguf::File::open(folder / "model.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = make_reference_backend();
  WeightLoader loader(*file, *backend);
  const auto spec = read_model_spec(*file, loader);
  ASSERT_TRUE(spec) << spec.error().message;
  const int layers = static_cast<int>(spec->layers.size());
  ASSERT_GT(layers, 1);
  for (int border = 1; border < layers; ++border) EXPECT_FALSE(can_part(*spec, border)) << border;
  for (const int border : {0, layers}) EXPECT_TRUE(can_part(*spec, border)) << border;
}

// Where the projection to the logits is the table of tokens, that is there for others beside the
// last layers, too.
TEST(SharedTablesTest, ATiedProjectionIsTheTable) {
  for (const bool is_tied : {true, false}) {
    auto oracle = test::OracleCase::read("llama-dense");
    auto& tensors = oracle.json["tensors"];
    const auto output = std::ranges::find_if(
        tensors, [](const auto& tensor) { return tensor["name"] == "output.weight"; });
    if (is_tied) tensors.erase(output);
    const test::TemporaryFolder folder;
    ASSERT_TRUE(oracle.write(folder / "model.gguf"));
    const auto file = gguf::File::open(folder / "model.gguf");
    ASSERT_TRUE(file) << file.error().message;
    const auto first = make_cpu_backend(1), last = make_cpu_backend(1);
    WeightLoader loader(*file, *first);
    auto spec = read_model_spec(*file, loader);
    ASSERT_TRUE(spec) << spec.error().message;
    const LayerPlace places[] = {{first.get(), 1}, {last.get()}};
    const auto model = Model::load(std::move(*spec), loader, places, {8, 8});
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_NE((*model)->tables_in(*first).tokens, nullptr);
    EXPECT_EQ((*model)->tables_in(*first).output, nullptr);
    const SharedTables tables = (*model)->tables_in(*last);
    ASSERT_NE(tables.output, nullptr);
    EXPECT_EQ(tables.tokens, is_tied ? tables.output->weight : nullptr);
  }
}

}  // namespace
}  // namespace linnet
