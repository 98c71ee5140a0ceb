#include <fmt/format.h>

#include <array>

#include "base/utf8.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {
namespace {

struct Kind {
  std::string_view name;  // `tokenizer.ggml.model`
  TokenizerFactory make;
  bool takes_pre_tokenizer = false;
};

constexpr std::array kKinds = {
    Kind{"llama", make_sentencepiece_tokenizer}, Kind{"gpt2", make_bpe_tokenizer, true},
    Kind{"gemma4", make_gemma4_tokenizer},       Kind{"bert", make_wordpiece_tokenizer},
    Kind{"t5", make_unigram_tokenizer},          Kind{"rwkv", make_rwkv_tokenizer},
    Kind{"plamo2", make_plamo2_tokenizer},       Kind{"whitespace", make_whitespace_tokenizer},
};

std::string known_kinds() {
  std::string names;
  for (const Kind& kind : kKinds)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", kind.name);
  return names;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_tokenizer(const gguf::File& file, std::string_view pre) {
  auto model = file.string("tokenizer.ggml.model");
  if (!model) return model.error();
  const std::string_view name = model->value_or("no_vocab");
  if (name == "no_vocab" || name == "none") return std::unique_ptr<Tokenizer>();
  auto stored_pre = file.string("tokenizer.ggml.pre");
  if (!stored_pre) return stored_pre.error();
  for (const Kind& kind : kKinds) {
    if (kind.name != name) continue;
    if (!pre.empty() && !kind.takes_pre_tokenizer) {
      return Error{fmt::format(
          "{}: the pre-tokenizer '{}' was asked for, but a tokenizer of the kind '{}' has none to "
          "choose; leave out --pre",
          file.path().string(), pre, name)};
    }
    return kind.make(file, pre.empty() ? stored_pre->value_or("") : pre);
  }
  return Error{fmt::format(
      "{}: tokenizer.ggml.model is '{}', which is not supported; the known ones are: {}",
      file.path().string(), shortened(name), known_kinds())};
}

}  // namespace linnet
