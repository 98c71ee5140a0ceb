// What the spec of a model has of keys that files of some models lack, or have besides others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "architectures/architecture.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

Result<ModelSpec> read_spec(const test::OracleCase& oracle) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.gguf";
  const Status written = oracle.write(path);
  if (!written) return written.error();
  auto file = gguf::File::open(path);
  if (!file) return file.error();
  const auto backend = make_cpu_backend(1);
  WeightLoader loader(*file, *backend);
  return read_model_spec(*file, loader);
}

Json& metadata(test::OracleCase& oracle, const std::string& key) {
  const Json& architecture = oracle.json["metadata"]["general.architecture"]["value"];
  return oracle.json["metadata"][architecture.get<std::string>() + "." + key];
}

class LayerNormTest : public testing::TestWithParam<std::string> {};

// Converters write the `norm_eps` of a layer norm as that of an RMS norm (ModernBERT, Nemotron).
TEST_P(LayerNormTest, IsNoRmsNormWhereTheFileHasAnEpsilonOfThat) {
  test::OracleCase oracle = test::OracleCase::read(GetParam());
  const auto before = read_spec(oracle);
  ASSERT_TRUE(before) << before.error().message;
  ASSERT_EQ(before->norm, NormKind::kLayer);
  metadata(oracle, "attention.layer_norm_rms_epsilon") = {{"type", "float32"}, {"value", 0.25}};
  const auto spec = read_spec(oracle);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->norm, NormKind::kLayer);
  EXPECT_EQ(spec->norm_epsilon, before->norm_epsilon);
  EXPECT_EQ(spec->post_norm_epsilon, before->norm_epsilon);
}

INSTANTIATE_TEST_SUITE_P(Cases, LayerNormTest,
                         testing::Values("bert-own", "bloom-dense", "codeshell-dense",
                                         "command-r-dense", "dbrx-moe", "falcon-dense",
                                         "gpt2-dense", "gptneox-dense", "jais-dense", "jais2-dense",
                                         "jina-bert-v2-own", "jina-bert-v3-own", "modern-bert-own",
                                         "mpt-dense", "nemotron-dense", "nomic-bert-moe-own",
                                         "nomic-bert-own", "olmo-dense", "orion-dense",
                                         "phi2-dense", "rwkv6-dense", "rwkv7-own", "stablelm-dense",
                                         "starcoder-dense", "starcoder2-dense"),
                         test::test_name<std::string>);

// DeepSeek's architecture with the layers and the vocabulary of GLM-4.7-Flash.
TEST(GateTest, OfGlmFlashIsASigmoidWhereTheFileSaysNothing) {
  constexpr int kLayers = 47, kTokens = 154880;
  test::OracleCase oracle = test::OracleCase::read("deepseek2-moe");
  Json tensors = Json::array();
  const auto add = [&](const std::string& name, int rows) {
    tensors.push_back({{"name", name},
                       {"type", "F32"},
                       {"shape", {1, rows}},
                       {"centre", 0.0},
                       {"amplitude", 1.0}});
  };
  add("token_embd.weight", kTokens);
  for (int i = 0; i < kLayers; ++i) add("blk." + std::to_string(i) + ".ffn_gate_inp.weight", 1);
  oracle.json["tensors"] = std::move(tensors);
  metadata(oracle, "block_count") = {{"type", "uint32"}, {"value", kLayers}};
  metadata(oracle, "expert_gating_func") = {{"type", "uint32"}, {"value", 0}};
  const auto gate = [&] {
    const auto spec = read_spec(oracle);
    EXPECT_TRUE(spec) << spec.error().message;
    return spec ? spec->layers.back().moe.route.gate : GateFunction::kSoftmaxAfterTopK;
  };
  EXPECT_EQ(gate(), GateFunction::kSigmoid);
  oracle.json["tensors"][0]["shape"][1] = kTokens - 1;
  EXPECT_EQ(gate(), GateFunction::kSoftmax);
}

// Cohere's converter has an element for each of the model's own layers alone.
TEST(SlidingPatternTest, MayLackLayersForMultiTokenPrediction) {
  test::OracleCase oracle = test::OracleCase::read("cohere2moe-moe");
  metadata(oracle, "block_count")["value"] = 3;
  metadata(oracle, "nextn_predict_layers") = {{"type", "uint32"}, {"value", 1}};
  Json tensors = oracle.json["tensors"];
  tensors.push_back(tensors[0]);
  tensors.back()["name"] = "blk.2.nextn.eh_proj.weight";
  for (Json tensor : oracle.json["tensors"]) {
    const auto name = tensor["name"].get<std::string>();
    if (!name.starts_with("blk.1.")) continue;
    tensor["name"] = "blk.2." + name.substr(6);
    tensors.push_back(std::move(tensor));
  }
  oracle.json["tensors"] = std::move(tensors);
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.gguf";
  ASSERT_TRUE(oracle.write(path));
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = make_cpu_backend(1);
  WeightLoader loader(*file, *backend);
  const auto spec = read_prediction_spec(*file, loader);
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_TRUE(spec->has_value());
  EXPECT_EQ((*spec)->layers.back().attention.span, AttentionSpan::kFull);
}

TEST(SlidingWindowTest, OfGemma2Is4096WhereTheFileSaysNothing) {
  test::OracleCase oracle = test::OracleCase::read("gemma2-dense");
  metadata(oracle, "attention.sliding_window") = {{"type", "uint32"}, {"value", 0}};
  const auto spec = read_spec(oracle);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->layers[0].attention.window, 4096);
  EXPECT_EQ(spec->layers[1].attention.span, AttentionSpan::kFull);
}

TEST(ExpertsTest, UsedByALayerMustNotBeNone) {
  test::OracleCase oracle = test::OracleCase::read("nemotron_h_moe-own");
  metadata(oracle, "expert_used_count") = {
      {"type", "array"}, {"of", "uint32"}, {"value", {0, 0, 0}}};
  const auto spec = read_spec(oracle);
  ASSERT_FALSE(spec);
  EXPECT_THAT(spec.error().message,
              testing::HasSubstr("expert_used_count is 0 for layer 2, expected 1 to 6"));
}

TEST(ExpertsTest, OfDeepSeek4MayHaveBiasesForPictures) {
  test::OracleCase oracle = test::OracleCase::read("deepseek4-own");
  const auto spec = read_spec(oracle);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_THAT(spec->unused_tensors, testing::Contains("*.exp_probs_b_vl.bias"));
}

}  // namespace
}  // namespace linnet
