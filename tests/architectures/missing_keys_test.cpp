// Files without a key that others have, and files that say the same in another way.

#include <gtest/gtest.h>

#include <cmath>

#include "architectures/architecture.hpp"
#include "support/evaluate.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

class MissingKeysTest : public testing::Test {
 protected:
  void read(const std::string& name) {
    case_ = test::OracleCase::read(name);
    architecture_ = case_.json["metadata"]["general.architecture"]["value"];
  }
  Json& metadata() { return case_.json["metadata"]; }
  std::string key(const std::string& name) const { return architecture_ + "." + name; }
  void set(const std::string& name, const char* type, const Json& value) {
    metadata()[key(name)] = {{"type", type}, {"value", value}};
  }
  void remove(const std::string& name) { ASSERT_EQ(metadata().erase(key(name)), 1U) << name; }

  std::vector<float> logits() {
    const auto path = folder_ / "model.gguf";
    const Status written = case_.write(path);
    EXPECT_TRUE(written) << written.error().message;
    const auto backend = make_cpu_backend(1);
    const auto result = test::evaluate(path, *backend, case_.tokens(), 64, case_.input());
    EXPECT_TRUE(result) << result.error().message;
    return result ? result->logits : std::vector<float>{};
  }
  // What is computed without the key is what is computed with it.
  void expect_same_without(const std::string& name) {
    const std::vector<float> want = logits();
    remove(name);
    EXPECT_EQ(logits(), want) << architecture_;
  }

  const test::TemporaryFolder folder_;
  test::OracleCase case_;
  std::string architecture_;
};

// Files of MiniCPM3 do not have it; the width of a head is its share of the stream's.
TEST_F(MissingKeysTest, WidthOfLatentValues) {
  read("minicpm3-dense");
  expect_same_without("attention.value_length");
}

// Kimi Linear says the widths of heads before they are made latent.
TEST_F(MissingKeysTest, WidthsOfLatentHeadsThatAreNotUsed) {
  read("kimi-linear-moe");
  remove("attention.key_length");
  expect_same_without("attention.value_length");
}

// The first files of Qwen1.5-MoE have the width of all used experts together.
TEST_F(MissingKeysTest, WidthOfExperts) {
  for (const char* name : {"qwen2moe-moe", "qwen3moe-moe", "llada-moe-moe"}) {
    read(name);
    const int width = metadata()[key("expert_feed_forward_length")]["value"];
    set("feed_forward_length", "uint32", 2 * width);
    expect_same_without("expert_feed_forward_length");
  }
}

// Whatever the base of the other layers is.
TEST_F(MissingKeysTest, BaseOfSlidingLayers) {
  for (const char* name : {"step35-own", "plamo3-dense", "mimo2-moe"}) {
    read(name);
    set("attention.sliding_window", "uint32", 8);
    set("rope.freq_base", "float32", 50000.0);
    set("rope.freq_base_swa", "float32", 50000.0);
    const std::vector<float> other = logits();
    set("rope.freq_base_swa", "float32", 10000.0);
    EXPECT_NE(logits(), other) << name;
    expect_same_without("rope.freq_base_swa");
  }
}

// Of Nemotron-H it is that of RMS norms where no other is there.
TEST_F(MissingKeysTest, EpsilonOfRmsNorms) {
  read("nemotron_h-dense");
  set("attention.layer_norm_epsilon", "float32",
      metadata()[key("attention.layer_norm_rms_epsilon")]["value"]);
  expect_same_without("attention.layer_norm_rms_epsilon");
}

// Hunyuan's files may have the base of the rope as it grew, or what it grows by.
TEST_F(MissingKeysTest, BaseThatGrew) {
  read("hunyuan-dense-dense");
  const double dims = metadata()[key("rope.dimension_count")]["value"];
  const double base = metadata()[key("rope.freq_base")]["value"];
  const std::vector<float> usual = logits();
  set("rope.scaling.alpha", "float32", 50.0);
  const std::vector<float> got = logits();
  remove("rope.scaling.alpha");
  set("rope.freq_base", "float32", base * std::pow(50.0, dims / (dims - 2.0)));
  EXPECT_LE(test::normalised_error(got, logits()), 1e-10);
  EXPECT_GT(test::normalised_error(got, usual), 1e-4);
}

// A projection for embeddings, of another width than the model's.
TEST_F(MissingKeysTest, SecondProjectionForEmbeddings) {
  for (const char* name : {"lfm2-dense", "lfm2moe-moe"}) {
    read(name);
    const std::vector<float> want = logits();
    const std::int64_t width = metadata()[key("embedding_length")]["value"];
    Json tensor = {{"name", "dense_2.weight"},
                   {"type", "F32"},
                   {"shape", {width, 24}},
                   {"centre", 0.0},
                   {"amplitude", 0.1}};
    case_.json["tensors"].push_back(tensor);
    EXPECT_EQ(logits(), want) << name;
    const auto file = gguf::File::open(folder_ / "model.gguf");
    ASSERT_TRUE(file) << file.error().message;
    const auto backend = make_reference_backend();
    WeightLoader loader(*file, *backend);
    const auto spec = read_model_spec(*file, loader);
    ASSERT_TRUE(spec) << spec.error().message;
    EXPECT_EQ(spec->hidden_columns(), 24);
  }
}

}  // namespace
}  // namespace linnet
