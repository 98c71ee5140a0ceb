#include "chat/prompt_encoding.hpp"

#include <algorithm>

namespace linnet {
namespace {

// Encodes the text of a prompt from `begin` on.
Result<std::vector<TokenId>> encode_from(const Tokenizer& tokenizer, const Prompt& prompt,
                                         std::size_t begin) {
  std::vector<TextRange> plain;
  for (const ByteRange& range : prompt.data) {
    if (range.end <= begin) continue;
    plain.push_back({std::max(range.begin, begin) - begin, range.end - begin});
  }
  return tokenizer.encode(std::string_view(prompt.text).substr(begin),
                          {.add_special = false, .parse_special = true, .plain = plain});
}

// Of the beginning that both have.
std::size_t common_length(const auto& a, const auto& b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - std::ranges::begin(a));
}

bool overlaps_data(const Prompt& prompt, std::size_t begin, std::size_t end) {
  return std::ranges::any_of(
      prompt.data, [&](const ByteRange& range) { return range.begin < end && begin < range.end; });
}

}  // namespace

Result<SpecialTexts> special_texts(const Tokenizer& tokenizer) {
  const auto around = tokenizer.encode("", {.add_special = true, .parse_special = false});
  if (!around) return around.error();
  SpecialTexts texts;
  const auto bos = tokenizer.bos();
  if (bos && !around->empty() && around->front() == *bos) texts.bos = tokenizer.piece(*bos);
  if (const auto eos = tokenizer.eos()) texts.eos = tokenizer.piece(*eos);
  return texts;
}

Result<std::vector<TokenId>> encode_prompt(const Tokenizer& tokenizer, const Prompt& prompt) {
  return encode_from(tokenizer, prompt, 0);
}

std::vector<std::string> unknown_markers(const Tokenizer& tokenizer, const Prompt& prompt) {
  constexpr std::size_t kLongestMarkerBytes = 64;
  std::vector<std::string> unknown;
  const std::string_view text = prompt.text;
  for (std::size_t at = text.find("<|"); at != text.npos; at = text.find("<|", at + 2)) {
    const std::size_t last = text.find("|>", at + 2);
    if (last == text.npos) break;
    const std::string marker(text.substr(at, last + 2 - at));
    const bool is_marker = marker.size() <= kLongestMarkerBytes &&
                           marker.find_first_of(" \n\t") == std::string::npos &&
                           !overlaps_data(prompt, at, last + 2);
    if (!is_marker || std::ranges::find(unknown, marker) != unknown.end()) continue;
    const auto tokens = tokenizer.encode(marker, {.add_special = false, .parse_special = true});
    if (tokens && tokens->size() != 1) unknown.push_back(marker);
  }
  return unknown;
}

Result<std::vector<TokenId>> ConversationTokens::encode(const Tokenizer& tokenizer,
                                                        const Prompt& prompt) const {
  const std::size_t common = common_length(text_, prompt.text);
  for (auto border = borders_.rbegin(); border != borders_.rend(); ++border) {
    if (border->bytes > common) continue;
    const auto rest = encode_from(tokenizer, prompt, border->bytes);
    if (!rest || rest->empty() || !tokenizer.is_control(rest->front())) break;
    std::vector<TokenId> tokens(tokens_.begin(),
                                tokens_.begin() + static_cast<std::ptrdiff_t>(border->tokens));
    tokens.insert(tokens.end(), rest->begin(), rest->end());
    return tokens;
  }
  return encode_prompt(tokenizer, prompt);
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
