// Text to tokens and back, and conversations to prompts.

#include <fmt/format.h>

#include "base/utf8.hpp"
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

ApiError too_many_tokens(std::string_view at_least, std::int64_t tokens) {
  return invalid_request(fmt::format("content: it has {}{} tokens, expected at most {}", at_least,
                                     tokens, kMostTokenized),
                         "content");
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

}  // namespace

// POST /tokenize
Handled tokenize(ApiContext& context, const ApiRequest&, const Json& body) {
  const Tokenizer& tokenizer = *context.model().tokenizer;
  Fields fields(body);
  const auto text = fields.text("content");
  const bool add_special = fields.boolean("add_special", false);
  const bool parse_special = fields.boolean("parse_special", true);
  const bool with_pieces = fields.boolean("with_pieces", false);
  if (fields.error()) return *fields.error();
  if (!text) return invalid_request("content: expected a string, found nothing", "content");
  const std::int64_t fewest = tokenizer.fewest_tokens(text->size());
  if (fewest > kMostTokenized) return too_many_tokens("at least ", fewest);
  const auto ids = tokenizer.encode(*text, {.add_special = add_special,
                                            .parse_special = parse_special,
                                            .plain = {},
                                            .is_given_up = &context.is_given_up});
  if (!ids) return invalid_request("content: " + ids.error().message, "content");
  if (std::ssize(*ids) > kMostTokenized) return too_many_tokens("", std::ssize(*ids));
  if (with_pieces) return pieces_reply(tokenizer, *ids);
  return json_reply({{"tokens", *ids}});
}

// POST /detokenize
Handled detokenize(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  const Json* const tokens = fields.array("tokens", kMostDetokenized);
  if (fields.error()) return *fields.error();
  if (!tokens) return invalid_request("tokens: expected an array, found nothing", "tokens");
  const auto ids = read_tokens(*tokens, "tokens", context.model().tokenizer->vocabulary_size());
  if (!ids) return ids.error();
  return json_reply({{"content", text_of_tokens(*context.model().tokenizer, *ids)}});
}

// POST /apply-template
Handled apply_template(ApiContext& context, const ApiRequest&, const Json& body) {
  Fields fields(body);
  ChatFields chat = read_chat_fields(fields);
  chat.request.add_generation_prompt = fields.boolean("add_generation_prompt", true);
  if (fields.error()) return *fields.error();
  const auto prompt = render_chat(context.model(), chat.request);
  if (!prompt) return prompt.error();
  const auto shown = shown_prompt(context.model(), chat, *prompt);
  if (!shown) return shown.error();
  return json_reply({{"prompt", *shown}, {"warnings", prompt->warnings}});
}

}  // namespace linnet::serve
