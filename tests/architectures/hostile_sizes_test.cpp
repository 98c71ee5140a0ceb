// Sizes in the metadata that contradict each other or the tensors: each once found to be harmful.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/evaluate.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

// The error of a golden case with one count changed.
std::string error_with(const std::string& name, const std::string& key, std::int64_t value) {
  const test::TemporaryFolder folder;
  auto oracle = test::OracleCase::read(name);
  oracle.json["metadata"][key] = {{"type", "uint32"}, {"value", value}};
  const auto path = folder / "hostile.gguf";
  const Status written = oracle.write(path);
  if (!written) return written.error().message;
  const auto backend = make_cpu_backend(1);
  const auto result = test::evaluate(path, *backend, oracle.tokens(), 64, oracle.input());
  return result ? "" : result.error().message;
}

TEST(HostileSizes, HeadsBeyondTheFusedProjection) {
  EXPECT_THAT(error_with("qwen-dense", "qwen.attention.key_length", 64),
              testing::HasSubstr("tensor blk.0.attn_qkv.weight has 192 rows, expected at least"));
}

TEST(HostileSizes, MoreLayersThanTensors) {
  EXPECT_THAT(error_with("llama-dense", "llama.block_count", 1000),
              testing::HasSubstr("1000 layers were found, but only "));
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

TEST(HostileSizes, CompressedKeysAndStreams) {
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.hyper_connection.count", 1 << 30),
              testing::HasSubstr("hyper_connection.count is 1073741824, expected 1 to 8"));
  EXPECT_THAT(
      error_with("deepseek4-own", "deepseek4.hyper_connection.sinkhorn_iterations", 1 << 30),
      testing::HasSubstr("sinkhorn_iterations is 1073741824, expected 1 to 1000"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.attention.compress_ratios", 8),
              testing::HasSubstr("layer 0 compresses by 8, expected 0, 4 or 128"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.attention.output_group_count", 3),
              testing::HasSubstr("4 heads don't make 3 groups"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.attention.output_lora_rank", 1 << 30),
              testing::HasSubstr("attention.output_lora_rank is 1073741824, expected 1 to"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.expert_count", 5),
              testing::HasSubstr("has shape [64, 6], expected [64, 5"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.hash_layer_count", 3),
              testing::HasSubstr("missing tensor blk.2.ffn_gate_tid2eid.weight"));
  EXPECT_THAT(error_with("deepseek4-own", "deepseek4.nextn_predict_layers", 1),
              testing::HasSubstr("there is no tensor blk.4.nextn.eh_proj.weight"));
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

}  // namespace
}  // namespace linnet
