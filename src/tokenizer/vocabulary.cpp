#include "tokenizer/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>

#include "base/hex.hpp"
#include "tokenizer/unicode.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kMostPieces = 1 << 24;
// Matching a piece takes up to its length at every place of a text.
constexpr std::size_t kMostPieceBytes = 1 << 14;
// Of all pieces together, which tries take up to a hundred times as much memory for.
constexpr std::size_t kMostBytes = std::size_t{32} << 20;

// Pieces that end a text in some family of models, whatever the file says of them.
constexpr auto kEndPieces = std::to_array<std::string_view>({"<|eot_id|>",
                                                             "<|im_end|>",
                                                             "<|end|>",
                                                             "<|return|>",
                                                             "<|call|>",
                                                             "<|flush|>",
                                                             "<|calls|>",
                                                             "<end_of_turn>",
                                                             "<|endoftext|>",
                                                             "</s>",
                                                             "<|eom_id|>",
                                                             "<EOT>",
                                                             "_<EOT>",
                                                             "[EOT]",
                                                             "[EOS]",
                                                             "<|end_of_text|>",
                                                             "<end_of_utterance>",
                                                             "<eos>",
                                                             "<turn|>",
                                                             "<|tool_response>",
                                                             "<｜end▁of▁sentence｜>",
                                                             "[e~[",
                                                             "<|eot|>",
                                                             "<|fim_pad|>",
                                                             "<fim_pad>",
                                                             "<fim-pad>",
                                                             "<|fim_repo|>",
                                                             "<|repo_name|>",
                                                             "<fim-repo>",
                                                             "<reponame>",
                                                             "<|file_sep|>"});

// Control tokens that are part of what a model says (gpt-oss); they are shown.
constexpr std::array<std::string_view, 4> kShownPieces = {"<|channel|>", "<|message|>", "<|start|>",
                                                          "<|constrain|>"};

std::string where(const gguf::File& file) { return file.path().string(); }

// Converters write "there is none" so.
bool is_none(std::int64_t id) { return id == 0xffffffffLL || id == -1; }
bool is_token(std::int64_t id, std::int64_t size) { return id >= 0 && id < size; }

// The special tokens that files name.
constexpr auto kIdNames = std::to_array<std::string_view>(
    {"cls", "bos", "eos", "seperator", "unknown", "eot", "eom", "fim_pad", "fim_rep", "fim_sep"});

std::string id_key(std::string_view name) {
  return fmt::format("tokenizer.ggml.{}_token_id", name);
}

// Files name tokens that an untrimmed vocabulary would have: such a key says nothing.
Result<std::optional<TokenId>> read_id(const gguf::File& file, std::string_view name,
                                       std::optional<TokenId> fallback, std::int64_t size) {
  auto value = file.integer(id_key(name));
  if (!value) return value.error();
  if (*value && is_none(**value)) return std::optional<TokenId>{};
  if (*value && is_token(**value, size)) {
    return std::optional<TokenId>(static_cast<TokenId>(**value));
  }
  return fallback && *fallback < size ? fallback : std::nullopt;
}

Result<bool> read_flag(const gguf::File& file, std::string_view name, bool fallback) {
  auto value = file.boolean(fmt::format("tokenizer.ggml.{}", name));
  if (!value) return value.error();
  return value->value_or(fallback);
}

// Of <0x00> to <0xFF>.
std::optional<unsigned char> named_byte(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>') return std::nullopt;
  return hex_byte(piece.substr(3));
}

// Some converters write the bytes as normal pieces. Where all of them are there they are bytes.
void type_bytes(const std::vector<std::string>& pieces, std::vector<PieceType>& types) {
  if (std::ranges::find(types, PieceType::kByte) != types.end()) return;
  std::vector<std::size_t> found;
  std::bitset<256> bytes;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto byte = types[i] == PieceType::kNormal ? named_byte(pieces[i]) : std::nullopt;
    if (!byte) continue;
    bytes.set(*byte);
    found.push_back(i);
  }
  if (!bytes.all()) return;
  for (const std::size_t i : found) types[i] = PieceType::kByte;
}

}  // namespace

Result<Vocabulary> Vocabulary::read(const gguf::File& file, const Defaults& defaults) {
  Vocabulary vocabulary;
  if (Status status = vocabulary.read_pieces(file); !status) return status.error();
  if (Status status = vocabulary.read_scores_and_types(file); !status) return status.error();
  if (Status status = vocabulary.read_special_ids(file, defaults); !status) return status.error();
  if (Status status = vocabulary.read_tokens_around(file, defaults); !status) return status.error();
  return vocabulary;
}

std::vector<std::string> Vocabulary::foreign_ids(const gguf::File& file) {
  const auto tokens = file.array("tokenizer.ggml.tokens");
  if (!tokens || !*tokens) return {};
  const auto size = static_cast<std::int64_t>((*tokens)->size());
  std::vector<std::string> sentences;
  for (const std::string_view name : kIdNames) {
    const auto id = file.integer(id_key(name));
    if (!id || !*id || is_none(**id) || is_token(**id, size)) continue;
    sentences.push_back(
        fmt::format("{} is {}, expected less than {}, the size of the vocabulary; it counts as not "
                    "there",
                    id_key(name), **id, size));
  }
  return sentences;
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
  pieces_.reserve(size);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::string_view piece = (*tokens)->string(i);
    if (piece.size() > kMostPieceBytes) {
      return Error{fmt::format("{}: token {} has {} bytes, expected at most {}", where(file), i,
                               piece.size(), kMostPieceBytes)};
    }
    bytes += piece.size();
    if (bytes > kMostBytes) {
      return Error{fmt::format("{}: the vocabulary's tokens have more than {} bytes together",
                               where(file), kMostBytes)};
    }
    pieces_.emplace_back(piece);
  }
  index_ = PieceIndex(pieces_);
  return {};
}

Status Vocabulary::read_scores_and_types(const gguf::File& file) {
  const std::size_t size = pieces_.size();
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
    if (std::isnan(scores_[i])) {
      return Error{fmt::format("{}: the score of token {} is not a number", where(file), i)};
    }
    if (!*types) continue;
    const std::int64_t type = (*types)->integer(i);
    types_[i] = type >= 0 && type <= 6 ? static_cast<PieceType>(type) : PieceType::kUndefined;
  }
  type_bytes(pieces_, types_);
  return {};
}

Status Vocabulary::read_special_ids(const gguf::File& file, const Defaults& defaults) {
  ends_generation_.assign(pieces_.size(), false);
  find_end_of_generation();
  struct Id {
    std::string_view name;
    std::optional<TokenId> fallback;
    std::optional<TokenId>* id;
    bool ends_generation;
  };
  std::optional<TokenId> eot, eom, fill_in, classification;
  // BERT calls its first token "cls"; the file format has the misspelt key.
  const std::array ids = {Id{"cls", defaults.bos, &classification, false},
                          Id{"bos", std::nullopt, &bos_, false},
                          Id{"eos", defaults.eos, &eos_, true},
                          Id{"seperator", defaults.separator, &separator_, false},
                          Id{"unknown", defaults.unknown, &unknown_, false},
                          Id{"eot", std::nullopt, &eot, true},
                          Id{"eom", std::nullopt, &eom, true},
                          Id{"fim_pad", std::nullopt, &fill_in, true},
                          Id{"fim_rep", std::nullopt, &fill_in, true},
                          Id{"fim_sep", std::nullopt, &fill_in, true}};
  for (const Id& id : ids) {
    auto value = read_id(file, id.name, id.fallback, size());
    if (!value) return value.error();
    *id.id = *value;
    if (*value && id.ends_generation) ends_generation_[**value] = true;
  }
  const auto bos = file.integer("tokenizer.ggml.bos_token_id");
  const bool names_bos = bos && *bos && (is_none(**bos) || is_token(**bos, size()));
  if (!names_bos) bos_ = classification;
  return {};
}

Status Vocabulary::read_tokens_around(const gguf::File& file, const Defaults& defaults) {
  const auto add_bos = read_flag(file, "add_bos_token", defaults.add_bos);
  if (!add_bos) return add_bos.error();
  const auto add_eos = read_flag(file, "add_eos_token", defaults.add_eos);
  if (!add_eos) return add_eos.error();
  // RoBERTa's pairs have EOS and separator between them; older files do not say so, and only those
  // of such models name a separator.
  const auto add_separator = read_flag(file, "add_sep_token", separator_.has_value());
  if (!add_separator) return add_separator.error();
  if ((*add_bos || defaults.always_add_bos) && bos_) around_.before.push_back(*bos_);
  const auto& end = defaults.separator ? separator_ : eos_;
  if ((*add_eos || defaults.separator) && end) around_.after.push_back(*end);
  around_.between = around_.after;
  const bool ends_with_separator = defaults.separator.has_value();
  if (*add_separator && separator_ && !ends_with_separator) around_.between.push_back(*separator_);
  return {};
}

void Vocabulary::find_end_of_generation() {
  for (const std::string_view piece : kEndPieces) {
    const auto id = find(piece);
    // A "</s>" that the vocabulary holds as ordinary text is HTML.
    if (!id || (types_[*id] == PieceType::kNormal && !piece.starts_with("<|"))) continue;
    ends_generation_[*id] = true;
    types_[*id] = PieceType::kControl;
  }
  for (const std::string_view piece : kShownPieces) {
    if (const auto id = find(piece)) types_[*id] = PieceType::kUserDefined;
  }
  // In gpt-oss and solar-open <|end|> ends a message and not the turn; in gemma 4 </s> is text.
  const auto has = [&](std::string_view piece) { return find(piece).has_value(); };
  const bool harmony = has("<|return|>") && has("<|call|>");
  const bool solar = has("<|flush|>") && (has("<|calls|>") || has("<|call|>"));
  if (const auto end = find("<|end|>"); end && (harmony || solar)) {
    ends_generation_[*end] = false;
    types_[*end] = PieceType::kUserDefined;
  }
  if (const auto end = find("</s>"); end && has("<|tool_response>") && ends_generation_[*end]) {
    ends_generation_[*end] = false;
    types_[*end] = PieceType::kNormal;
  }
}

std::optional<TokenId> Vocabulary::find(std::string_view piece) const {
  return index_.find(pieces_, piece);
}

std::optional<TokenId> Vocabulary::find_text(std::string_view piece) const {
  const auto id = find(piece);
  if (!id) return find_spaces(piece);
  if (is_control(*id) || types_[*id] == PieceType::kByte) return std::nullopt;
  return id;
}

// Converters write a user-defined piece of U+2581 alone (Gemma) with spaces.
std::optional<TokenId> Vocabulary::find_spaces(std::string_view piece) const {
  for (std::string_view rest = piece; !rest.empty(); rest.remove_prefix(kSpaceMark.size())) {
    if (!rest.starts_with(kSpaceMark)) return std::nullopt;
  }
  const auto id = find(unescape_spaces(piece));
  return id && types_[*id] == PieceType::kUserDefined ? id : std::nullopt;
}

std::optional<unsigned char> Vocabulary::byte_of(TokenId id) const {
  return named_byte(pieces_[id]);
}

std::vector<TokenId> Vocabulary::byte_tokens() const {
  std::vector<TokenId> result(256, -1);
  for (TokenId id = 0; id < size(); ++id) {
    if (types_[id] != PieceType::kByte) continue;
    if (const auto byte = byte_of(id); byte && result[*byte] < 0) result[*byte] = id;
  }
  return result;
}

bool Vocabulary::is_control(TokenId id) const {
  return contains(id) && (types_[id] == PieceType::kControl || types_[id] == PieceType::kUnknown);
}

bool Vocabulary::is_end_of_generation(TokenId id) const {
  return contains(id) && ends_generation_[id];
}

}  // namespace linnet
