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

// What read_prediction_spec() says of qwen35-dense with such a layer, with this count of them.
Result<std::optional<ModelSpec>> read_with_count(std::int64_t count) {
  auto oracle = test::OracleCase::read("qwen35-dense");
  test::add_prediction_layer(oracle, true);
  oracle.json["metadata"]["qwen35.nextn_predict_layers"]["value"] = count;
  const test::TemporaryFolder folder;
  const auto path = folder / "model.gguf";
  EXPECT_TRUE(oracle.write(path));
  auto file = gguf::File::open(path);
  EXPECT_TRUE(file);
  const auto backend = make_reference_backend();
  WeightLoader loader(*file, *backend);
  return read_prediction_spec(*file, loader);
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
  const auto oracle = test::OracleCase::read("llama-dense");
  const test::TemporaryFolder folder;
  const auto path = folder / "model.gguf";
  ASSERT_TRUE(oracle.write(path));
  auto file = gguf::File::open(path);
  const auto backend = make_reference_backend();
  WeightLoader loader(*file, *backend);
  const auto spec = read_prediction_spec(*file, loader);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_FALSE(*spec);
}

}  // namespace
}  // namespace linnet
