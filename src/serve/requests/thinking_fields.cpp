#include "serve/requests/thinking_fields.hpp"

#include <array>

#include "serve/requests/generation_options.hpp"

namespace linnet::serve {
namespace {

// A budget by its names: llama.cpp's two, vLLM's and Qwen's. -1: none, whatever the server's is.
constexpr std::array<std::string_view, 4> kBudgets = {"thinking_budget_tokens",
                                                      "reasoning_budget_tokens",
                                                      "thinking_token_budget", "thinking_budget"};

void switch_thinking(bool wanted, ChatFields& chat) {
  chat.request.variables["enable_thinking"] = wanted;
}

void read_variables(Fields& fields, ChatFields& chat) {
  const Json* const variables = fields.object("chat_template_kwargs");
  chat.request.variables = variables ? *variables : Json::object();
  if (fields.has("enable_thinking")) switch_thinking(fields.boolean("enable_thinking", true), chat);
}

// Anthropic's, of which other servers have the type.
void read_thinking(Fields& fields, ChatFields& chat) {
  fields.with_object("thinking", [&](Fields& thinking) {
    static constexpr std::array<std::string_view, 3> kTypes = {"enabled", "disabled", "adaptive"};
    const std::string type = thinking.one_of("type", kTypes, "adaptive");
    if (type != "adaptive") switch_thinking(type == "enabled", chat);
    if (const auto most = thinking.integer("budget_tokens", 1, kMostTokens)) {
      chat.thinking_tokens = most;
    }
  });
}

// OpenAI's, with what OpenRouter has beside the effort.
void read_reasoning(Fields& fields, ChatFields& chat) {
  fields.with_object("reasoning", [&](Fields& reasoning) {
    if (const auto effort = reasoning.text("effort")) set_effort(*effort, chat.request.variables);
    if (reasoning.has("enabled")) switch_thinking(reasoning.boolean("enabled", true), chat);
    if (const auto most = reasoning.integer("max_tokens", 0, kMostTokens)) {
      chat.thinking_tokens = most;
    }
    if (reasoning.boolean("exclude", false)) {
      reasoning.fail("exclude", "not supported: the thinking stands apart from the text");
    }
  });
}

void read_budgets(Fields& fields, ChatFields& chat) {
  for (const std::string_view name : kBudgets) {
    if (const auto most = fields.integer(name, -1, kMostTokens)) chat.thinking_tokens = most;
  }
}

}  // namespace

void read_thinking_fields(Fields& fields, ChatFields& chat) {
  read_variables(fields, chat);
  if (const auto effort = fields.text("reasoning_effort")) {
    set_effort(*effort, chat.request.variables);
  }
  read_reasoning(fields, chat);
  read_thinking(fields, chat);
  read_budgets(fields, chat);
  // As llama.cpp's server has it, of which "auto" and "deepseek" are what is done here.
  static constexpr std::array<std::string_view, 3> kFormats = {"auto", "deepseek", "none"};
  chat.thinking_is_text = fields.one_of("reasoning_format", kFormats, "auto") == "none";
}

void set_effort(const std::string& effort, Json& variables) {
  variables["reasoning_effort"] = effort;
  if (effort == "none" && !variables.contains("enable_thinking")) {
    variables["enable_thinking"] = false;
  }
}

}  // namespace linnet::serve
