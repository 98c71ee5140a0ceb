#include "serve/requests/unsupported_fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/utf8.hpp"

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
    UnsupportedField{"grammar_lazy",
                     "tools and their strict hold calls to a form, grammar all of it"},
    UnsupportedField{"include_reasoning", "the thinking stands apart from the text"},
    UnsupportedField{"include_stop_str_in_output", "the answer ends before the text"},
    UnsupportedField{"min_keep", "the samplers keep what their parameters say"},
    UnsupportedField{"parse_tool_calls",
                     "calls stand apart from the text; without tools, they are text"},
    UnsupportedField{"post_sampling_probs", "probabilities are the model's own"},
    UnsupportedField{"prompt_logprobs", "echo with logprobs tells them in /v1/completions"},
    UnsupportedField{"reasoning_budget_message",
                     "thinking ends without a word where its budget does"},
    UnsupportedField{"regex", "grammar takes GBNF"},
    UnsupportedField{"return_token_ids", "/tokenize makes tokens of a text"},
    UnsupportedField{"return_tokens_as_token_ids", "/tokenize makes tokens of a text"},
    UnsupportedField{"skip_special_tokens", "an answer is without them"},
    UnsupportedField{"stop_token_ids", "stop takes texts"},
    UnsupportedField{"structured_outputs", "response_format, json_schema and grammar do that"},
    UnsupportedField{"truncate_prompt_tokens", "a prompt is never cut"},
    UnsupportedField{"use_beam_search", "tokens are drawn one after the other"},
};

// Those of them that ask for something where they are false.
constexpr std::array<std::string_view, 3> kUsuallyTrue = {"include_reasoning", "parse_tool_calls",
                                                          "skip_special_tokens"};

// Fields that change no answer, whoever has them: nothing is kept or billed here, and nothing is
// ever cut from a prompt.
constexpr std::array<std::string_view, 49> kWithoutEffect = {
    // of all requests; these are read where the model is chosen
    "lora", "model", "name",
    // OpenAI's and Anthropic's APIs
    "anthropic_beta", "anthropic_version", "betas", "cache_control", "inference_geo",
    "max_tool_calls", "metadata", "prediction", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "safety_identifier", "service_tier", "speed", "store",
    "stream_options", "user", "user_profile_id",
    // llama.cpp's server and vLLM
    "backend_sampling", "cache_prompt", "cache_salt", "grammar_triggers", "id_slot",
    "n_cache_reuse", "n_discard", "n_keep", "priority", "request_id", "sse_ping_interval",
    "verbose",
    // Ollama's options
    "f16_kv", "logits_all", "low_vram", "main_gpu", "num_batch", "num_gpu", "num_keep",
    "num_thread", "numa", "shift", "truncate", "use_mlock", "use_mmap", "vocab_only",
    "draft_num_predict", "embedding_only"};

constexpr std::size_t kMostNamed = 8;

bool asks_for_something(std::string_view name, const Json& field) {
  if (std::ranges::find(kUsuallyTrue, name) != kUsuallyTrue.end()) return field == false;
  return field != false && field != 0 && field != "" && !(field.is_array() && field.empty());
}

}  // namespace

void refuse_unsupported(Fields& fields, std::span<const UnsupportedField> unsupported) {
  for (const auto& [name, instead] : unsupported) {
    const Json* const field = fields.find(name);
    if (field && asks_for_something(name, *field)) {
      fields.fail(name, fmt::format("not supported: {}", instead));
    }
  }
}

void refuse_unsupported_generation(Fields& fields) { refuse_unsupported(fields, kOfOtherServers); }

std::optional<std::string> warning_of_unread(const Fields& fields) {
  std::vector<std::string> names = fields.unread();
  std::erase_if(names, [&](const std::string& name) {
    const std::string_view last = std::string_view(name).substr(name.rfind('.') + 1);
    return std::ranges::find(kWithoutEffect, last) != kWithoutEffect.end();
  });
  if (names.empty()) return std::nullopt;
  const std::size_t more = names.size() - std::min(names.size(), kMostNamed);
  names.resize(names.size() - more);
  for (std::string& name : names) name = shortened(name);
  return fmt::format("fields that do nothing here: {}{}", fmt::join(names, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

void read_verbosity(Fields& fields, std::vector<std::string>& warnings) {
  if (fields.text("verbosity").value_or("medium") == "medium") return;
  warnings.push_back(fields.path_of("verbosity") +
                     " does nothing here: no model reads it; say how long an answer is to be");
}

}  // namespace linnet::serve
