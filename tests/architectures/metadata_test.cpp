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

}  // namespace
}  // namespace linnet
