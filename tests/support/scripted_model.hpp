#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "gguf/gguf_writer.hpp"
#include "tokenizer/vocabulary_file.hpp"

namespace linnet::test {

/// A model that answers what a test says: each token has one successor, which is by far the
/// likeliest. Its template is ChatML; the line break at the end of a prompt is followed by the
/// first piece of the answer, each piece by the next one, and the last by the end of the turn or,
/// where `endless`, by the first one again.
///
/// How: attention and MLP are zero, so that the residual stream stays the token's embedding, a unit
/// vector of its own; the output matrix has a one at the successor of each.
struct ScriptedModel {
  std::vector<std::string> answer;  ///< different pieces; <name> is a control token
  bool endless = false;
  std::int64_t context = 2048;

  static constexpr std::int64_t kWidth = 384;  ///< at least the size of the vocabulary

  Status write(const std::filesystem::path& path) const {
    VocabularyFile vocabulary = byte_level_vocabulary({});
    const TokenId end = vocabulary.add("<|im_end|>", PieceType::kControl);
    vocabulary.add("<|im_start|>", PieceType::kControl);
    std::map<TokenId, TokenId> successors;
    TokenId last = '\n';
    for (const std::string& text : answer) {
      const bool is_control = text.starts_with('<') && text.ends_with('>');
      const TokenId token =
          is_control ? vocabulary.add(text, PieceType::kControl) : vocabulary.add(spelled(text));
      successors[last] = token;
      last = token;
    }
    if (endless) successors[last] = successors['\n'];
    vocabulary.ids = {{"eos_token_id", end}};
    vocabulary.names = {{"tokenizer.chat_template",
                         "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
                         "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}"
                         "<|im_start|>assistant\n{% endif %}{# <think> </think> #}"}};
    return write_tensors(path, vocabulary, successors, end);
  }

 private:
  static std::string spelled(const std::string& text) {
    std::string piece;
    for (const char byte : text) piece += byte_to_character(static_cast<unsigned char>(byte));
    return piece;
  }

  Status write_tensors(const std::filesystem::path& path, const VocabularyFile& vocabulary,
                       const std::map<TokenId, TokenId>& successors, TokenId end) const {
    const auto size = static_cast<std::int64_t>(vocabulary.tokens.size());
    if (size > kWidth) return Error{"the script has too many pieces"};
    gguf::Writer writer;
    writer.add_string("general.architecture", "llama");
    writer.add_string("general.name", "Scripted");
    const auto integer = [&](const std::string& key, std::int64_t value) {
      writer.add_integer("llama." + key, gguf::ValueType::kUint32, value);
    };
    integer("block_count", 1);
    integer("context_length", context);
    integer("embedding_length", kWidth);
    integer("feed_forward_length", 32);
    integer("attention.head_count", 6);
    integer("attention.head_count_kv", 6);
    writer.add_number("llama.attention.layer_norm_rms_epsilon", gguf::ValueType::kFloat32, 1e-6);
    vocabulary.write_to(writer);
    std::vector<std::vector<float>> values;
    const Format& f32 = *std::ranges::find(all_formats(), std::string_view("F32"), &Format::name);
    const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, float fill = 0) {
      std::int64_t elements = 1;
      for (const std::int64_t length : shape) elements *= length;
      writer.add_tensor(name, f32, shape);
      return &values.emplace_back(static_cast<std::size_t>(elements), fill);
    };
    values.reserve(16);
    auto& embedding = *add("token_embd.weight", {kWidth, size});
    auto& output = *add("output.weight", {kWidth, size});
    for (TokenId token = 0; token < size; ++token) {
      const auto next = successors.find(token);
      embedding[token * kWidth + token] = 1.0f;
      output[(next == successors.end() ? end : next->second) * kWidth + token] = 1.0f;
    }
    add("output_norm.weight", {kWidth}, 1.0f);
    add("blk.0.attn_norm.weight", {kWidth}, 1.0f);
    add("blk.0.ffn_norm.weight", {kWidth}, 1.0f);
    for (const char* const name : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
      add(std::string("blk.0.") + name + ".weight", {kWidth, kWidth});
    }
    add("blk.0.ffn_gate.weight", {kWidth, 32});
    add("blk.0.ffn_up.weight", {kWidth, 32});
    add("blk.0.ffn_down.weight", {32, kWidth});
    return writer.write(path, [&](std::size_t i, const gguf::Writer::Sink& sink) {
      return sink(std::as_bytes(std::span(values[i])));
    });
  }
};

}  // namespace linnet::test
