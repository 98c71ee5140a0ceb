// Sizes in the metadata that contradict each other or the tensors: each once found to be harmful.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/evaluate.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

std::string error_of(const test::OracleCase& oracle) {
  const test::TemporaryFolder folder;
  const auto path = folder / "hostile.gguf";
  const Status written = oracle.write(path);
  if (!written) return written.error().message;
  const auto backend = make_cpu_backend(1);
  const auto result = test::evaluate(path, *backend, oracle.tokens(), 64, oracle.input());
  return result ? "" : result.error().message;
}

// The error of a golden case with one count changed.
std::string error_with(const std::string& name, const std::string& key, std::int64_t value) {
  auto oracle = test::OracleCase::read(name);
  oracle.json["metadata"][key] = {{"type", "uint32"}, {"value", value}};
  return error_of(oracle);
}

// The error of a golden case with one count for each layer.
std::string error_with(const std::string& name, const std::string& key,
                       const std::vector<std::int64_t>& values) {
  auto oracle = test::OracleCase::read(name);
  oracle.json["metadata"][key] = {{"type", "array"}, {"of", "uint32"}, {"value", values}};
  return error_of(oracle);
}

// The error of a golden case without the tensors whose names end like one of `ends`.
std::string error_without(const std::string& name, const std::vector<std::string>& ends) {
  auto oracle = test::OracleCase::read(name);
  auto& tensors = oracle.json["tensors"];
  for (auto tensor = tensors.begin(); tensor != tensors.end();) {
    const std::string full = (*tensor)["name"];
    const bool erased = std::any_of(ends.begin(), ends.end(),
                                    [&](const std::string& end) { return full.ends_with(end); });
    tensor = erased ? tensors.erase(tensor) : tensor + 1;
  }
  return error_of(oracle);
}

std::vector<std::int64_t> ones_but(std::size_t count, std::size_t index, std::int64_t value) {
  std::vector<std::int64_t> values(count, 1);
  values[index] = value;
  return values;
}

TEST(HostileSizes, HeadsBeyondTheFusedProjection) {
  EXPECT_THAT(error_with("qwen-dense", "qwen.attention.key_length", 64),
              testing::HasSubstr("tensor blk.0.attn_qkv.weight has 192 rows, expected at least"));
}

TEST(HostileSizes, MoreLayersThanTensors) {
  EXPECT_THAT(error_with("llama-dense", "llama.block_count", 1000),
              testing::HasSubstr("metadata key llama.block_count is 1000, but the file has only "));
}

TEST(HostileSizes, HeadsAndWidthsHaveAnUpperBound) {
  EXPECT_THAT(error_with("llama-dense", "llama.attention.head_count", 1 << 30),
              testing::HasSubstr("key llama.attention.head_count is 1073741824, expected 1 to"));
  EXPECT_THAT(error_with("llama-dense", "llama.attention.key_length", 1 << 30),
              testing::HasSubstr("has heads of 1073741824 and 16 columns, expected 1 to 16384"));
  EXPECT_THAT(error_with("gemma4-dense", "gemma4.attention.key_length_swa", 1 << 30),
              testing::HasSubstr("gemma4.attention.key_length_swa is 1073741824, expected 0 to"));
  EXPECT_THAT(error_with("deepseek2-moe", "deepseek2.attention.kv_lora_rank", 1 << 30),
              testing::HasSubstr("attention.kv_lora_rank is 1073741824, expected 1 to"));
}

TEST(HostileSizes, ExpertsInGroups) {
  EXPECT_THAT(error_with("deepseek2-moe", "deepseek2.expert_group_count", 3),
              testing::HasSubstr("uses 2 experts (expert_used_count) in 3 groups "
                                 "(expert_group_used_count), expected at most what its 4 experts "
                                 "(expert_count) in 3 equal groups (expert_group_count) allow"));
  EXPECT_THAT(error_with("grovemoe-moe", "grovemoe.experts_per_group", 3),
              testing::HasSubstr("metadata key grovemoe.experts_per_group is 3, expected a divisor "
                                 "of the 4 in grovemoe.expert_count"));
}

TEST(HostileSizes, RecurrentLayers) {
  EXPECT_THAT(error_with("mamba2-dense", "mamba2.ssm.conv_kernel", 1),
              testing::HasSubstr("metadata key mamba2.ssm.conv_kernel is 1, expected 2 to 64"));
  EXPECT_THAT(error_with("mamba2-dense", "mamba2.ssm.group_count", 3),
              testing::HasSubstr("metadata key mamba2.ssm.group_count is 3, expected a divisor of "
                                 "the 4 in mamba2.ssm.time_step_rank"));
  EXPECT_THAT(
      error_with("rwkv6qwen2-own", "rwkv6qwen2.wkv.head_size", 5),
      testing::HasSubstr("metadata key rwkv6qwen2.wkv.head_size is 5, expected a divisor of "
                         "the 48 in rwkv6qwen2.embedding_length"));
  EXPECT_THAT(error_with("rwkv6qwen2-own", "rwkv6qwen2.wkv.head_size", 16),
              testing::HasSubstr("layer 0 has 3 heads of 16 columns (wkv.head_size), expected a "
                                 "multiple of the 2 KV heads (attention.head_count_kv)"));
  EXPECT_THAT(error_with("minimax-01-own", "minimax-01.attention.value_length", 8),
              testing::HasSubstr("layer 0 has 4 heads (attention.head_count) with keys of 16 "
                                 "columns (attention.key_length) and values of 8"));
  EXPECT_THAT(error_with("bailingmoe3-own", "bailingmoe3.kda.gate_lower_bound", 1),
              testing::HasSubstr("bailingmoe3.kda.gate_lower_bound are true and 1, expected true "
                                 "and less than 0"));
  EXPECT_THAT(error_with("kimi-k3-own", "kimi-k3.activation.situ_beta", 0),
              testing::HasSubstr("metadata key kimi-k3.activation.situ_beta is 0, expected more"));
}

TEST(HostileSizes, CompressedKeysAndStreams) {
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.hyper_connection.count", 1 << 30),
              testing::HasSubstr("hyper_connection.count is 1073741824, expected 1 to 8"));
  EXPECT_THAT(
      error_with("deepseek4-own", "deepseek4.hyper_connection.sinkhorn_iterations", 1 << 30),
      testing::HasSubstr("sinkhorn_iterations is 1073741824, expected 1 to 1000"));
  EXPECT_THAT(
      error_with("deepseek4-own", "deepseek4.attention.compress_ratios", 8),
      testing::HasSubstr("attention.compress_ratios is 8 for layer 0, expected 0, 4 or 128"));
  EXPECT_THAT(
      error_with("deepseek4-own", "deepseek4.attention.output_group_count", 3),
      testing::HasSubstr("layer 0 has 4 heads (attention.head_count), expected a multiple of the 3 "
                         "groups (attention.output_group_count)"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.attention.output_lora_rank", 1 << 30),
              testing::HasSubstr("attention.output_lora_rank is 1073741824, expected 1 to"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.expert_count", 5),
              testing::HasSubstr("has shape [64, 6], expected [64, 5"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.hash_layer_count", 3),
              testing::HasSubstr("missing tensor blk.2.ffn_gate_tid2eid.weight"));
}

TEST(HostileSizes, LatentAttentionOfTwoKinds) {
  EXPECT_THAT(error_with("dots3note-own", "dots3note.attention.kv_lora_rank_swa", 1 << 30),
              testing::HasSubstr("attention.kv_lora_rank_swa is 1073741824, expected 1 to"));
  EXPECT_THAT(
      error_with("dots3note-own", "dots3note.attention.key_length_mla_swa", 4),
      testing::HasSubstr("rope turns 8 columns of a head (rope.dimension_count), expected"));
  EXPECT_THAT(
      error_with("dots3note-own", "dots3note.attention.indexer.key_length", 4),
      testing::HasSubstr("rope turns 8 columns of a head (rope.dimension_count), expected"));
  EXPECT_THAT(error_with("dots3note-own", "dots3note.attention.sliding_window_pattern",
                         std::vector<std::int64_t>{0, 0, 1, 0, 1}),
              testing::HasSubstr("tensor blk.1.attn_q_b.weight has shape"));
}

TEST(HostileSizes, StreamsThatStayApart) {
  EXPECT_THAT(error_with("hy_v4-own", "hy_v4.hyper_connection.count", 9),
              testing::HasSubstr("hyper_connection.count is 9, expected 1 to 8"));
  EXPECT_THAT(error_with("hy_v4-own", "hy_v4.hyper_connection.magnitude", 0),
              testing::HasSubstr("hy_v4.hyper_connection.magnitude is missing or 0"));
  EXPECT_THAT(error_with("hy_v4-own", "hy_v4.attention.indexer.types",
                         std::vector<std::int64_t>{0, 0, 0, 1, 0}),
              testing::HasSubstr("layer 0 reads the keys that an earlier layer picked, but none"));
  EXPECT_THAT(
      error_with("hy_v4-own", "hy_v4.attention.indexer.key_length", 4),
      testing::HasSubstr("rope turns 8 columns of a head (rope.dimension_count), expected"));
}

// An indexer that takes up more memory than the attention that it picks for.
TEST(HostileSizes, WideIndexer) {
  constexpr int kTimes = 256;
  auto oracle = test::OracleCase::read("hy_v4-own");
  auto& heads = oracle.json["metadata"]["hy_v4.attention.indexer.head_count"]["value"];
  heads = kTimes * heads.get<int>();
  for (auto& tensor : oracle.json["tensors"]) {
    const std::string name = tensor["name"];
    if (!name.ends_with("indexer.attn_q_b.weight") && !name.ends_with("indexer.proj.weight")) {
      continue;
    }
    tensor["shape"][1] = kTimes * tensor["shape"][1].get<int>();
  }
  EXPECT_EQ(error_of(oracle), "");
}

TEST(HostileSizes, BlocksOfTokensAndGatedStreams) {
  const auto error = [](const std::string& key, std::int64_t value) {
    return error_with("qwen4exp-own", "qwen4exp." + key, value);
  };
  EXPECT_THAT(error("hyper_connection.count", 1),
              testing::HasSubstr("key qwen4exp.hyper_connection.count is 1, expected 2 to 8"));
  EXPECT_THAT(error("hyper_connection.count", 9),
              testing::HasSubstr("hyper_connection.count is 9, expected 1 to 8"));
  EXPECT_THAT(error("hyper_connection.low_rank", 1 << 30),
              testing::HasSubstr("hyper_connection.low_rank is 1073741824, expected 1 to 65536"));
  EXPECT_THAT(
      error("attention.compress_ratios", 12),
      testing::HasSubstr("compress_ratios is 12 for layer 2, expected 0 or a power of two"));
  EXPECT_THAT(error("attention.compress_ratios", 64),
              testing::HasSubstr("attention.compress_ratios is 64, expected 0 to 32"));
  EXPECT_THAT(error("attention.indexer.key_length", 6),
              testing::HasSubstr("rope turns 8 columns of a head"));
  EXPECT_THAT(error("attention.indexer.top_k", 0),
              testing::HasSubstr("attention.indexer.top_k is 0, expected 1 to"));
}

TEST(HostileSizes, BlocksOfKvHeads) {
  const auto error = [](const std::string& key, std::int64_t value) {
    return error_with("minimax-m3-own", "minimax-m3.attention.indexer." + key, value);
  };
  EXPECT_THAT(error("head_count", 3),
              testing::HasSubstr("key minimax-m3.attention.indexer.head_count is 3, expected 2, "
                                 "the KV heads of layer 1"));
  EXPECT_THAT(error("block_size", 0),
              testing::HasSubstr("attention.indexer.block_size is 0, expected 1 to"));
  EXPECT_THAT(error("top_k", 0), testing::HasSubstr("attention.indexer.top_k is 0, expected 1 to"));
  EXPECT_THAT(error("key_length", 6), testing::HasSubstr("rope turns 8 columns of a head"));
  for (const char* key : {"block_size", "top_k", "local_blocks"}) {
    EXPECT_EQ(error(key, 1 << 30), "") << key;
  }
}

TEST(HostileSizes, TokensOfAdapters) {
  EXPECT_THAT(error_with("graniteswitch-own", "graniteswitch.adapters.count", 4),
              testing::HasSubstr("adapters.token_ids_activate has 3 integers, expected 4"));
  EXPECT_THAT(error_with("graniteswitch-own", "graniteswitch.adapters.token_ids_substitute",
                         std::vector<std::int64_t>{3, 96, 5}),
              testing::HasSubstr("adapters.token_ids_substitute has 96, expected 0 to 95"));
}

TEST(HostileSizes, Ngrams) {
  const auto error = [](const std::string& key, const auto& value) {
    return error_with("qwen4exp-own", "qwen4exp.ple." + key, value);
  };
  using List = std::vector<std::int64_t>;
  EXPECT_THAT(error("ngram_size", 9), testing::HasSubstr("ple.ngram_size is 9, expected 1 to 8"));
  EXPECT_THAT(error("ngram_size", 1),
              testing::HasSubstr("qwen4exp.ple.conv_kernel are 1 and 4, expected 2"));
  EXPECT_THAT(error("ngram_size", 8),
              testing::HasSubstr("ple.layer_multipliers has 3 integers, expected 8"));
  EXPECT_THAT(error("conv_kernel", 1),
              testing::HasSubstr("qwen4exp.ple.conv_kernel are 3 and 1, expected 2"));
  EXPECT_THAT(error("conv_kernel", 1 << 30),
              testing::HasSubstr("ple.conv_kernel is 1073741824, expected 1 to 64"));
  EXPECT_THAT(error("heads_per_ngram", 33),
              testing::HasSubstr("n-grams name 66 rows (ple.ngram_size, ple.heads_per_ngram) and "
                                 "token_embd.weight has 96, expected up to 64"));
  EXPECT_THAT(error("heads_per_ngram", 3),
              testing::HasSubstr("ple.head_offsets has 4 integers, expected 6"));
  EXPECT_THAT(error("head_vocab_sizes", List{31, 37, 0, 41}),
              testing::HasSubstr("n-grams name 0 rows (ple.head_vocab_sizes) from row 68 on "
                                 "(ple.head_offsets), expected 1 and more"));
  EXPECT_THAT(
      error("head_vocab_sizes", List{31, 37, 29, 48}),
      testing::HasSubstr("from row 97 on (ple.head_offsets), expected 1 and more of the 144 "
                         "rows of per_layer_token_embd.weight"));
  EXPECT_THAT(
      error("layers", List{1, 3}),
      testing::HasSubstr("qwen4exp.ple.layers has 2 layers from layer 1 on, expected one of"));
  EXPECT_THAT(
      error("layers", List{5}),
      testing::HasSubstr("qwen4exp.ple.layers has 1 layers from layer 5 on, expected one of"));
}

// A table of experts by token may name any number.
TEST(HostileSizes, ExpertsThatAreNotThere) {
  const test::TemporaryFolder folder;
  auto oracle = test::OracleCase::read("deepseek4-own");
  for (auto& tensor : oracle.json["tensors"]) {
    if (tensor["name"] == "blk.1.ffn_gate_tid2eid.weight") tensor["amplitude"] = 100.0;
  }
  const auto path = folder / "hostile.gguf";
  const Status written = oracle.write(path);
  ASSERT_TRUE(written) << written.error().message;
  const auto backend = make_cpu_backend(1);
  const auto result = test::evaluate(path, *backend, oracle.tokens(), 64);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message,
              testing::ContainsRegex(
                  "tensor blk.1.ffn_gate_tid2eid.weight names the expert .*, expected 0 to 5"));
}

// Gemma 3n's last layers read the keys of layers 18 and 19.
TEST(HostileSizes, KeysOfLayersWithOtherHeads) {
  EXPECT_THAT(error_with("gemma3n-dense", "gemma3n.attention.head_count_kv", ones_but(22, 18, 0)),
              testing::HasSubstr("reads the keys of layer 18, which has 0 heads of"));
  EXPECT_THAT(error_with("gemma3n-dense", "gemma3n.attention.head_count", ones_but(22, 18, 0)),
              testing::HasSubstr("reads the keys of layer 18, which has none, expected 1 heads"));
}

TEST(HostileSizes, PickedKeysThatNoLayerPicked) {
  EXPECT_THAT(
      error_with("glm-dsa-moe", "glm-dsa.attention.indexer.types", std::vector<std::int64_t>{0, 1}),
      testing::HasSubstr("layer 0 reads the keys that an earlier layer picked, but none does"));
}

TEST(HostileSizes, LayersOfManyStreamsWithoutABlock) {
  EXPECT_THAT(error_with("gemma3n-dense", "gemma3n.feed_forward_length", ones_but(22, 5, 0)),
              testing::HasSubstr("layer 5 has no feed-forward, which this architecture's"));
  EXPECT_THAT(error_with("gemma3n-dense", "gemma3n.attention.head_count", ones_but(22, 5, 0)),
              testing::HasSubstr("layer 5 has no attention, which this architecture's"));
}

TEST(HostileSizes, StreamsWithoutAnInputOfEachLayer) {
  const std::vector<std::string> of_layers = {"per_layer_token_embd.weight",
                                              "per_layer_model_proj.weight",
                                              "per_layer_proj_norm.weight",
                                              ".inp_gate.weight",
                                              ".proj.weight",
                                              ".post_norm.weight"};
  EXPECT_THAT(error_without("gemma3n-dense", of_layers),
              testing::HasSubstr("missing tensor blk.0.inp_gate.weight"));
}

TEST(HostileSizes, TensorsThatOnlySomeArchitecturesCanDoWithout) {
  for (const char* name : {"gpt2-dense", "starcoder-dense", "bert-own"}) {
    EXPECT_THAT(error_without(name, {"position_embd.weight"}),
                testing::HasSubstr("missing tensor position_embd.weight"));
  }
  EXPECT_THAT(error_without("arctic-moe", {"ffn_norm_exps.weight"}),
              testing::HasSubstr("ffn_norm_exps.weight"));
}

// Sliding layers turn more columns than the others, for which the factors are.
TEST(HostileSizes, FewerFactorsThanTurnedColumns) {
  auto oracle = test::OracleCase::read("spark2_5-own");
  oracle.json["tensors"].push_back({{"name", "rope_freqs.weight"},
                                    {"type", "F32"},
                                    {"shape", {4}},
                                    {"centre", 1.5},
                                    {"amplitude", 0.5}});
  EXPECT_THAT(error_of(oracle), testing::HasSubstr("rope turns 12 columns of a head and has 4 "
                                                   "factors, expected one for two"));
  oracle.json["metadata"]["spark2_5.rope.dimension_count_swa"]["value"] = 8;
  EXPECT_EQ(error_of(oracle), "");
}

TEST(HostileSizes, ColumnsOfGivenRowsThatTwoLayersAdd) {
  auto oracle = test::OracleCase::read("granite-dense");
  oracle.json["metadata"]["granite.block_count"]["value"] = 3;
  oracle.json["metadata"]["granite.deepstack_mapping"]["value"] = {0, 1, 1};
  EXPECT_THAT(error_of(oracle), testing::HasSubstr("granite.deepstack_mapping has 1 twice"));
  oracle.json["metadata"]["granite.deepstack_mapping"]["value"] = {0, 1, 3};
  EXPECT_THAT(error_of(oracle), testing::HasSubstr("has 3, expected numbers without gaps"));
}

TEST(HostileSizes, AVocabularyAlone) {
  auto oracle = test::OracleCase::read("llama-dense");
  oracle.json["tensors"].clear();
  EXPECT_THAT(error_of(oracle),
              testing::HasSubstr("the file has no tensors: it holds a vocabulary, perhaps"));
}

// A matrix of one column has as many values as a vector, whose blocks are no rows of it.
TEST(HostileSizes, RowsShorterThanABlock) {
  const test::TemporaryFolder folder;
  const auto path = folder / "hostile.gguf";
  const test::OracleCase oracle{nlohmann::ordered_json::parse(
      R"({"seed": 1, "metadata": {}, "tensors": [{"name": "a.weight", "type": "Q8_0",
          "shape": [64], "centre": 0.0, "amplitude": 1.0}]})")};
  ASSERT_TRUE(oracle.write(path));
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = make_cpu_backend(1);
  WeightLoader loader(*file, *backend);
  EXPECT_FALSE(loader.linear("a", 1, 64));
  ASSERT_FALSE(loader.finish());
  EXPECT_THAT(
      loader.finish().error().message,
      testing::HasSubstr("tensor a.weight has rows of 1 values, expected a multiple of 32"));
}

}  // namespace
}  // namespace linnet
