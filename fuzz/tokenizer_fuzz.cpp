// Any vocabulary and any text: an error or ids that decode to valid UTF-8.

#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/gguf_writer.hpp"
#include "input_reader.hpp"
#include "require.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {
namespace {

using fuzz::InputReader;
using fuzz::require;

constexpr std::array<const char*, 7> kKinds = {"llama", "gpt2", "gemma4", "bert",
                                               "t5",    "rwkv", "plamo2"};

template <class Items>
const auto& any_of(const Items& items, InputReader& input) {
  return items[static_cast<std::size_t>(input.number(0, static_cast<int>(std::ssize(items)) - 1))];
}

gguf::Writer any_vocabulary(InputReader& input) {
  gguf::Writer writer;
  const auto key = [](const char* name) { return std::string("tokenizer.ggml.") + name; };
  writer.add_string("general.architecture", "llama");
  writer.add_string(key("model"), any_of(kKinds, input));
  writer.add_string(key("pre"), any_of(known_pre_tokenizers(), input).name);
  std::vector<std::string> tokens, merges;
  std::vector<std::int64_t> types;
  std::vector<double> scores;
  for (int left = input.number(0, 40); left > 0; --left) {
    tokens.push_back(input.text(12));
    types.push_back(input.number(-1, 7));
    scores.push_back(input.real());
  }
  for (int left = input.number(0, 20); left > 0; --left) merges.push_back(input.text(12));
  writer.add_strings(key("tokens"), tokens);
  writer.add_strings(key("merges"), merges);
  writer.add_integers(key("token_type"), gguf::ValueType::kInt32, types);
  writer.add_numbers(key("scores"), gguf::ValueType::kFloat32, scores);
  writer.add_integer(key("unknown_token_id"), gguf::ValueType::kUint32, input.number(0, 41));
  writer.add_bool(key("add_space_prefix"), input.flag());
  writer.add_bool(key("remove_extra_whitespaces"), input.flag());
  if (input.flag()) {
    std::vector<std::int64_t> charsmap;
    for (const char byte : input.text(4096)) charsmap.push_back(byte);
    writer.add_integers(key("precompiled_charsmap"), gguf::ValueType::kInt8, charsmap);
  }
  return writer;
}

void use(const Tokenizer& tokenizer, InputReader& input) {
  EncodeOptions options;
  options.add_special = input.flag();
  options.parse_special = input.flag();
  const std::string text = input.rest();
  const auto ids = tokenizer.encode(text, options);
  if (!ids) return;
  Detokenizer detokenizer(tokenizer, /*at_start=*/true, /*show_special=*/true);
  std::string decoded;
  for (const TokenId id : *ids) {
    require(id >= 0 && id < tokenizer.vocabulary_size());
    decoded += detokenizer.push(id);
  }
  decoded += detokenizer.finish();
  require(is_valid_utf8(decoded));
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  InputReader input({data, size});
  const std::filesystem::path path = "/dev/shm/linnet-fuzz-" + std::to_string(getpid()) + ".gguf";
  const auto no_tensors = [](std::size_t, const gguf::Writer::Sink&) { return Status(); };
  if (!any_vocabulary(input).write(path, no_tensors)) return 0;
  const auto file = gguf::File::open(path);
  std::filesystem::remove(path);
  if (!file) return 0;
  const auto tokenizer = make_tokenizer(*file);
  if (tokenizer && *tokenizer) use(**tokenizer, input);
  return 0;
}
