#include "support/picture_model.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "support/paths.hpp"
#include "support/vision_case.hpp"
#include "tokenizer/byte_alphabet.hpp"

namespace linnet::test {
namespace {

constexpr const char* kMarkers[] = {"<|im_start|>", "<|im_end|>", "<|vision_start|>",
                                    "<|vision_end|>"};

void add_vocabulary(nlohmann::ordered_json& metadata) {
  std::vector<std::string> tokens;
  std::vector<int> types;
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(byte_to_character(static_cast<unsigned char>(byte)));
    types.push_back(1);
  }
  for (const char* const marker : kMarkers) {
    tokens.emplace_back(marker);
    types.push_back(3);
  }
  const auto set = [&](const char* key, nlohmann::ordered_json item) {
    metadata[std::string("tokenizer.ggml.") + key] = std::move(item);
  };
  set("model", {{"type", "string"}, {"value", "gpt2"}});
  set("pre", {{"type", "string"}, {"value", "qwen2"}});
  set("tokens", {{"type", "array"}, {"of", "string"}, {"value", tokens}});
  set("token_type", {{"type", "array"}, {"of", "int32"}, {"value", types}});
  set("merges", {{"type", "array"}, {"of", "string"}, {"value", nlohmann::ordered_json::array()}});
  set("eos_token_id", {{"type", "uint32"}, {"value", 257}});
  metadata["qwen3vl.vocab_size"]["value"] = tokens.size();
}

}  // namespace

PictureModel::PictureModel() {
  VisionChain chain = VisionChain::read("qwen3vl");
  auto& json = chain.model.json;
  const int known = json["metadata"]["qwen3vl.vocab_size"]["value"];
  add_vocabulary(json["metadata"]);
  for (auto& tensor : json["tensors"]) {
    if (tensor["shape"].back() == known) {
      tensor["shape"].back() = json["metadata"]["qwen3vl.vocab_size"]["value"];
    }
  }
  EXPECT_TRUE(chain.model.write(model()));
  EXPECT_TRUE(VisionCase::read(chain.tower()).model.write(mmproj()));
}

std::string picture_file(std::string_view name) {
  std::ifstream in(in_repository("tests/data/image/" + std::string(name)), std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace linnet::test
