#include "chat/call_form_search.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "chat/output/call_syntax.hpp"
#include "chat/output/output_parser.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;
using Text = std::string_view;

constexpr auto kNowhere = Text::npos;

// Texts that no template has. What comes out of them shows where the parts of a call stand.
constexpr std::array<Text, 2> kNames = {"linnet_tool_one", "linnet_tool_two"};
constexpr std::array<Text, 2> kIds = {"LinnetId1", "LinnetId2"};
constexpr Text kTextKey = "linnet_text_key", kTextValue = "a text of linnet's";
constexpr Text kNumberKey = "linnet_number_key", kNumberValue = "739146";
constexpr Text kAnswer = "an answer of linnet's";

Json sample_arguments() {
  return {{kTextKey, kTextValue}, {kNumberKey, Json::parse(kNumberValue)}};
}

Json sample_tools() {
  const Json parameters = {{"type", "object"},
                           {"properties",
                            {{kTextKey, {{"type", "string"}, {"description", "text"}}},
                             {kNumberKey, {{"type", "integer"}, {"description", "number"}}}}},
                           {"required", Json::array({kTextKey, kNumberKey})}};
  Json tools = Json::array();
  for (const Text name : kNames) {
    tools.push_back(
        {{"type", "function"},
         {"function", {{"name", name}, {"description", "a tool"}, {"parameters", parameters}}}});
  }
  return tools;
}

Json sample_calls(std::size_t count, bool ids_name_tools, const Json& arguments) {
  Json calls = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id =
        ids_name_tools ? "functions." + std::string(kNames[i]) + ":0" : std::string(kIds[i]);
    calls.push_back({{"id", id},
                     {"type", "function"},
                     {"function", {{"name", kNames[i]}, {"arguments", arguments}}}});
  }
  return calls;
}

std::string replaced(Text text, Text from, Text to) {
  std::string result;
  for (std::size_t at; (at = text.find(from)) != kNowhere; text.remove_prefix(at + from.size())) {
    result.append(text.substr(0, at)).append(to);
  }
  return result.append(text);
}

bool remove_suffix(std::string& text, Text suffix) {
  if (suffix.empty() || !text.ends_with(suffix)) return false;
  text.resize(text.size() - suffix.size());
  return true;
}

// Renders answers to one and the same question.
class Trial {
 public:
  explicit Trial(const ChatTemplate& chat) : chat_(chat) {}

  // What comes before an answer and after it; false where the template can't be tried.
  bool prepare() {
    ChatRequest request = question();
    auto prompt = chat_.render(request);
    if (!prompt) return false;
    format_ = prompt->output_format;
    before_ = std::move(prompt->text);
    strip_reasoning();
    const auto plain = render({{"role", "assistant"}, {"content", kAnswer}});
    if (!plain) return false;
    const std::size_t at = plain->rfind(kAnswer);
    if (at == kNowhere) return false;
    after_ = plain->substr(at + kAnswer.size());
    return true;
  }

  // The answer with these calls, as the model would write it.
  std::optional<std::string> answer(const Json& calls) const {
    auto text = render({{"role", "assistant"}, {"content", nullptr}, {"tool_calls", calls}});
    if (!text || !text->starts_with(before_)) return std::nullopt;
    text->erase(0, before_.size());
    const std::size_t reasoning =
        format_.reasoning.end.empty() ? kNowhere : text->find(format_.reasoning.end);
    if (reasoning != kNowhere) {
      text->erase(0, reasoning + format_.reasoning.end.size());
      text->erase(0, text->find_first_not_of("\n"));
    }
    cut_behind_calls(*text);
    const auto& messages = format_.family->messages;
    if (messages && !messages->call_end.empty()) {
      remove_suffix(*text, messages->call_end);
    } else if (!remove_suffix(*text, after_)) {
      remove_suffix(*text, trimmed(after_));
    }
    return text;
  }

  const OutputFormat& format() const { return format_; }

 private:
  static ChatRequest question() {
    ChatRequest request;
    request.messages = Json::array({{{"role", "user"}, {"content", "a question of linnet's"}}});
    request.tools = sample_tools();
    request.now = std::tm{};
    request.now->tm_mday = 1;
    return request;
  }
  std::optional<std::string> render(Json answer) const {
    ChatRequest request = question();
    request.messages.push_back(std::move(answer));
    request.add_generation_prompt = false;
    auto prompt = chat_.render(request);
    if (!prompt) return std::nullopt;
    return std::move(prompt->text);
  }
  // Behind an answer with calls a template may write what it does not behind a plain one.
  void cut_behind_calls(std::string& text) const {
    std::size_t last = 0;  // sections may stand in others
    for (const CallSection& section : format_.family->sections) {
      const std::size_t end = section.end.empty() ? kNowhere : text.rfind(section.end);
      if (end != kNowhere) last = std::max(last, end + section.end.size());
    }
    if (last > 0) text.resize(last);
  }
  // The thinking of earlier answers is not shown, not even that there was none.
  void strip_reasoning() {
    Text text = trimmed(before_);
    if (ends_behind_reasoning(format_, text)) {
      text.remove_suffix(trimmed(format_.reasoning.end).size());
    }
    if (!ends_in_reasoning(format_, text)) return;
    text = trimmed(text);
    text.remove_suffix(trimmed(format_.reasoning.begin).size());
    before_.resize(static_cast<std::size_t>(text.data() + text.size() - before_.data()));
  }

  const ChatTemplate& chat_;
  OutputFormat format_;
  std::string before_, after_;
};

// The parts of an answer with calls: texts before, between and after names and arguments.
struct Parts {
  std::vector<std::string> before_name, middle;
  std::string rest;  // after the arguments of the last call
};

// Where a JSON object with the arguments stands from `at` on; false where there is none.
bool find_json_arguments(Text text, std::size_t at, std::size_t& begin, std::size_t& end) {
  const std::size_t key = text.find(kTextKey, at);
  if (key == kNowhere) return false;
  begin = text.rfind('{', key);
  if (begin == kNowhere || begin < at) return false;
  end = end_of_json(text, begin);
  if (end == kNowhere) return false;
  const Json json = Json::parse(text.substr(begin, end - begin), nullptr, false);
  return !json.is_discarded() && json == sample_arguments();
}

std::optional<Parts> split_json(Text text, std::size_t calls) {
  Parts parts;
  std::size_t at = 0;
  for (std::size_t i = 0; i < calls; ++i) {
    std::size_t begin = 0, end = 0;
    if (!find_json_arguments(text, at, begin, end)) return std::nullopt;
    const std::size_t name = text.substr(0, begin).rfind(kNames[i]);
    if (name == kNowhere || name < at) return std::nullopt;
    const std::size_t name_end = name + kNames[i].size();
    parts.before_name.emplace_back(text.substr(at, name - at));
    parts.middle.emplace_back(text.substr(name_end, begin - name_end));
    at = end;
  }
  parts.rest = text.substr(at);
  return parts;
}

std::string with_id_places(std::string text) {
  for (const Text id : kIds) text = replaced(text, id, kIdPlace);
  return text;
}

std::optional<CallForm> json_form(const Trial& trial, bool ids_name_tools) {
  const auto split = [&](std::size_t count) -> std::optional<Parts> {
    const auto text = trial.answer(sample_calls(count, ids_name_tools, sample_arguments()));
    return text ? split_json(*text, count) : std::nullopt;
  };
  const auto one = split(1);
  if (!one) return std::nullopt;
  CallForm form;
  form.begin = with_id_places(one->before_name[0]);
  form.middle = with_id_places(one->middle[0]);
  form.end = with_id_places(one->rest);
  const auto two = split(2);
  const auto same = [](const std::string& text, const std::string& as) {
    return with_id_places(text) == as;
  };
  if (two && same(two->before_name[0], form.begin) && same(two->middle[0], form.middle) &&
      same(two->middle[1], form.middle) && same(two->rest, form.end)) {
    form.between = with_id_places(two->before_name[1]);
  }
  return form;
}

// The texts between `marks`, which come in this order; one more than there are marks.
std::optional<std::vector<std::string>> split_at(Text text, std::initializer_list<Text> marks) {
  std::vector<std::string> parts;
  for (const Text mark : marks) {
    const std::size_t at = text.find(mark);
    if (at == kNowhere) return std::nullopt;
    parts.emplace_back(text.substr(0, at));
    text.remove_prefix(at + mark.size());
  }
  parts.emplace_back(text);
  return parts;
}

// The tag in which a text ends, as in "\n</parameter>\n<param".
std::string closing_tag(Text text) {
  const std::size_t begin = text.find("</");
  if (begin == kNowhere) return {};
  return std::string(text.substr(begin, text.find('>', begin) + 1 - begin));
}

// Each argument for itself: name m (a KEY b VALUE p)* r. What stands between two of them is p a,
// what stands before the first one is m a, and after the last one p r.
std::optional<CallForm> parameter_form(const Trial& trial) {
  const auto one = trial.answer(sample_calls(1, false, sample_arguments()));
  const auto two = trial.answer(sample_calls(2, false, sample_arguments()));
  if (!one) return std::nullopt;
  const auto parts = split_at(*one, {kNames[0], kTextKey, kTextValue, kNumberKey, kNumberValue});
  if (!parts) return std::nullopt;
  // The name may stand there once more.
  const std::string first = replaced((*parts)[1], kNames[0], kNamePlace);
  const std::string &next = (*parts)[3], &last = (*parts)[5];
  std::size_t common = 0;
  while (common < std::min(first.size(), next.size()) &&
         first[first.size() - 1 - common] == next[next.size() - 1 - common]) {
    ++common;
  }
  CallForm form;
  form.has_json_arguments = false;
  form.begin = (*parts)[0];
  form.middle = first.substr(0, first.size() - common);
  form.before_key = first.substr(first.size() - common);
  form.before_text = (*parts)[2];
  form.before_json = (*parts)[4];
  form.after_value = next.substr(0, next.size() - common);
  form.text_end = closing_tag(next);
  if (form.text_end.empty() || !last.starts_with(form.after_value)) return std::nullopt;
  form.end = last.substr(form.after_value.size());
  if (!two) return form;
  const auto both = split_at(*two, {kNames[0], kTextKey, kTextValue, kNumberKey, kNumberValue,
                                    kNames[1], kTextKey, kTextValue, kNumberKey, kNumberValue});
  const bool repeats = both && (*both)[0] == form.begin &&
                       replaced((*both)[6], kNames[1], kNamePlace) == first &&
                       (*both)[10] == last && (*both)[5].starts_with(form.after_value);
  if (repeats) form.between = (*both)[5].substr(form.after_value.size());
  return form;
}

std::string sample_argument(const CallForm& form, Text key, const Json& value) {
  const bool is_text = value.is_string() && !form.text_end.empty();
  const std::string written = is_text
                                  ? form.before_text + value.get<std::string>() + form.after_text
                                  : form.before_json + value.dump();
  return form.before_key + std::string(key) + written + replaced(form.after_value, kKeyPlace, key);
}

std::string sample_text(const CallForm& form, std::size_t calls) {
  std::string text = form.begin;
  for (std::size_t i = 0; i < calls; ++i) {
    if (i > 0) text += *form.between;
    text += std::string(kNames[i]) + form.middle_behind(kNames[i]);
    if (form.has_json_arguments) {
      text += sample_arguments().dump();
    } else {
      text += sample_argument(form, kTextKey, kTextValue) + form.separator +
              sample_argument(form, kNumberKey, Json::parse(kNumberValue));
    }
  }
  text += form.end;
  return replaced(text, kIdPlace, kIds[0]);
}

// A form with a sample's name in it is one of calls of that tool only.
bool names_sample(const CallForm& form) {
  return std::ranges::any_of(kNames, [&](Text name) {
    const auto has = [&](Text text) { return text.find(name) != kNowhere; };
    return has(form.begin) || has(form.middle) || has(form.end) || has(form.between.value_or(""));
  });
}

// Whether answers of this form are read as the calls that they are.
bool is_read_back(const CallForm& form, const OutputFormat& format, std::size_t calls) {
  const auto parser = make_output_parser(format, {.tools = sample_tools()});
  std::vector<OutputEvent> events = parser->push(sample_text(form, calls));
  for (OutputEvent& event : parser->finish()) events.push_back(std::move(event));
  if (events.size() != calls) return false;
  for (std::size_t i = 0; i < calls; ++i) {
    if (events[i].kind != OutputEvent::Kind::kToolCall || events[i].call.name != kNames[i] ||
        Json::parse(events[i].call.arguments, nullptr, false) != sample_arguments()) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<CallForm> find_call_form(const ChatTemplate& chat) {
  Trial trial(chat);
  const bool can_be_tried = trial.prepare();
  // Of a family without a name the template's own form goes before the one that any model is told.
  const bool is_generic = trial.format().family == &generic_family();
  const std::optional<CallForm>& known = trial.format().family->form;
  std::vector<std::optional<CallForm>> candidates;
  if (!is_generic) candidates.push_back(known);
  if (can_be_tried) {
    candidates.push_back(json_form(trial, /*ids_name_tools=*/false));
    candidates.push_back(json_form(trial, /*ids_name_tools=*/true));
    candidates.push_back(parameter_form(trial));
  }
  if (is_generic) candidates.push_back(known);
  for (auto& form : candidates) {
    if (!form || names_sample(*form) || !is_read_back(*form, trial.format(), 1)) continue;
    if (form->between && !is_read_back(*form, trial.format(), 2)) form->between.reset();
    return form;
  }
  return std::nullopt;
}

}  // namespace linnet
