#pragma once

#include "support/encoder_file.hpp"

namespace linnet::test {

/// Adds a tensor with random values between -`amplitude` and `amplitude`, in the place of one of
/// that name.
inline void add_tensor(OracleCase& oracle, const std::string& name, std::vector<int> shape,
                       double amplitude) {
  auto kept = nlohmann::ordered_json::array();
  for (auto& tensor : oracle.json["tensors"]) {
    if (tensor["name"] != name) kept.push_back(std::move(tensor));
  }
  oracle.json["tensors"] = std::move(kept);
  oracle.json["tensors"].push_back({{"name", name},
                                    {"type", "F32"},
                                    {"shape", std::move(shape)},
                                    {"centre", 0.0},
                                    {"amplitude", amplitude}});
}

/// The values of such a tensor.
inline std::vector<float> values_of_tensor(const OracleCase& oracle, const std::string& name,
                                           int count, double amplitude) {
  const auto seed = oracle.json["seed"].get<std::uint64_t>();
  const std::uint64_t start = fnv1a(name) ^ (seed * 0x9e3779b97f4a7c15u);
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    values.push_back(weight_element(start, static_cast<std::uint64_t>(i), 0.0, amplitude));
  }
  return values;
}

/// The tiny BERT (see encoder_case) with RoBERTa's classification head, as llama.cpp's converter
/// writes BERT: EOS is the separator, and stands behind each of the two texts.
inline OracleCase reranker_case(int classes = 1) {
  OracleCase oracle = encoder_case(/*pooling=*/4);
  auto& metadata = oracle.json["metadata"];
  metadata["tokenizer.ggml.bos_token_id"] = {{"type", "uint32"}, {"value", 1}};
  metadata["tokenizer.ggml.eos_token_id"] = {{"type", "uint32"}, {"value", 2}};
  for (const char* flag : {"add_bos_token", "add_eos_token", "add_sep_token"}) {
    const bool is_set = flag != std::string("add_sep_token");
    metadata[std::string("tokenizer.ggml.") + flag] = {{"type", "bool"}, {"value", is_set}};
  }
  add_tensor(oracle, "cls.weight", {64, 64}, 0.2);
  add_tensor(oracle, "cls.bias", {64}, 0.1);
  add_tensor(oracle, "cls.output.weight", {64, classes}, 0.5);
  add_tensor(oracle, "cls.output.bias", {classes}, 0.1);
  return oracle;
}

inline Status write_reranker(const std::filesystem::path& path) {
  return reranker_case().write(path);
}

}  // namespace linnet::test
