// Any vocabulary and any text: an error or ids that decode to valid UTF-8.

#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/gguf_writer.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {
namespace {

constexpr std::array<const char*, 7> kKinds = {"llama", "gpt2", "gemma4", "bert",
                                               "t5",    "rwkv", "plamo2"};

gguf::Writer any_vocabulary(FuzzedDataProvider& data) {
  gguf::Writer writer;
  const auto key = [](const char* name) { return std::string("tokenizer.ggml.") + name; };
  writer.add_string("general.architecture", "llama");
  writer.add_string(key("model"), data.PickValueInArray(kKinds));
  const auto pre_tokenizers = known_pre_tokenizers();
  const auto pre = data.ConsumeIntegralInRange<std::size_t>(0, pre_tokenizers.size() - 1);
  writer.add_string(key("pre"), pre_tokenizers[pre].name);
  std::vector<std::string> tokens, merges;
  std::vector<std::int64_t> types;
  std::vector<double> scores;
  const int count = data.ConsumeIntegralInRange<int>(0, 40);
  for (int i = 0; i < count; ++i) {
    tokens.push_back(data.ConsumeRandomLengthString(12));
    types.push_back(data.ConsumeIntegralInRange<int>(-1, 7));
    scores.push_back(data.ConsumeFloatingPoint<float>());
  }
  const int merge_count = data.ConsumeIntegralInRange<int>(0, 20);
  for (int i = 0; i < merge_count; ++i) merges.push_back(data.ConsumeRandomLengthString(12));
  writer.add_strings(key("tokens"), tokens);
  writer.add_strings(key("merges"), merges);
  writer.add_integers(key("token_type"), gguf::ValueType::kInt32, types);
  writer.add_numbers(key("scores"), gguf::ValueType::kFloat32, scores);
  writer.add_integer(key("unknown_token_id"), gguf::ValueType::kUint32,
                     data.ConsumeIntegralInRange<int>(0, 41));
  writer.add_bool(key("add_space_prefix"), data.ConsumeBool());
  writer.add_bool(key("remove_extra_whitespaces"), data.ConsumeBool());
  if (data.ConsumeBool()) {
    std::vector<std::int64_t> charsmap;
    for (const char byte : data.ConsumeRandomLengthString(4096)) charsmap.push_back(byte);
    writer.add_integers(key("precompiled_charsmap"), gguf::ValueType::kInt8, charsmap);
  }
  return writer;
}

void use(const Tokenizer& tokenizer, FuzzedDataProvider& data) {
  const EncodeOptions options{data.ConsumeBool(), data.ConsumeBool()};
  const std::string text = data.ConsumeRemainingBytesAsString();
  const auto ids = tokenizer.encode(text, options);
  if (!ids) return;
  Detokenizer detokenizer(tokenizer, /*at_start=*/true, /*show_special=*/true);
  std::string decoded;
  for (const TokenId id : *ids) {
    if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
    decoded += detokenizer.push(id);
  }
  decoded += detokenizer.finish();
  if (!is_valid_utf8(decoded)) std::abort();
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace linnet;
  FuzzedDataProvider data(bytes, size);
  const std::filesystem::path path = "/dev/shm/linnet-fuzz-" + std::to_string(getpid()) + ".gguf";
  const auto no_tensors = [](std::size_t, const gguf::Writer::Sink&) { return Status(); };
  if (!any_vocabulary(data).write(path, no_tensors)) return 0;
  const auto file = gguf::File::open(path);
  std::filesystem::remove(path);
  if (!file) return 0;
  const auto tokenizer = make_tokenizer(*file);
  if (tokenizer && *tokenizer) use(**tokenizer, data);
  return 0;
}
