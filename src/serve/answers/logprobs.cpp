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

Json empty_lists() {
  return {{"tokens", Json::array()},
          {"token_logprobs", Json::array()},
          {"top_logprobs", Json::array()},
          {"text_offset", Json::array()}};
}

// A token of a completion; the logprobs are null if it has none.
void add_token(const Tokenizer& tokenizer, TokenId token, const TokenLogprobs* of,
               std::int64_t offset, Json& lists) {
  Json top;
  if (of) {
    top = Json::object();
    for (const auto& other : of->top) top[text_of(tokenizer, other.token)] = finite(other.logprob);
    if (!of->top.empty()) top.emplace(text_of(tokenizer, token), finite(of->chosen.logprob));
  }
  lists["tokens"].push_back(text_of(tokenizer, token));
  lists["token_logprobs"].push_back(of ? Json(finite(of->chosen.logprob)) : Json());
  lists["top_logprobs"].push_back(std::move(top));
  lists["text_offset"].push_back(offset);
}

}  // namespace

Json chat_logprob(const Tokenizer& tokenizer, const TokenLogprobs& logprobs) {
  Json json = entry(tokenizer, logprobs.chosen);
  json["top_logprobs"] = Json::array();
  for (const auto& top : logprobs.top) json["top_logprobs"].push_back(entry(tokenizer, top));
  return json;
}

Json llama_logprob(const Tokenizer& tokenizer, const TokenLogprobs& logprobs) {
  const auto with_id = [&](const TokenLogprobs::Entry& of) {
    Json json = {{"id", of.token}};
    json.update(entry(tokenizer, of));
    return json;
  };
  Json json = with_id(logprobs.chosen);
  json["top_logprobs"] = Json::array();
  for (const auto& top : logprobs.top) json["top_logprobs"].push_back(with_id(top));
  return json;
}

Json completion_logprobs(const Tokenizer& tokenizer, const std::vector<TokenLogprobs>& logprobs,
                         std::int64_t& offset) {
  Json lists = empty_lists();
  for (const TokenLogprobs& of : logprobs) {
    add_token(tokenizer, of.chosen.token, &of, offset, lists);
    offset += count_characters(text_of(tokenizer, of.chosen.token));
  }
  return lists;
}

Json prompt_logprobs(const Tokenizer& tokenizer, const std::vector<TokenId>& prompt,
                     const std::vector<TokenLogprobs>& logprobs) {
  Json lists = empty_lists();
  Detokenizer text(tokenizer);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < prompt.size() && i <= logprobs.size(); ++i) {
    add_token(tokenizer, prompt[i], i == 0 ? nullptr : &logprobs[i - 1], offset, lists);
    offset += count_characters(text.push(prompt[i]));
  }
  return lists;
}

void append_lists(const Json& more, Json& to) {
  for (const auto& [name, list] : more.items()) {
    to[name].insert(to[name].end(), list.begin(), list.end());
  }
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
