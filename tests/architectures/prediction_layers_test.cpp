// Layers for multi-token prediction behind the model's own are left out.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "architectures/architecture.hpp"
#include "model/model.hpp"
#include "support/oracle_case.hpp"

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

}  // namespace
}  // namespace linnet
