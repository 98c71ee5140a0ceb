#include "synth/vocabulary.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace linnet::synth {
namespace {

// tokenizer.ggml.token_type
enum TokenType { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

// 0: "a", ... 25: "z", 26: "aa", ...
std::string letters(std::int64_t number) {
  std::string text;
  for (++number; number > 0; number = (number - 1) / 26) {
    text.insert(text.begin(), static_cast<char>('a' + (number - 1) % 26));
  }
  return text;
}

std::string piece(std::int64_t number) {
  constexpr const char* kSpace = "\u2581";
  if (number == 0) return kSpace;
  --number;
  return (number % 2 == 0 ? "" : kSpace) + letters(number / 2);
}

}  // namespace

void add_vocabulary(std::int64_t size, gguf::Writer& writer) {
  using gguf::ValueType;
  constexpr std::int64_t kBytes = 256;
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int64_t> types = {kUnknown, kControl, kControl};
  for (int byte = 0; byte < kBytes; ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(kByte);
  }
  std::vector<double> scores(tokens.size(), 0.0);
  for (std::int64_t i = 0; std::ssize(tokens) < size; ++i) {
    tokens.push_back(piece(i));
    types.push_back(kNormal);
    scores.push_back(-static_cast<double>(i));  // a piece is merged before rarer ones
  }
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_numbers("tokenizer.ggml.scores", ValueType::kFloat32, scores);
  writer.add_integers("tokenizer.ggml.token_type", ValueType::kInt32, types);
  writer.add_integer("tokenizer.ggml.unknown_token_id", ValueType::kUint32, 0);
  writer.add_integer("tokenizer.ggml.bos_token_id", ValueType::kUint32, 1);
  writer.add_integer("tokenizer.ggml.eos_token_id", ValueType::kUint32, 2);
  writer.add_bool("tokenizer.ggml.add_bos_token", true);
  writer.add_bool("tokenizer.ggml.add_eos_token", false);
}

}  // namespace linnet::synth
