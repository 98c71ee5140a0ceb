#include "tokenizer/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace linnet {
namespace {

constexpr std::int64_t kMostPieces = 1 << 24;

// Pieces that end a text in some family of models, whatever the file says of them.
constexpr std::array<std::string_view, 14> kEndPieces = {"<|eot_id|>",
                                                         "<|im_end|>",
                                                         "<|end|>",
                                                         "<end_of_turn>",
                                                         "<|endoftext|>",
                                                         "<|eom_id|>",
                                                         "<EOT>",
                                                         "_<EOT>",
                                                         "<|end_of_text|>",
                                                         "<|return|>",
                                                         "<|call|>",
                                                         "<end_of_utterance>",
                                                         "<｜end▁of▁sentence｜>",
                                                         "<|eot|>"};

std::string where(const gguf::File& file) { return file.path().string(); }

Result<std::optional<TokenId>> read_id(const gguf::File& file, const std::string& name,
                                       std::optional<TokenId> fallback, std::int64_t size) {
  const std::string key = "tokenizer.ggml." + name + "_token_id";
  auto value = file.integer(key);
  if (!value) return value.error();
  if (!*value) return fallback && *fallback < size ? fallback : std::nullopt;
  if (**value == 0xffffffffLL || **value == -1) return std::optional<TokenId>{};  // "there is none"
  if (**value < 0 || **value >= size) {
    return Error{fmt::format("{}: {} is {}, but the vocabulary has {} tokens", where(file), key,
                             **value, size)};
  }
  return std::optional<TokenId>(static_cast<TokenId>(**value));
}

}  // namespace

Result<Vocabulary> Vocabulary::read(const gguf::File& file, const Defaults& defaults) {
  Vocabulary vocabulary;
  if (Status status = vocabulary.read_pieces(file); !status) return status.error();
  if (Status status = vocabulary.read_special_ids(file, defaults); !status) return status.error();
  vocabulary.find_special_tokens();
  return vocabulary;
}

Status Vocabulary::read_pieces(const gguf::File& file) {
  auto tokens = file.array("tokenizer.ggml.tokens");
  if (!tokens) return tokens.error();
  if (!*tokens || !(*tokens)->is_string() || (*tokens)->size() == 0) {
    return Error{fmt::format("{}: metadata key tokenizer.ggml.tokens must be an array of strings",
                             where(file))};
  }
  const std::size_t size = (*tokens)->size();
  if (size > kMostPieces) {
    return Error{fmt::format("{}: the vocabulary has {} tokens, expected at most {}", where(file),
                             size, kMostPieces)};
  }
  for (std::size_t i = 0; i < size; ++i) pieces_.emplace_back((*tokens)->string(i));
  // Of equal pieces the first one is found.
  for (std::size_t i = 0; i < size; ++i) ids_.emplace(pieces_[i], static_cast<TokenId>(i));

  scores_.assign(size, 0.0f);
  types_.assign(size, PieceType::kNormal);
  auto scores = file.array("tokenizer.ggml.scores");
  if (!scores) return scores.error();
  auto types = file.array("tokenizer.ggml.token_type");
  if (!types) return types.error();
  if (*scores && ((*scores)->size() != size || !(*scores)->is_number())) {
    return Error{fmt::format("{}: tokenizer.ggml.scores has {} entries, expected {} numbers",
                             where(file), (*scores)->size(), size)};
  }
  if (*types && ((*types)->size() != size || !(*types)->is_integer())) {
    return Error{fmt::format("{}: tokenizer.ggml.token_type has {} entries, expected {} integers",
                             where(file), (*types)->size(), size)};
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (*scores) scores_[i] = static_cast<float>((*scores)->number(i));
    if (!*types) continue;
    const std::int64_t type = (*types)->integer(i);
    types_[i] = type >= 0 && type <= 6 ? static_cast<PieceType>(type) : PieceType::kUndefined;
  }
  return {};
}

Status Vocabulary::read_special_ids(const gguf::File& file, const Defaults& defaults) {
  auto bos = read_id(file, "bos", defaults.bos, size());
  if (!bos) return bos.error();
  auto eos = read_id(file, "eos", defaults.eos, size());
  if (!eos) return eos.error();
  auto unknown = read_id(file, "unknown", defaults.unknown, size());
  if (!unknown) return unknown.error();
  bos_ = *bos;
  eos_ = *eos;
  unknown_ = *unknown;
  auto eot = read_id(file, "eot", std::nullopt, size());
  if (!eot) return eot.error();
  auto eom = read_id(file, "eom", std::nullopt, size());
  if (!eom) return eom.error();
  find_end_of_generation({eos_, *eot, *eom});

  auto add_bos = file.boolean("tokenizer.ggml.add_bos_token");
  if (!add_bos) return add_bos.error();
  auto add_eos = file.boolean("tokenizer.ggml.add_eos_token");
  if (!add_eos) return add_eos.error();
  add_bos_ = add_bos->value_or(defaults.add_bos);
  add_eos_ = add_eos->value_or(defaults.add_eos);
  return {};
}

void Vocabulary::find_end_of_generation(const std::vector<std::optional<TokenId>>& named) {
  ends_generation_.assign(pieces_.size(), false);
  for (const auto& id : named) {
    if (id) ends_generation_[*id] = true;
  }
  for (const std::string_view piece : kEndPieces) {
    if (const auto id = find(piece)) ends_generation_[*id] = true;
  }
}

void Vocabulary::find_special_tokens() {
  for (TokenId id = 0; id < size(); ++id) {
    const PieceType type = types_[id];
    const bool special = type == PieceType::kControl || type == PieceType::kUserDefined ||
                         type == PieceType::kUnknown;
    if (special && !pieces_[id].empty()) special_tokens_.push_back(id);
  }
  std::stable_sort(special_tokens_.begin(), special_tokens_.end(),
                   [&](TokenId a, TokenId b) { return pieces_[a].size() > pieces_[b].size(); });
}

std::optional<TokenId> Vocabulary::find(std::string_view piece) const {
  const auto found = ids_.find(piece);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

bool Vocabulary::is_control(TokenId id) const {
  return contains(id) && (types_[id] == PieceType::kControl || types_[id] == PieceType::kUnknown);
}

bool Vocabulary::is_end_of_generation(TokenId id) const {
  return contains(id) && ends_generation_[id];
}

}  // namespace linnet
