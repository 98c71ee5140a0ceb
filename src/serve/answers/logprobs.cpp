#include "serve/answers/logprobs.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace linnet::serve {
namespace {

// JSON has no minus infinity; this is what OpenAI's API gives for tokens that can't come.
double finite(double logprob) { return std::max(logprob, -9999.0); }

std::string text_of(const Tokenizer& tokenizer, TokenId token) {
  return tokenizer.token_bytes(token, /*show_special=*/true);
}

Json entry(const Tokenizer& tokenizer, const TokenLogprobs::Entry& of) {
  const std::string text = text_of(tokenizer, of.token);
  Json bytes = Json::array();
  for (const char byte : text) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", text}, {"logprob", finite(of.logprob)}, {"bytes", std::move(bytes)}};
}

}  // namespace

Json chat_logprob(const Tokenizer& tokenizer, const TokenLogprobs& logprobs) {
  Json json = entry(tokenizer, logprobs.chosen);
  json["top_logprobs"] = Json::array();
  for (const auto& top : logprobs.top) json["top_logprobs"].push_back(entry(tokenizer, top));
  return json;
}

Json completion_logprobs(const Tokenizer& tokenizer, const std::vector<TokenLogprobs>& logprobs,
                         std::int64_t& offset) {
  Json json = {{"tokens", Json::array()},
               {"token_logprobs", Json::array()},
               {"top_logprobs", Json::array()},
               {"text_offset", Json::array()}};
  for (const TokenLogprobs& of : logprobs) {
    const std::string text = text_of(tokenizer, of.chosen.token);
    Json top = Json::object();
    for (const auto& other : of.top) top[text_of(tokenizer, other.token)] = finite(other.logprob);
    json["tokens"].push_back(text);
    json["token_logprobs"].push_back(finite(of.chosen.logprob));
    json["top_logprobs"].push_back(std::move(top));
    json["text_offset"].push_back(offset);
    offset += count_characters(text);
  }
  return json;
}

void append(const std::vector<TokenLogprobs>& logprobs, std::vector<TokenLogprobs>& to) {
  to.insert(to.end(), logprobs.begin(), logprobs.end());
}

std::int64_t count_tokens_of(const Tokenizer& tokenizer, std::string_view text) {
  if (text.empty()) return 0;
  const auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = false});
  return ids ? std::ssize(*ids) : 0;
}

std::int64_t count_characters(std::string_view utf8) {
  return std::ranges::count_if(utf8, [](char byte) { return !is_continuation(byte); });
}

}  // namespace linnet::serve
