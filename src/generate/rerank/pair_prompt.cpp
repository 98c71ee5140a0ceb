#include "generate/rerank/pair_prompt.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet {
namespace {

constexpr std::string_view kQueryMark = "{query}", kDocumentMark = "{document}";

}  // namespace

Result<PairPrompt> PairPrompt::read(const gguf::File& file, const Tokenizer& tokenizer) {
  constexpr std::string_view kKey = "tokenizer.chat_template.rerank";
  const auto text = file.string(kKey);
  if (!text) return text.error();
  PairPrompt prompt(tokenizer);
  if (!*text) return prompt;
  const std::string where = fmt::format("{}: {}", file.path().string(), kKey);
  if (Status status = prompt.cut(**text, where); !status) return status.error();
  return prompt;
}

Status PairPrompt::cut(std::string_view text, const std::string& where) {
  bool has_query = false, has_document = false;
  while (true) {
    const std::size_t query = text.find(kQueryMark), document = text.find(kDocumentMark);
    const std::size_t end = std::min({query, document, text.size()});
    const bool is_query = end == query, is_document = end == document;
    const Slot slot = is_query ? Slot::kQuery : is_document ? Slot::kDocument : Slot::kNothing;
    pieces_.push_back({std::string(text.substr(0, end)), slot});
    if (slot == Slot::kNothing) break;
    (is_query ? has_query : has_document) = true;
    text.remove_prefix(end + (is_query ? kQueryMark : kDocumentMark).size());
  }
  if (has_query && has_document) return {};
  return Error{fmt::format("{} has no {}", where, has_query ? kDocumentMark : kQueryMark)};
}

Result<std::vector<TokenId>> PairPrompt::encode(std::string_view query,
                                                std::string_view document) const {
  if (!pieces_.empty()) return fill(query, document);
  const TokensAround& around = tokenizer_->around();
  const auto first = encode_part(query, "the query");
  if (!first) return first.error();
  const auto second = encode_part(document, "the document");
  if (!second) return second.error();
  std::vector<TokenId> ids = around.before;
  for (const auto* part : {&*first, &around.between, &*second, &around.after}) {
    ids.insert(ids.end(), part->begin(), part->end());
  }
  return ids;
}

Result<std::vector<TokenId>> PairPrompt::encode_part(std::string_view text,
                                                     std::string_view name) const {
  auto ids = tokenizer_->encode(text, {.add_special = false, .parse_special = false});
  if (!ids) return Error{fmt::format("{}: {}", name, ids.error().message)};
  return ids;
}

Result<std::vector<TokenId>> PairPrompt::fill(std::string_view query,
                                              std::string_view document) const {
  std::string text;
  std::vector<TextRange> plain;
  for (const Piece& piece : pieces_) {
    text += piece.text;
    if (piece.slot == Slot::kNothing) break;
    const std::string_view part = piece.slot == Slot::kQuery ? query : document;
    if (!part.empty()) plain.push_back({text.size(), text.size() + part.size()});
    text += part;
  }
  return tokenizer_->encode(text, {.add_special = false, .parse_special = true, .plain = plain});
}

}  // namespace linnet
