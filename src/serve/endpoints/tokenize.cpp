// Text to tokens and back, and conversations to prompts.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "chat/piece_json.hpp"
#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/chat_request.hpp"
#include "serve/requests/prompts.hpp"

namespace linnet::serve {
namespace {

// Each may stand for a piece of any length.
constexpr std::size_t kMostDetokenized = 1 << 20;

// Of a text. With its piece, each takes some 25 bytes of the reply, which waits for its reader.
constexpr std::int64_t kMostTokenized = 1 << 22;

ApiError too_many_tokens(const std::string& field, std::string_view at_least, std::int64_t tokens) {
  return invalid_request(fmt::format("{}: it has {}{} tokens, expected at most {}", field, at_least,
                                     tokens, kMostTokenized),
                         field);
}

struct Specials {
  bool add = false, parse = true;
};

ApiResult<std::vector<TokenId>> encode_bounded(const ApiContext& context, const std::string& field,
                                               const std::string& text, Specials specials) {
  const Tokenizer& tokenizer = *context.model().tokenizer;
  const std::int64_t fewest = tokenizer.fewest_tokens(text.size());
  if (fewest > kMostTokenized) return too_many_tokens(field, "at least ", fewest);
  auto ids = tokenizer.encode(text, {.add_special = specials.add,
                                     .parse_special = specials.parse,
                                     .plain = {},
                                     .is_given_up = &context.is_given_up});
  if (!ids) return invalid_request(fmt::format("{}: {}", field, ids.error().message), field);
  if (std::ssize(*ids) > kMostTokenized) return too_many_tokens(field, "", std::ssize(*ids));
  return std::move(*ids);
}

// Written as text at once: as a tree a token would take ten times as much memory.
ApiReply pieces_reply(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  ApiReply reply;
  reply.body = R"({"tokens":[)";
  for (const TokenId id : ids) {
    if (reply.body.back() == '}') reply.body += ',';
    reply.body += fmt::format(R"({{"id":{},"piece":{}}})", id, piece_json(tokenizer, id));
  }
  reply.body += "]}";
  return reply;
}

// A conversation as vLLM's clients have it tokenized.
ApiResult<std::vector<TokenId>> encode_conversation(ApiContext& context, Fields& fields) {
  const ChatFields chat = read_chat_fields(fields, context.model());
  if (fields.error()) return *fields.error();
  const auto prompt = render_chat(context.model(), chat.request);
  if (!prompt) return prompt.error();
  auto encoded = encode_chat(context, chat, *prompt);
  if (!encoded) return encoded.error();
  return std::move(encoded->prompt);
}

// `prompt` or `messages`: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
Handled tokenize_as_vllm(ApiContext& context, Fields& fields) {
  const bool add_special = fields.boolean("add_special_tokens", true);
  const bool has_texts = fields.boolean("return_token_strs", false);
  const bool is_text = fields.has("prompt");
  const std::string text = is_text ? fields.required_text("prompt") : "";
  if (fields.error()) return *fields.error();
  const auto ids = is_text ? encode_bounded(context, "prompt", text, {.add = add_special})
                           : encode_conversation(context, fields);
  if (!ids) return ids.error();
  ApiReply reply;
  reply.body = fmt::format(R"({{"count":{},"max_model_len":{},"tokens":[{}],"token_strs":)",
                           ids->size(), context.model().context, fmt::join(*ids, ","));
  reply.body += has_texts ? "[" : "null";
  for (std::size_t i = 0; has_texts && i < ids->size(); ++i) {
    if (i > 0) reply.body += ',';
    reply.body += piece_json(*context.model().tokenizer, (*ids)[i]);
  }
  reply.body += has_texts ? "]}" : "}";
  return reply;
}

}  // namespace

// POST /tokenize
Handled tokenize(ApiContext& context, const ApiRequest&, const Json& body) {
  const Tokenizer& tokenizer = *context.model().tokenizer;
  Fields fields(body);
  if (!fields.has("content") && (fields.has("prompt") || fields.has("messages"))) {
    return tokenize_as_vllm(context, fields);
  }
  const std::string text = fields.required_text("content");
  const Specials specials{fields.boolean("add_special", false),
                          fields.boolean("parse_special", true)};
  const bool with_pieces = fields.boolean("with_pieces", false);
  if (fields.error()) return *fields.error();
  const auto ids = encode_bounded(context, "content", text, specials);
  if (!ids) return ids.error();
  if (with_pieces) return pieces_reply(tokenizer, *ids);
  return json_reply({{"tokens", *ids}});
}

// POST /detokenize
Handled detokenize(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  const Json* const tokens = fields.array("tokens", kMostDetokenized);
  fields.require("tokens", "an array");
  if (fields.error()) return *fields.error();
  const auto ids = read_tokens(*tokens, "tokens", context.model().tokenizer->vocabulary_size());
  if (!ids) return ids.error();
  return json_reply({{"content", text_of_tokens(*context.model().tokenizer, *ids)}});
}

// POST /apply-template
Handled apply_template(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  const ChatFields chat = read_chat_fields(fields, context.model());
  if (fields.error()) return *fields.error();
  const auto prompt = render_chat(context.model(), chat.request);
  if (!prompt) return prompt.error();
  const auto shown = shown_prompt(context.model(), chat, *prompt);
  if (!shown) return shown.error();
  std::vector<std::string> warnings = prompt->warnings;
  warnings.insert(warnings.end(), chat.warnings.begin(), chat.warnings.end());
  return json_reply({{"prompt", *shown}, {"warnings", std::move(warnings)}});
}

}  // namespace linnet::serve
