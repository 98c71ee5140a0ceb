// Layers for multi-token prediction behind the model's own are left out, and found.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "architectures/architecture.hpp"
#include "model/model.hpp"
#include "support/oracle_case.hpp"
#include "support/prediction_layer.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

// `name` with a layer more that is for prediction loads as if it had not that layer.
void expect_left_out(const std::string& name) {
  auto oracle = test::OracleCase::read(name);
  auto& metadata = oracle.json["metadata"];
  const std::string prefix = metadata["general.architecture"]["value"].get<std::string>() + ".";
  const std::size_t layers = metadata[prefix + "block_count"]["value"];
  metadata[prefix + "block_count"]["value"] = layers + 1;
  metadata[prefix + "nextn_predict_layers"] = {{"type", "uint32"}, {"value", 1}};
  auto extra = oracle.json["tensors"][0];
  extra["name"] = "blk." + std::to_string(layers) + ".nextn.eh_proj.weight";
  oracle.json["tensors"].push_back(extra);
  const fs::path path =
      fs::temp_directory_path() / ("linnet-nextn-" + std::to_string(getpid()) + ".gguf");
  const Status written = oracle.write(path);
  ASSERT_TRUE(written) << written.error().message;

  auto file = gguf::File::open(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = make_cpu_backend(1);
  WeightLoader loader(*file, *backend);
  auto spec = read_model_spec(*file, loader);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->layers.size(), layers);
  const auto model = Model::load(std::move(*spec), loader, *backend, {8, 8});
  EXPECT_TRUE(model) << model.error().message;
  fs::remove(path);
}

TEST(PredictionLayersTest, AreNotPartOfTheModel) {
  expect_left_out("qwen35-dense");
  expect_left_out("deepseek4-own");
}

// What read_prediction_spec() says of such a model.
Result<std::optional<ModelSpec>> read_layers(const test::OracleCase& oracle) {
  const test::TemporaryFolder folder;
  const auto path = folder / "model.gguf";
  EXPECT_TRUE(oracle.write(path));
  auto file = gguf::File::open(path);
  EXPECT_TRUE(file);
  const auto backend = make_reference_backend();
  WeightLoader loader(*file, *backend);
  return read_prediction_spec(*file, loader);
}

// Of qwen35-dense with this count of layers, of which there is one.
Result<std::optional<ModelSpec>> read_with_count(std::int64_t count) {
  auto oracle = test::PredictionCase::read("qwen35-dense").model;
  oracle.json["metadata"]["qwen35.nextn_predict_layers"]["value"] = count;
  return read_layers(oracle);
}

TEST(PredictionLayersTest, AreFoundByTheirCount) {
  const auto one = read_with_count(1);
  ASSERT_TRUE(one && *one);
  EXPECT_EQ((*one)->layers.size(), 1u);
  EXPECT_EQ((*one)->first_block, 2);
  EXPECT_GT((*one)->layers[0].attention.heads, 0) << "it is never recurrent";
  for (const std::int64_t wrong : {0, 2, 3, 4, 1 << 29}) {
    const auto none = read_with_count(wrong);
    ASSERT_TRUE(none) << none.error().message;
    EXPECT_FALSE(*none) << wrong;
  }
}

TEST(PredictionLayersTest, WithoutTheirTensorsAreNotThere) {
  const auto spec = read_layers(test::OracleCase::read("llama-dense"));
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_FALSE(*spec);
}

// Although layers of GLM-5 may take the picks of others, and metadata tell of the model's own only.
TEST(PredictionLayersTest, PickKeysByThemselves) {
  for (const char* name : {"deepseek32-moe", "glm-dsa-moe"}) {
    auto oracle = test::PredictionCase::read(name).model;
    const auto layer = read_layers(oracle);
    ASSERT_TRUE(layer && *layer) << name;
    const IndexerSpec& indexer = (*layer)->layers[0].latent.indexer;
    EXPECT_GT(indexer.heads, 0) << name;
    EXPECT_FALSE(indexer.reused) << name;
    EXPECT_EQ(indexer.kv_layer, 1) << name << ": behind the layer's own keys";

    nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
    for (const auto& tensor : oracle.json["tensors"]) {
      if (!tensor["name"].get<std::string>().starts_with("blk.2.indexer.")) {
        tensors.push_back(tensor);
      }
    }
    oracle.json["tensors"] = std::move(tensors);
    const auto dense = read_layers(oracle);
    ASSERT_TRUE(dense && *dense) << name;
    EXPECT_EQ((*dense)->layers[0].latent.indexer.heads, 0) << name;
  }
}

TEST(PredictionLayersTest, HaveAttention) {
  auto oracle = test::PredictionCase::read("nemotron_h_moe-own").model;
  oracle.json["metadata"]["nemotron_h_moe.attention.head_count_kv"]["value"][3] = 0;
  const auto layer = read_layers(oracle);
  ASSERT_FALSE(layer);
  EXPECT_NE(
      layer.error().message.find("layer 3 is for multi-token prediction and has no attention"),
      std::string::npos)
      << layer.error().message;
  // Here layers without KV heads are recurrent, but for this one.
  auto hybrid = test::PredictionCase::read("bailingmoe3-own").model;
  hybrid.json["metadata"]["bailingmoe3.attention.head_count_kv"]["value"][4] = 0;
  const auto latent = read_layers(hybrid);
  ASSERT_TRUE(latent && *latent) << latent.error().message;
  EXPECT_GT((*latent)->layers[0].latent.heads, 0);
}

TEST(PredictionLayersTest, OfNemotronNeedTheEpsilonOfTheirLayerNorm) {
  auto oracle = test::PredictionCase::read("nemotron_h_moe-own").model;
  oracle.json["metadata"].erase("nemotron_h_moe.attention.layer_norm_epsilon");
  const auto layer = read_layers(oracle);
  ASSERT_FALSE(layer);
  EXPECT_NE(layer.error().message.find("nemotron_h_moe.attention.layer_norm_epsilon"),
            std::string::npos)
      << layer.error().message;
}

}  // namespace
}  // namespace linnet
