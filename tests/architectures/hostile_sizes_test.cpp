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

}  // namespace
}  // namespace linnet
