#include "chat/prompt_encoding.hpp"

#include <algorithm>

namespace linnet {
namespace {

// Bytes [begin, end) of a prompt, between what stands around media there.
struct Part {
  std::size_t begin, end;
  std::string_view before, after;
};

// The first range of data that ends after `begin`.
auto first_range_behind(const Prompt& prompt, std::size_t begin) {
  return std::ranges::upper_bound(prompt.data, begin, {}, &ByteRange::end);
}

Status encode_part(const Tokenizer& tokenizer, const Prompt& prompt, const Part& part,
                   const std::function<bool()>* is_given_up, std::vector<TokenId>& ids) {
  std::string text(part.before);
  text.append(prompt.text, part.begin, part.end - part.begin).append(part.after);
  std::vector<TextRange> plain;
  for (auto range = first_range_behind(prompt, part.begin);
       range != prompt.data.end() && range->begin < part.end; ++range) {
    const std::size_t begin = std::max(range->begin, part.begin);
    const std::size_t end = std::min(range->end, part.end);
    if (begin >= end) continue;
    const std::size_t shift = part.before.size();
    plain.push_back({begin - part.begin + shift, end - part.begin + shift});
  }
  const auto own = tokenizer.encode(
      text,
      {.add_special = false, .parse_special = true, .plain = plain, .is_given_up = is_given_up});
  if (!own) return own.error();
  ids.insert(ids.end(), own->begin(), own->end());
  return {};
}

// Encodes the text of a prompt from `begin` on.
Result<std::vector<TokenId>> encode_from(const Tokenizer& tokenizer, const Prompt& prompt,
                                         std::size_t begin,
                                         std::span<const MarkedTokens* const> media,
                                         const std::function<bool()>* is_given_up = nullptr) {
  std::vector<TokenId> ids;
  for (std::string_view before;;) {
    const auto [medium, at] = next_medium(prompt.text, begin, media);
    Part part{begin, at, before, {}};
    for (std::size_t i = 0; medium && i < medium->parts.size(); ++i) {
      part.after = medium->parts[i].before;
      if (Status s = encode_part(tokenizer, prompt, part, is_given_up, ids); !s) return s.error();
      ids.insert(ids.end(), medium->parts[i].ids.begin(), medium->parts[i].ids.end());
      part = {at, at, {}, {}};
    }
    if (medium) {
      begin = at + medium->marker.size();
      before = medium->after;
      continue;
    }
    if (Status s = encode_part(tokenizer, prompt, part, is_given_up, ids); !s) return s.error();
    return ids;
  }
}

bool is_control(const Tokenizer& tokenizer, TokenId id) {
  return id < tokenizer.vocabulary_size() && tokenizer.is_control(id);
}

// Of the beginning that both have.
std::size_t common_length(const auto& a, const auto& b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - std::ranges::begin(a));
}

// The bytes of tokens, and where each of them ends.
struct SpelledTokens {
  std::string bytes;
  std::vector<std::size_t> ends;

  void add(std::string_view more) {
    bytes += more;
    ends.push_back(bytes.size());
  }
};

SpelledTokens spell(const Tokenizer& tokenizer, const std::vector<TokenId>& tokens) {
  SpelledTokens spelled;
  for (const TokenId token : tokens) spelled.add(tokenizer.token_bytes(token, true));
  return spelled;
}

// The same for the tokens of a text that begins like `text`: a control token that the model drew
// and that is not shown there has no bytes.
SpelledTokens spell_like(const Tokenizer& tokenizer, const std::vector<TokenId>& tokens,
                         std::string_view text) {
  SpelledTokens spelled;
  for (const TokenId token : tokens) {
    const std::string bytes = tokenizer.token_bytes(token, true);
    const std::string_view rest = text.substr(std::min(spelled.bytes.size(), text.size()));
    const bool is_hidden = is_control(tokenizer, token) && !rest.starts_with(bytes);
    spelled.add(is_hidden ? std::string_view() : bytes);
  }
  return spelled;
}

// `encoded`, but with the tokens of `drawn`, the beginning of the same text, up to the last place
// where both have a border between two tokens.
std::vector<TokenId> keep_drawn(const Tokenizer& tokenizer, const std::vector<TokenId>& drawn,
                                const std::vector<TokenId>& encoded) {
  const SpelledTokens theirs = spell(tokenizer, encoded);
  const SpelledTokens ours = spell_like(tokenizer, drawn, theirs.bytes);
  const std::size_t common = common_length(ours.bytes, theirs.bytes);
  std::size_t kept = 0, replaced = 0;
  for (std::size_t i = 0, j = 0; i < drawn.size() && j < encoded.size();) {
    if (ours.ends[i] > common || theirs.ends[j] > common) break;
    const bool is_border = ours.ends[i] == theirs.ends[j];
    const bool is_behind = ours.ends[i] < theirs.ends[j];
    if (is_border || is_behind) ++i;
    if (!is_behind) ++j;
    if (is_border) kept = i, replaced = j;
  }
  std::vector<TokenId> tokens(drawn.begin(), drawn.begin() + static_cast<std::ptrdiff_t>(kept));
  tokens.insert(tokens.end(), encoded.begin() + static_cast<std::ptrdiff_t>(replaced),
                encoded.end());
  return tokens;
}

bool overlaps_data(const Prompt& prompt, std::size_t begin, std::size_t end) {
  const auto range = first_range_behind(prompt, begin);
  return range != prompt.data.end() && range->begin < end;
}

}  // namespace

Result<SpecialTexts> special_texts(const Tokenizer& tokenizer) {
  const auto around = tokenizer.encode("", {.add_special = true, .parse_special = false});
  if (!around) return around.error();
  SpecialTexts texts;
  const auto bos = tokenizer.bos();
  if (bos) texts.bos = tokenizer.piece(*bos);
  if (bos && !around->empty() && around->front() == *bos) texts.added_bos = texts.bos;
  if (const auto eos = tokenizer.eos()) texts.eos = tokenizer.piece(*eos);
  return texts;
}

std::pair<const MarkedTokens*, std::size_t> next_medium(
    std::string_view text, std::size_t begin, std::span<const MarkedTokens* const> media) {
  std::pair<const MarkedTokens*, std::size_t> next = {nullptr, text.size()};
  for (const MarkedTokens* const medium : media) {
    const std::size_t at = text.substr(0, next.second).find(medium->marker, begin);
    if (at != text.npos) next = {medium, at};
  }
  return next;
}

Result<std::vector<TokenId>> encode_prompt(const Tokenizer& tokenizer, const Prompt& prompt,
                                           std::span<const MarkedTokens* const> media,
                                           const std::function<bool()>* is_given_up) {
  return encode_from(tokenizer, prompt, 0, media, is_given_up);
}

std::vector<std::string> unknown_markers(const Tokenizer& tokenizer, const Prompt& prompt) {
  constexpr std::size_t kLongestMarkerBytes = 64;
  std::vector<std::string> unknown;
  const std::string_view text = prompt.text;
  for (std::size_t at = text.find("<|"); at != text.npos; at = text.find("<|", at + 2)) {
    const std::size_t last = text.substr(at, kLongestMarkerBytes).find("|>", 2);
    if (last == text.npos) continue;
    const std::string marker(text.substr(at, last + 2));
    const bool is_marker = marker.find_first_of(" \n\t") == std::string::npos &&
                           !overlaps_data(prompt, at, at + marker.size());
    if (!is_marker || std::ranges::find(unknown, marker) != unknown.end()) continue;
    const auto tokens = tokenizer.encode(marker, {.add_special = false, .parse_special = true});
    if (!tokens || tokens->size() != 1) unknown.push_back(marker);
    if (unknown.size() == kMostUnknownMarkers) break;
  }
  return unknown;
}

Result<std::vector<TokenId>> ConversationTokens::encode(
    const Tokenizer& tokenizer, const Prompt& prompt,
    std::span<const MarkedTokens* const> media) const {
  const std::size_t common = common_length(text_, prompt.text);
  const auto border = std::find_if(borders_.rbegin(), borders_.rend(),
                                   [&](const Border& one) { return one.bytes <= common; });
  if (border == borders_.rend()) return encode_prompt(tokenizer, prompt, media);
  std::vector<TokenId> tokens(tokens_.begin(),
                              tokens_.begin() + static_cast<std::ptrdiff_t>(border->tokens));
  const auto rest = encode_from(tokenizer, prompt, border->bytes, media);
  if (rest && !rest->empty() && is_control(tokenizer, rest->front())) {
    tokens.insert(tokens.end(), rest->begin(), rest->end());
    return tokens;
  }
  auto encoded = encode_prompt(tokenizer, prompt, media);
  if (!encoded) return encoded;
  return keep_drawn(tokenizer, tokens, *encoded);
}

void ConversationTokens::remember(std::string text, std::vector<TokenId> tokens) {
  const std::size_t bytes = common_length(text_, text), count = common_length(tokens_, tokens);
  std::erase_if(borders_, [&](const Border& border) {
    return border.bytes > bytes || border.tokens > count;
  });
  borders_.push_back({text.size(), tokens.size()});
  text_ = std::move(text);
  tokens_ = std::move(tokens);
}

}  // namespace linnet
