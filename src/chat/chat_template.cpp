#include "chat/chat_template.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "chat/conversation.hpp"
#include "chat/jinja/template.hpp"
#include "chat/output/call_syntax.hpp"
#include "chat/template_sources.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

// One of a model's templates.
struct Variant {
  jinja::Template compiled;
  Capabilities capabilities;
  OutputFormat format;
};

// Some templates look through all messages for each: a long conversation may cost more. Not without
// end: of Anthropic's messages, each of which may hold any number of results, there come half a
// million in a request.
jinja::Limits limits_for(const Json& messages) {
  constexpr std::size_t kMostMessages = 4096;
  jinja::Limits limits;
  limits.steps += 25'000 * static_cast<std::int64_t>(std::min(messages.size(), kMostMessages));
  return limits;
}

std::tm local_time() {
  const std::time_t seconds = std::time(nullptr);
  std::tm time{};
  localtime_r(&seconds, &time);
  return time;
}

// As Firefunction's card has them.
Json functions_text(const Json& tools) {
  Json functions = Json::array();
  for (const Json& tool : tools) {
    const Json* const function = member(&tool, "function");
    functions.push_back(function ? *function : tool);
  }
  return functions.dump(4, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

Json time_text(const std::tm& time) {
  std::array<char, 64> text{};
  const std::size_t bytes = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &time);
  return std::string_view(text.data(), bytes);
}

Result<jinja::Text> render_variant(const jinja::Template& compiled, const Family& family,
                                   const SpecialTexts& specials, const ChatRequest& request,
                                   const Json& messages, const Json& tools) {
  const std::tm now = request.now ? *request.now : local_time();
  const Json bos = specials.bos;
  const Json eos = specials.eos;
  const Json added_bos = specials.added_bos;
  const Json add_generation_prompt = request.add_generation_prompt;
  const Json none = nullptr;
  std::vector<jinja::Variable> variables = {
      {"bos_token", &bos, jinja::Origin::kTemplate},
      {"eos_token", &eos, jinja::Origin::kTemplate},
      {"added_bos_token", &added_bos, jinja::Origin::kTemplate},  // of the built-in ones only
      {"documents", &none},
  };
  const Json functions = family.takes_functions ? functions_text(tools) : Json();
  const Json time = family.takes_functions ? time_text(now) : Json();
  if (family.takes_functions) {
    variables.push_back({"datetime", &time, jinja::Origin::kTemplate});
  }
  if (request.variables.is_object()) {
    for (const auto& [name, value] : request.variables.items()) variables.push_back({name, &value});
    // What DeepSeek's and Granite's templates call it.
    const Json* const thinks = member(&request.variables, "enable_thinking");
    if (thinks && !request.variables.contains("thinking"))
      variables.push_back({"thinking", thinks});
  }
  // Last: what a request is made of cannot be replaced.
  variables.push_back({"messages", &messages});
  variables.push_back({"tools", &tools});
  if (family.takes_functions) variables.push_back({"functions", &functions});
  variables.push_back({"add_generation_prompt", &add_generation_prompt});
  return compiled.render(variables, {.now = now, .limits = limits_for(messages)});
}

Result<Variant> make_variant(std::string_view name, const std::string& source,
                             const SpecialTexts& specials) {
  auto compiled = jinja::Template::parse(source);
  if (!compiled) {
    return Error{fmt::format("chat template{}{}: {}", name.empty() ? "" : " ", name,
                             compiled.error().message)};
  }
  OutputFormat format = detect_output_format(source);
  const auto try_render = [&](const Json& messages, const Json& tools) -> Result<std::string> {
    auto text = render_variant(*compiled, *format.family, specials, ChatRequest{}, messages, tools);
    if (!text) return text.error();
    return text->bytes();
  };
  const Capabilities capabilities = probe_capabilities(try_render);
  // Earlier calls are shown in the generic form then, which the model may take up.
  if (!capabilities.tools || !capabilities.shows_calls()) add_generic_calls(format);
  return Variant{std::move(*compiled), capabilities, format};
}

Status add_begun_answer(const std::string& begun, Prompt& prompt) {
  if (begun.empty()) return {};
  if (prompt.ends_in_reasoning) {
    return Error{
        "the template lets the model think before it answers, so that an answer can't be begun for "
        "it; enable_thinking false lets it answer at once, if the template knows that"};
  }
  prompt.data.push_back({prompt.text.size(), prompt.text.size() + begun.size()});
  prompt.text += begun;
  return {};
}

}  // namespace

struct ChatTemplate::State {
  std::map<std::string, Variant, std::less<>> variants;
  SpecialTexts specials;

  Result<const Variant*> choose(const ChatRequest& request) const {
    const bool has_tools = request.tools.is_array() && !request.tools.empty();
    const bool named = !request.template_name.empty();
    auto found = variants.find(named       ? std::string_view(request.template_name)
                               : has_tools ? std::string_view("tool_use")
                                           : std::string_view());
    if (found != variants.end()) return &found->second;
    if (named) return Error{"the model has no chat template named " + request.template_name};
    return &variants.find("")->second;
  }
};

ChatTemplate::ChatTemplate(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::create(const TemplateSources& sources, SpecialTexts specials) {
  if (!sources.contains("")) {
    return Error{fmt::format(
        "the file has no chat template; --chat-template names the one that the model was trained "
        "with, a file or one of {} (plain: the text goes on, for models that do not converse)",
        fmt::join(builtin_template_names(), ", "))};
  }
  auto state = std::make_unique<State>();
  for (const auto& [name, source] : sources) {
    auto variant = make_variant(name, source, specials);
    if (!variant) return variant.error();
    state->variants.emplace(name, std::move(*variant));
  }
  state->specials = std::move(specials);
  return ChatTemplate(std::move(state));
}

Result<Prompt> ChatTemplate::render(const ChatRequest& request) const {
  const auto variant = state_->choose(request);
  if (!variant) return variant.error();
  const auto& [compiled, capabilities, format] = **variant;
  const bool has_own_form =
      capabilities.tools && format.family != &generic_family() && format.family->form;
  auto shaped = shape_conversation(request.messages, request.tools, capabilities,
                                   has_own_form ? &*format.family->form : nullptr);
  if (!shaped) return shaped.error();
  auto text = render_variant(compiled, *format.family, state_->specials, request, shaped->messages,
                             shaped->tools);
  if (!text) return Error{"chat " + text.error().message};
  Prompt prompt{text->bytes(), text->data_ranges(), format, false, std::move(shaped->warnings)};
  prompt.ends_in_reasoning = linnet::ends_in_reasoning(prompt.output_format, prompt.text);
  if (Status s = add_begun_answer(request.begun_answer, prompt); !s) return s.error();
  return prompt;
}

}  // namespace linnet
