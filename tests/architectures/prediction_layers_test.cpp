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

TEST(PredictionLayersTest, AreNotPartOfTheModel) {
  auto oracle = test::OracleCase::read("qwen35-dense");
  auto& metadata = oracle.json["metadata"];
  const std::size_t layers = metadata["qwen35.block_count"]["value"];
  metadata["qwen35.block_count"]["value"] = layers + 1;
  metadata["qwen35.nextn_predict_layers"] = {{"type", "uint32"}, {"value", 1}};
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

}  // namespace
}  // namespace linnet
