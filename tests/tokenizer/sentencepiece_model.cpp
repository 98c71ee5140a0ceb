#include "tokenizer/sentencepiece_model.hpp"

#include <fmt/format.h>

#include <bit>
#include <unordered_set>

namespace linnet::test {
namespace {

// Just enough of protocol buffers' wire format (https://protobuf.dev/programming-guides/encoding).
class Message {
 public:
  void add_varint(int field, std::uint64_t value) {
    tag(field, 0);
    varint(value);
  }
  void add_float(int field, float value) {
    tag(field, 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift & 0xff);
  }
  void add_string(int field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void tag(int field, int wire_type) {
    varint(static_cast<std::uint64_t>(field) << 3 | static_cast<unsigned>(wire_type));
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

// The library refuses a second unknown piece, empty pieces and duplicates, and reads pieces up to a
// NUL only: those become control pieces, which no text gives, with names of their own.
std::string pieces(const Vocabulary& vocabulary) {
  Message model;
  bool has_unknown = false;
  std::unordered_set<std::string_view> seen;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    std::string piece(vocabulary.piece(id));
    PieceType type = vocabulary.type(id);
    if (vocabulary.unknown() == id) type = PieceType::kUnknown;
    if (type == PieceType::kUndefined) type = PieceType::kNormal;
    // User-defined tokens are split off before the library sees the text.
    if (type == PieceType::kUserDefined) type = PieceType::kControl;
    const bool second_unknown = type == PieceType::kUnknown && has_unknown;
    if (second_unknown || piece.empty() || piece.find('\0') != std::string::npos ||
        !seen.insert(vocabulary.piece(id)).second) {
      piece = fmt::format("\x01unused-{}", id);
      if (type != PieceType::kUnknown || second_unknown) type = PieceType::kControl;
    }
    has_unknown = has_unknown || type == PieceType::kUnknown;
    Message entry;
    entry.add_string(1, piece);
    entry.add_float(2, vocabulary.score(id));
    entry.add_varint(3, static_cast<std::uint64_t>(type));
    model.add_string(1, entry.bytes());
  }
  return model.bytes();
}

// Byte fallback needs a piece for every byte; small vocabularies may have none.
bool has_all_bytes(const Vocabulary& vocabulary) {
  int bytes = 0;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    bytes += vocabulary.type(id) == PieceType::kByte;
  }
  return bytes == 256;
}

enum class Algorithm : std::uint64_t { kUnigram = 1, kBpe = 2 };

std::string trainer_spec(const Vocabulary& vocabulary, Algorithm algorithm) {
  Message spec;
  spec.add_varint(3, static_cast<std::uint64_t>(algorithm));
  spec.add_varint(4, static_cast<std::uint64_t>(vocabulary.size()));
  spec.add_varint(35, has_all_bytes(vocabulary) ? 1 : 0);  // byte_fallback
  const auto id = [](std::optional<TokenId> token) {
    return static_cast<std::uint64_t>(std::int64_t{token.value_or(-1)});
  };
  spec.add_varint(40, id(vocabulary.unknown()));
  spec.add_varint(41, id(vocabulary.bos()));
  spec.add_varint(42, id(vocabulary.eos()));
  return spec.bytes();
}

std::string normalizer_spec(const UnigramSettings& settings) {
  Message spec;
  spec.add_string(1, settings.charsmap.empty() ? "identity" : "user_defined");
  if (!settings.charsmap.empty()) spec.add_string(2, settings.charsmap);
  spec.add_varint(3, settings.add_space_prefix ? 1 : 0);
  spec.add_varint(4, settings.remove_extra_spaces ? 1 : 0);
  spec.add_varint(5, 1);  // escape_whitespaces
  return spec.bytes();
}

std::string model_of(const Vocabulary& vocabulary, Algorithm algorithm,
                     const UnigramSettings& settings) {
  Message model;
  model.add_string(2, trainer_spec(vocabulary, algorithm));
  model.add_string(3, normalizer_spec(settings));
  return pieces(vocabulary) + model.bytes();
}

}  // namespace

std::string unigram_model(const Vocabulary& vocabulary, const UnigramSettings& settings) {
  return model_of(vocabulary, Algorithm::kUnigram, settings);
}

std::string bpe_model(const Vocabulary& vocabulary, bool add_space_prefix) {
  return model_of(vocabulary, Algorithm::kBpe, {{}, add_space_prefix, false});
}

}  // namespace linnet::test
