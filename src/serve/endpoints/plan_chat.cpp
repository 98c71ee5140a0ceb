#include <fmt/format.h>

#include <algorithm>

#include "base/splitmix64.hpp"
#include "chat/output/call_begin.hpp"
#include "serve/constraints/answer_grammar.hpp"
#include "serve/endpoints/start_answer.hpp"
#include "serve/thinking_budget.hpp"

namespace linnet::serve {
namespace {

// The control tokens whose text the parser of answers needs, ascending.
std::vector<TokenId> markers(const ServedModel& model, const OutputFormat& format) {
  std::vector<TokenId> tokens;
  for (const ControlToken& token : model.control_tokens) {
    if (is_marker(format, token.text)) tokens.push_back(token.id);
  }
  std::ranges::sort(tokens);
  return tokens;
}

bool is_strict(const Json& tools) {
  return tools.is_array() && std::ranges::any_of(tools, [](const Json& tool) {
           const auto strict = tool["function"].find("strict");
           return strict != tool["function"].end() && *strict == true;
         });
}

bool has_tools(const ChatFields& chat) {
  return chat.request.tools.is_array() && !chat.request.tools.empty();
}

bool shows_no_tool(const Prompt& prompt, const Json& tools) {
  return std::ranges::none_of(tools, [&](const Json& tool) {
    return prompt.text.find(tool["function"]["name"].get_ref<const std::string&>()) !=
           std::string::npos;
  });
}

bool forces_calls(const ChatFields& chat) {
  return chat.choice.must_call || !chat.choice.names.empty();
}

// Whether the calls of an answer have to be held to a grammar: where they are forced, and where
// more than usual is expected of them and can be had.
bool restricts_calls(const ServedModel& model, const ChatFields& chat) {
  return forces_calls(chat) || (model.call_form && has_tools(chat) &&
                                (is_strict(chat.request.tools) || !chat.choice.parallel));
}

// Whether an answer does without the grammar where its tools have none: what comes behind the first
// call is dropped anyway.
bool can_do_without(const ApiError& error, const ChatFields& chat,
                    const TextConstraint& constraint) {
  return error.param == "tools" && error.code.empty() && constraint.is_none() &&
         !forces_calls(chat) && !is_strict(chat.request.tools);
}

ApiResult<grammar::Grammar> calls_grammar(const ServedModel& model, const ChatFields& chat,
                                          const MarkerSpelling& spelling) {
  if (!model.call_form) {
    return invalid_request(
        "tool_choice: this model's template writes calls in a way that can't be forced; use auto "
        "with all tools allowed",
        "tool_choice", "tool_choice_not_supported");
  }
  auto calls = make_call_grammar(*model.call_form, chat.request.tools, chat.choice, spelling);
  if (!calls) return invalid_request("tools: " + calls.error().message, "tools");
  return std::move(*calls);
}

ApiResult<grammar::Grammar> text_grammar(const TextConstraint& constraint,
                                         const Tokenizer& tokenizer) {
  auto text = make_text_grammar(constraint, tokenizer);
  if (!text) return invalid_request(constraint.path + ": " + text.error().message, constraint.path);
  return std::move(*text);
}

ThinkingStage thinking_stage(const Prompt& prompt) {
  if (prompt.ends_in_reasoning) return ThinkingStage::kUnderWay;
  const bool is_over = ends_behind_reasoning(prompt.output_format, prompt.text);
  return is_over ? ThinkingStage::kOver : ThinkingStage::kAhead;
}

ApiResult<grammar::Grammar> make_grammar(const ServedModel& model, const ChatFields& chat,
                                         const TextConstraint& constraint, const Prompt& prompt) {
  const MarkerSpelling spelling(model.control_tokens);
  AnswerRules rules{.format = prompt.output_format,
                    .thinking = thinking_stage(prompt),
                    .markers = spelling,
                    .must_call = chat.choice.must_call};
  if (restricts_calls(model, chat) || (has_tools(chat) && model.call_form)) {
    auto calls = calls_grammar(model, chat, spelling);
    if (!calls) return calls.error();
    rules.calls = std::move(*calls);
    rules.triggers = call_triggers(*model.call_form, chat.request.tools);
    rules.begins_in_thinking = begins_of_form(*model.call_form, *prompt.output_format.family,
                                              ToolTable(chat.request.tools));
  }
  if (!constraint.is_none()) {
    auto text = text_grammar(constraint, *model.tokenizer);
    if (!text) return text.error();
    rules.text = std::move(*text);
  }
  return make_answer_grammar(rules);
}

// What a grammar is made of, as a key.
std::string cache_key(const ChatFields& chat, const TextConstraint& constraint,
                      const Prompt& prompt) {
  return json_text({constraint.schema, constraint.gbnf, chat.request.tools, chat.choice.must_call,
                    chat.choice.names, chat.choice.parallel, prompt.output_format.family->name,
                    static_cast<int>(thinking_stage(prompt))});
}

ApiResult<grammar::GrammarSession> grammar_session(ApiContext& context, const std::string& key,
                                                   const std::string& param,
                                                   const GrammarCache::Maker& make) {
  return context.chosen.grammars.session(key, param,
                                         context.may_take_long ? make : GrammarCache::Maker());
}

// Says that the prompt is too long where its bytes tell that. (What pictures become is counted when
// it is encoded.)
std::optional<ApiError> refuse_prompt(const ApiContext& context, const ChatFields& chat,
                                      const std::string& text) {
  const ServedModel& model = context.model();
  if (!chat.media.empty()) return std::nullopt;
  auto error = refuse_length(model, text.size(), "the prompt has", "");
  if (error && context.errors == ErrorShape::kAnthropic) {
    error->message = fmt::format("prompt is too long: at least {} tokens > {} maximum",
                                 model.tokenizer->fewest_tokens(text.size()), model.context);
  }
  return error;
}

// Whether the parser sees all of the calls' form: control tokens that are no markers are not shown.
bool shows_form(const ServedModel& model, const OutputFormat& format) {
  const CallForm& form = *model.call_form;
  const std::string text = form.begin + form.middle + form.between.value_or("") + form.end;
  return std::ranges::none_of(model.control_tokens, [&](const ControlToken& token) {
    return text.find(token.text) != text.npos && !is_marker(format, token.text);
  });
}

// The form of the calls, where the grammar holds them; else nullptr. Beside it there is no text
// that could be taken for a call, but where the text has a form of its own.
const CallForm* held_calls(const ServedModel& model, const ChatFields& chat,
                           const TextConstraint& constraint, const OutputFormat& format,
                           const GenerationOptions& options) {
  const bool are_held = options.sampling.grammar && model.call_form && has_tools(chat) &&
                        (constraint.is_none() || chat.choice.must_call);
  return are_held && shows_form(model, format) ? &*model.call_form : nullptr;
}

ApiResult<std::optional<ThinkingBudget>> budget_of(const ServedModel& model, const ChatFields& chat,
                                                   const Prompt& prompt,
                                                   const AnswerParsing& parsing) {
  const auto most = chat.thinking_tokens.value_or(model.thinking_tokens);
  if (most < 0) return std::optional<ThinkingBudget>();
  auto budget = thinking_budget(*model.tokenizer, prompt, most);
  // By whichever of its names the budget was set; perhaps by none, but by the server.
  if (!budget) return invalid_request("the thinking's budget: " + budget.error().message);
  if (*budget && has_tools(chat)) {
    (*budget)->calls = begins_in_thinking(parsing.format, parsing.options.held_calls,
                                          ToolTable(parsing.options.tools));
  }
  return std::move(*budget);
}

// The ids of a conversation's calls differ, also where each of its requests has the same seed.
std::uint64_t id_seed(const GenerationOptions& options, const std::vector<TokenId>& prompt) {
  return options.sampling.seed + spread_bits(prompt.size());
}

// Whether an effort other than the usual one is asked for that the template does not read. (None
// means no thinking, which has a variable of its own.)
bool passes_effort_over(const ServedModel& model, const ChatFields& chat) {
  const Json& variables = chat.request.variables;
  const auto effort = variables.find("reasoning_effort");
  if (!variables.is_object() || effort == variables.end()) return false;
  return *effort != "none" && *effort != "medium" &&
         model.template_source.find("reasoning_effort") == std::string::npos;
}

// Ends an answer behind its first call, from which on nothing is shown.
TextWatch until_call(const AnswerParsing& parsing) {
  std::shared_ptr<OutputParser> parser = make_output_parser(parsing.format, parsing.options);
  return [parser = std::move(parser)](std::string_view text) {
    parser->push(text);
    return parser->is_over();
  };
}

}  // namespace

ApiResult<Prompt> render_chat(const ServedModel& model, const ChatRequest& request) {
  if (!model.chat) return invalid_request(model.chat_problem, "", "no_chat_template");
  const auto render = [&](const ChatRequest& of) -> ApiResult<Prompt> {
    auto prompt = model.chat->render(of);
    if (!prompt) return invalid_request(prompt.error().message, "messages");
    return std::move(*prompt);
  };
  if (model.template_variables.empty()) return render(request);
  ChatRequest with_defaults = request;
  with_defaults.variables = model.template_variables;
  if (request.variables.is_object()) with_defaults.variables.update(request.variables);
  return render(with_defaults);
}

ApiResult<ChatPlan> plan_chat(ApiContext& context, const ChatFields& chat,
                              const TextConstraint& constraint, GenerationOptions& options) {
  const ServedModel& model = context.model();
  auto prompt = render_chat(model, chat.request);
  if (!prompt) return prompt.error();
  if (auto error = refuse_prompt(context, chat, prompt->text)) return *error;
  auto encoded = encode_chat(context, chat, *prompt);
  if (!encoded) return encoded.error();
  if (restricts_calls(model, chat) || !constraint.is_none()) {
    if (!chat.request.begun_answer.empty()) {
      return invalid_request(
          "messages: the last one begins the answer, so that the answer can't be held to a form",
          "messages");
    }
    auto session = grammar_session(context, cache_key(chat, constraint, *prompt),
                                   constraint.is_none() ? "tools" : constraint.path,
                                   [&] { return make_grammar(model, chat, constraint, *prompt); });
    if (session) {
      options.sampling.grammar = std::move(*session);
    } else if (!can_do_without(session.error(), chat, constraint)) {
      return session.error();
    }
  }
  ChatPlan plan;
  plan.chat = std::move(*encoded);
  plan.shown_tokens = markers(model, prompt->output_format);
  plan.parsing = {
      prompt->output_format,
      {.tools = chat.request.tools,
       .starts_in_reasoning = prompt->ends_in_reasoning,
       .thinking_is_text = chat.thinking_is_text,
       .id_seed = id_seed(options, plan.chat.prompt),
       .ends_with_call = !chat.choice.parallel,
       .held_calls = held_calls(model, chat, constraint, prompt->output_format, options),
       .whole_calls = !options.streams}};
  auto budget = budget_of(model, chat, *prompt, plan.parsing);
  if (!budget) return budget.error();
  options.sampling.thinking = std::move(*budget);
  // A grammar has one call only, and ends the text behind it.
  if (has_tools(chat) && !chat.choice.parallel && !options.sampling.grammar) {
    options.watch = [parsing = plan.parsing] { return until_call(parsing); };
  }
  if (has_tools(chat) && shows_no_tool(*prompt, chat.request.tools)) {
    plan.chat.warnings.emplace_back("the chat template does not show the model its tools");
  }
  if (has_tools(chat) && is_strict(chat.request.tools) && !model.call_form) {
    plan.chat.warnings.emplace_back(
        "strict: this model's template writes calls in a way that can't be held to a schema, so "
        "that their arguments need not be valid");
  }
  if (passes_effort_over(model, chat)) {
    plan.chat.warnings.emplace_back(
        "the effort does nothing here: this model's template reads no reasoning_effort");
  }
  return plan;
}

ApiResult<std::optional<grammar::GrammarSession>> text_session(ApiContext& context,
                                                               const TextConstraint& constraint) {
  if (constraint.is_none()) return std::optional<grammar::GrammarSession>();
  auto session =
      grammar_session(context, json_text({constraint.schema, constraint.gbnf}), constraint.path,
                      [&] { return text_grammar(constraint, *context.model().tokenizer); });
  if (!session) return session.error();
  return std::optional(std::move(*session));
}

}  // namespace linnet::serve
