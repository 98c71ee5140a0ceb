#include "serve/requests/unsupported_fields.hpp"

#include <fmt/format.h>

#include <array>

namespace linnet::serve {
namespace {

// Fields of llama.cpp's server and of vLLM.
constexpr std::array kOfOtherServers = {
    UnsupportedField{"allowed_token_ids", "grammar holds an answer to what it allows"},
    UnsupportedField{"bad_words", "logit_bias makes tokens unlikely"},
    UnsupportedField{"chat_template", "linnet serve --chat-template chooses one"},
    UnsupportedField{"guided_choice", "grammar holds an answer to one of several texts"},
    UnsupportedField{"guided_grammar", "grammar takes GBNF"},
    UnsupportedField{"guided_json", "json_schema takes a schema"},
    UnsupportedField{"guided_regex", "grammar takes GBNF"},
    UnsupportedField{"include_stop_str_in_output", "the answer ends before the text"},
    UnsupportedField{"lora", "linnet serve --lora adds adapters to all answers"},
    UnsupportedField{"min_keep", "the samplers keep what their parameters say"},
    UnsupportedField{"post_sampling_probs", "probabilities are the model's own"},
    UnsupportedField{"prompt_logprobs", "echo with logprobs tells them in /v1/completions"},
    UnsupportedField{"regex", "grammar takes GBNF"},
    UnsupportedField{"stop_token_ids", "stop takes texts"},
    UnsupportedField{"structured_outputs", "response_format, json_schema and grammar do that"},
    UnsupportedField{"truncate_prompt_tokens", "a prompt is never cut"},
    UnsupportedField{"use_beam_search", "tokens are drawn one after the other"},
};

bool asks_for_something(const Json& field) {
  return field != false && field != 0 && field != "" && !(field.is_array() && field.empty());
}

}  // namespace

void refuse_unsupported(Fields& fields, std::span<const UnsupportedField> unsupported) {
  for (const auto& [name, instead] : unsupported) {
    const Json* const field = fields.find(name);
    if (field && asks_for_something(*field)) {
      fields.fail(name, fmt::format("not supported: {}", instead));
    }
  }
}

void refuse_unsupported_generation(Fields& fields) { refuse_unsupported(fields, kOfOtherServers); }

void refuse_verbosity(Fields& fields) {
  if (fields.text("verbosity").value_or("medium") != "medium") {
    fields.fail("verbosity", "not supported: no model reads it; say how long an answer is to be");
  }
}

}  // namespace linnet::serve
