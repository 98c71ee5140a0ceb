// Text to tokens and back, and conversations to prompts.

#include "serve/endpoints/start_answer.hpp"
#include "serve/requests/chat_request.hpp"
#include "serve/requests/prompts.hpp"

namespace linnet::serve {

// POST /tokenize
Handled tokenize(ApiContext& context, const ApiRequest&, const Json& body) {
  const Tokenizer& tokenizer = *context.model.tokenizer;
  Fields fields(body);
  const auto text = fields.text("content");
  const bool add_special = fields.boolean("add_special", false);
  const bool parse_special = fields.boolean("parse_special", true);
  const bool with_pieces = fields.boolean("with_pieces", false);
  if (fields.error()) return *fields.error();
  if (!text) return invalid_request("content: expected a string, found nothing", "content");
  const auto ids = tokenizer.encode(
      *text, {.add_special = add_special, .parse_special = parse_special, .plain = {}});
  if (!ids) return invalid_request("content: " + ids.error().message, "content");
  if (!with_pieces) return json_reply({{"tokens", *ids}});
  Json tokens = Json::array();
  for (const TokenId id : *ids) {
    tokens.push_back({{"id", id}, {"piece", tokenizer.piece(id)}});
  }
  return json_reply({{"tokens", std::move(tokens)}});
}

// POST /detokenize
Handled detokenize(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  const Json* const tokens = fields.array("tokens", SIZE_MAX);
  if (fields.error()) return *fields.error();
  if (!tokens) return invalid_request("tokens: expected an array, found nothing", "tokens");
  const auto ids = read_tokens(*tokens, "tokens", context.model.tokenizer->vocabulary_size());
  if (!ids) return ids.error();
  return json_reply({{"content", text_of_tokens(*context.model.tokenizer, *ids)}});
}

// POST /apply-template
Handled apply_template(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  ChatFields chat = read_chat_fields(fields);
  chat.request.add_generation_prompt = fields.boolean("add_generation_prompt", true);
  if (fields.error()) return *fields.error();
  const auto prompt = render_chat(context.model, chat.request);
  if (!prompt) return prompt.error();
  return json_reply({{"prompt", prompt->text}, {"warnings", prompt->warnings}});
}

}  // namespace linnet::serve
