#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/oracle_case.hpp"

namespace linnet::test {

/// The tiny BERT of tests/data/architectures with a WordPiece vocabulary of the lower-case letters.
/// `pooling` is llama.cpp's number.
inline OracleCase encoder_case(int pooling) {
  OracleCase oracle = OracleCase::read("bert-own");
  std::vector<std::string> tokens = {"[UNK]", "[CLS]", "[SEP]"};
  std::vector<int> types = {3, 3, 3};
  for (const std::string begin : {"\u2581", ""}) {
    for (char letter = 'a'; letter <= 'z'; ++letter) tokens.push_back(begin + letter);
  }
  while (std::ssize(tokens) < oracle.vocabulary()) {
    tokens.push_back("[unused" + std::to_string(tokens.size()) + "]");
  }
  types.resize(tokens.size(), 1);
  auto& metadata = oracle.json["metadata"];
  metadata["bert.pooling_type"] = {{"type", "uint32"}, {"value", pooling}};
  metadata["tokenizer.ggml.model"] = {{"type", "string"}, {"value", "bert"}};
  metadata["tokenizer.ggml.tokens"] = {{"type", "array"}, {"of", "string"}, {"value", tokens}};
  metadata["tokenizer.ggml.token_type"] = {{"type", "array"}, {"of", "int32"}, {"value", types}};
  const char* const ids[] = {"unknown_token_id", "cls_token_id", "seperator_token_id"};
  for (int i = 0; i < 3; ++i) {
    metadata[std::string("tokenizer.ggml.") + ids[i]] = {{"type", "uint32"}, {"value", i}};
  }
  return oracle;
}

inline Status write_encoder(const std::filesystem::path& path, int pooling = 1) {
  return encoder_case(pooling).write(path);
}

}  // namespace linnet::test
