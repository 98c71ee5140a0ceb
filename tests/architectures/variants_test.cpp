// Models of the golden cases' architectures with other numbers of layers, heads and KV heads. There
// are no golden logits for them: both backends must load them and agree.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "support/evaluate.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class VariantsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    case_ = test::OracleCase::read(GetParam());
    architecture_ = case_.json["metadata"]["general.architecture"]["value"];
  }

  Json& metadata(const std::string& key) {
    return case_.json["metadata"][architecture_ + "." + key];
  }
  bool has(const std::string& key) const {
    return case_.json["metadata"].contains(architecture_ + "." + key);
  }
  void set(const std::string& key, std::int64_t value) {
    metadata(key) = {{"type", "uint32"}, {"value", value}};
  }

  void expect_backends_agree() {
    const fs::path path = folder_ / "variant.gguf";
    const Status written = case_.write(path);
    ASSERT_TRUE(written) << written.error().message;
    const std::vector<std::int32_t> tokens = case_.tokens();
    const auto reference = make_reference_backend();
    const auto cpu = make_cpu_backend(2);
    const auto want = test::evaluate(path, *reference, tokens, 64, case_.input());
    ASSERT_TRUE(want) << want.error().message;
    const auto got = test::evaluate(path, *cpu, tokens, 64, case_.input());
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_LE(test::normalised_error(got->logits, want->logits), largest_error());
    EXPECT_TRUE(std::all_of(got->logits.begin(), got->logits.end(),
                            [](float logit) { return std::isfinite(logit); }));
  }

  // The steps of a tabulated GELU grow with each layer; see test::largest_error().
  double largest_error() const {
    return architecture_ == "gemma3n" || architecture_ == "gemma4" ? 1e-2 : 1e-7;
  }

  test::OracleCase case_;
  std::string architecture_;
  const test::TemporaryFolder folder_;
};

// The layers of a case, twice.
class DeeperTest : public VariantsTest {
 protected:
  // The first layer of RWKV-7 and ModernBERT has other tensors.
  bool first_is_special() const {
    return GetParam().find("rwkv7") != std::string::npos || GetParam().starts_with("modern-bert");
  }

  void repeat_layers() {
    const int layers = metadata("block_count")["value"];
    if (has("hrm.h_cycles")) {  // which come twice with the tensors that are there
      set("hrm.h_cycles", 2 * metadata("hrm.h_cycles")["value"].get<int>());
      return set("block_count", 2 * layers);
    }
    const bool writes_apart = has("decoder_block_count");  // from what is read (T5)
    const int writing = writes_apart ? metadata("decoder_block_count")["value"].get<int>() : 0;
    Json tensors = case_.json["tensors"];
    for (Json tensor : case_.json["tensors"]) {
      const std::string name = tensor["name"];
      const std::size_t block = name.find("blk.");
      if (block == std::string::npos) continue;
      const std::string stem = name.substr(0, block + 4);
      const std::string part = name.substr(name.find('.', stem.size()));
      const int layer = std::stoi(name.substr(stem.size()));
      const int all = stem == "dec.blk." ? writing : layers;
      if (layer == 0 && first_is_special()) continue;
      if (part.starts_with(".ple_")) continue;  // one layer has n-grams (Qwen 3.8)
      tensor["name"] = stem + std::to_string(layer + all) + part;
      if (layer == 1 && first_is_special()) {
        tensors.push_back(tensor);
        tensor["name"] = stem + std::to_string(all) + part;
      }
      tensors.push_back(std::move(tensor));
    }
    const bool has_columns_of_layers = std::ranges::any_of(tensors, [](const Json& tensor) {
      return tensor["name"] == "per_layer_model_proj.weight";  // Gemma 3n
    });
    for (Json& tensor : tensors) {
      if (!has_columns_of_layers) break;
      const std::string name = tensor["name"];
      const int at = name == "per_layer_token_embd.weight"   ? 0
                     : name == "per_layer_model_proj.weight" ? 1
                                                             : -1;
      if (at >= 0) tensor["shape"][at] = 2 * tensor["shape"][at].get<int>();
    }
    case_.json["tensors"] = std::move(tensors);
    for (auto& [key, item] : case_.json["metadata"].items()) {
      Json& value = item["value"];
      if (!value.is_array() || std::ssize(value) != layers) continue;
      for (int i = 0; i < layers; ++i) value.push_back(Json(value[i]));
    }
    set("block_count", 2 * layers);
    if (writes_apart && writing > 0) set("decoder_block_count", 2 * writing);
  }
};

TEST_P(DeeperTest, BackendsAgree) {
  repeat_layers();
  expect_backends_agree();
}

INSTANTIATE_TEST_SUITE_P(Cases, DeeperTest, testing::ValuesIn(test::oracle_case_names()),
                         test::test_name<std::string>);

// Other heads, where attention is the only mixer and a head's width is the same everywhere.
class OtherHeadsTest : public VariantsTest {
 protected:
  // False where the case has no such attention.
  bool change_heads(int heads, int kv_heads) {
    const Json* query = tensor("blk.0.attn_q.weight");
    const Json* key = tensor("blk.0.attn_k.weight");
    if (!query || !key || !has("attention.head_count") || !has("attention.head_count_kv") ||
        !metadata("attention.head_count")["value"].is_number() ||
        !metadata("attention.head_count_kv")["value"].is_number()) {
      return false;
    }
    const int old_heads = metadata("attention.head_count")["value"];
    const int old_kv_heads = metadata("attention.head_count_kv")["value"];
    const int width = (*key)["shape"][1].get<int>() / old_kv_heads;
    if ((*query)["shape"][1] != old_heads * width || has_state()) return false;
    for (Json& each : case_.json["tensors"]) {
      const std::string name = each["name"];
      const std::size_t part = name.find(".attn_");
      if (part == std::string::npos || !runs_over_heads(name.substr(part + 6))) continue;
      const bool is_key = name[part + 6] == 'k' || name[part + 6] == 'v';
      resize(each, is_key ? old_kv_heads : old_heads, is_key ? kv_heads : heads, width);
    }
    if (has("attention.indexer.block_size")) change_index_heads(kv_heads);
    set("attention.head_count", heads);
    set("attention.head_count_kv", kv_heads);
    set("attention.key_length", width);
    set("attention.value_length", width);
    if (!has("rope.dimension_count")) set("rope.dimension_count", width);
    return true;
  }

 private:
  // Each KV head picks by one of them (MiniMax-M3).
  void change_index_heads(int heads) {
    set("attention.indexer.head_count", heads);
    const int width = metadata("attention.indexer.key_length")["value"];
    for (Json& each : case_.json["tensors"]) {
      const std::string name = each["name"];
      if (name.ends_with(".indexer.q_proj.weight")) each["shape"][1] = heads * width;
    }
  }
  const Json* tensor(const std::string& name) const {
    for (const Json& each : case_.json["tensors"]) {
      if (each["name"] == name) return &each;
    }
    return nullptr;
  }
  bool has_state() const {
    for (const Json& each : case_.json["tensors"]) {
      const std::string name = each["name"];
      if (name.find(".ssm_") != std::string::npos || name.find("time_mix") != std::string::npos) {
        return true;
      }
    }
    return false;
  }
  static bool runs_over_heads(const std::string& part) {
    for (const char* of_heads : {"q.", "k.", "v.", "q_norm.", "k_norm.", "output.weight", "gate.",
                                 "sinks.", "sub_norm."}) {
      if (part.starts_with(of_heads)) return true;
    }
    return false;
  }
  // The dimension of a projection, bias or norm that runs over heads.
  static void resize(Json& tensor, int old_heads, int heads, int width) {
    const std::string name = tensor["name"];
    Json& shape = tensor["shape"];
    const std::size_t last =
        name.find(".attn_output.weight") != std::string::npos ? 0 : shape.size() - 1;
    if (shape[last] == old_heads * width) shape[last] = heads * width;
    if (shape[last] == old_heads && !name.ends_with(".scale")) shape[last] = heads;
  }
};

TEST_P(OtherHeadsTest, BackendsAgree) {
  if (!change_heads(6, 3)) GTEST_SKIP() << "no layer with queries and keys of equal heads";
  expect_backends_agree();
}

TEST_P(OtherHeadsTest, BackendsAgreeWithOneKvHead) {
  if (!change_heads(5, 1)) GTEST_SKIP() << "no layer with queries and keys of equal heads";
  expect_backends_agree();
}

INSTANTIATE_TEST_SUITE_P(Cases, OtherHeadsTest, testing::ValuesIn(test::oracle_case_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
