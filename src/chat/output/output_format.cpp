#include "chat/output/output_format.hpp"

#include <algorithm>
#include <array>

#include "chat/output/call_syntax.hpp"
#include "chat/output/message_parser.hpp"

namespace linnet {
namespace {

struct Reasoning {
  std::string_view begin;
  std::string_view end;
};

struct Family {
  std::string_view name;
  std::string_view sign;  // in the templates of the family, and no others
  std::vector<CallSection> sections;
  std::vector<std::string_view> noise;
  Reasoning reasoning = {};  // where its templates do not spell it out
};

// In the order in which they are looked for: some templates also have the signs of later ones.
const std::vector<Family>& families() {
  static const std::vector<Family> kFamilies = {
      {"deepseek-dsml",
       "｜DSML｜",
       {{"<｜DSML｜function_calls>", "</｜DSML｜function_calls>", &kInvokeCalls},
        {"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", &kInvokeCalls}},
       {}},
      {"deepseek",
       "<｜tool▁calls▁begin｜>",
       {{"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", &kDeepSeekCalls}},
       {}},
      {"kimi",
       "<|tool_calls_section_begin|>",
       {{"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", &kKimiCalls}},
       {}},
      {"kimi-k3",
       "<|open|>",
       {{"<|open|>tools<|sep|>", "<|close|>tools<|sep|>", &kXtmlCalls}},
       {"<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"},
       {"<|open|>think<|sep|>", "<|close|>think<|sep|>"}},
      {"mistral", "[TOOL_CALLS]", {{"[TOOL_CALLS]", "", &kMistralCalls}}, {}},
      {"minimax-m3",
       "]<]minimax[>[",
       {{"]<]minimax[>[<tool_call>", "]<]minimax[>[</tool_call>", &kElementCalls}},
       {}},
      {"minimax-m1",
       "<beginning_of_sentence>",
       {{"<tool_calls>", "</tool_calls>", &kJsonCalls}},
       {}},
      {"minimax",
       "<minimax:tool_call>",
       {{"<minimax:tool_call>", "</minimax:tool_call>", &kInvokeCalls}},
       {}},
      {"seed",
       "<seed:tool_call>",
       {{"<seed:tool_call>", "</seed:tool_call>", &kFunctionCalls}},
       {}},
      {"gemma", "<|tool_call>", {{"<|tool_call>", "<tool_call|>", &kGemmaCalls}}, {}},
      {"function-gemma",
       "<start_function_call>",
       {{"<start_function_call>", "<end_function_call>", &kGemmaCalls}},
       {}},
      {"lfm",
       "<|tool_call_start|>",
       {{"<|tool_call_start|>", "<|tool_call_end|>", &kPythonCalls}},
       {}},
      {"lfm",
       "<|tool_list_start|>",
       {{"<|tool_call_start|>", "<|tool_call_end|>", &kPythonCalls}},
       {}},
      {"apertus", "<|tools_prefix|>", {{"<|tools_prefix|>", "<|tools_suffix|>", &kNamedCalls}}, {}},
      {"solar",
       "<|tool_call:begin|>",
       {{"<|tool_calls|>", "<|calls|>", &kSolarCalls}},
       {"<|begin|>assistant", "<|content|>"},
       {"<|think|>", "<|end|>"}},
      {"hunyuan",
       "<tool_sep{}>",
       {{"<tool_calls:opensource>", "</tool_calls:opensource>", &kHunyuanCalls}},
       {},
       {"<think:opensource>", "</think:opensource>"}},
      {"nemotron", "<TOOLCALL>", {{"<TOOLCALL>", "</TOOLCALL>", &kJsonCalls}}, {}},
      {"command-r",
       "<|START_ACTION|>",
       {{"<|START_ACTION|>", "<|END_ACTION|>", &kJsonCalls}},
       {"<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"}},
      {"granite", "<|tool_call|>", {{"<|tool_call|>", "<|/tool_call|>", &kJsonCalls}}, {}},
      {"tool-calls-list", "<tool_calls>[", {{"<tool_calls>", "</tool_calls>", &kJsonCalls}}, {}},
      {"gigachat", "<|function_call|>", {{"<|function_call|>", "", &kJsonCalls}}, {}},
      {"minicpm", "<function name=", {{"<function name=", "</function>", &kMiniCpmCalls}}, {}},
      {"tool-call-tags", "<tool_call>", {{"<tool_call>", "</tool_call>", &kTagCalls}}, {}},
      {"function-tags", "<function=", {{"<function=", "</function>", &kFunctionCalls}}, {}},
      {"llama", "<|python_tag|>", {{"<|python_tag|>", "", &kLlamaCalls}}, {}},
      {"llama", "ipython", {{"<|python_tag|>", "", &kLlamaCalls}}, {}},
  };
  return kFamilies;
}

constexpr std::array<Reasoning, 7> kReasoning = {{
    {"<think>", "</think>"},
    {"<mm:think>", "</mm:think>"},
    {"<|inner_prefix|>", "<|inner_suffix|>"},
    {"[THINK]", "[/THINK]"},
    {"<|START_THINKING|>", "<|END_THINKING|>"},
    {"<seed:think>", "</seed:think>"},
    {"<|channel>thought\n", "<channel|>"},
}};

// The part of a marker that a template is sure to contain, however it puts it together.
bool mentions(std::string_view source, const Reasoning& reasoning) {
  const std::string_view begin = reasoning.begin.substr(0, reasoning.begin.find('\n'));
  return source.find(begin) != std::string_view::npos ||
         source.find(reasoning.end) != std::string_view::npos;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

bool OutputFormat::is_harmony() const { return messages == &kHarmonyMessages; }

OutputFormat detect_output_format(std::string_view source) {
  OutputFormat format;
  if (has(source, "<|channel|>") && has(source, "<|start|>") && has(source, "<|message|>")) {
    format.name = "harmony";
    format.messages = &kHarmonyMessages;
    return format;
  }
  if (has(source, "<atem:function_calls>")) {
    format.name = "atem";
    format.messages = &kAtemMessages;
    return format;
  }
  for (const Reasoning& reasoning : kReasoning) {
    if (!mentions(source, reasoning)) continue;
    format.reasoning_begin = reasoning.begin;
    format.reasoning_end = reasoning.end;
    break;
  }
  for (const Family& family : families()) {
    if (!has(source, family.sign)) continue;
    format.name = family.name;
    format.sections = family.sections;
    format.noise = family.noise;
    if (!family.reasoning.begin.empty()) {
      format.reasoning_begin = family.reasoning.begin;
      format.reasoning_end = family.reasoning.end;
    }
    if (family.name == "llama") format.bare_json = &kJsonCalls;
    return format;
  }
  format.name = kGenericFamily;
  add_generic_calls(format);
  return format;
}

void add_generic_calls(OutputFormat& format) { format.bare_json = &kJsonCalls; }

bool ends_in_reasoning(const OutputFormat& format, std::string_view prompt) {
  if (format.reasoning_begin.empty()) return false;
  return trimmed(prompt).ends_with(trimmed(format.reasoning_begin));
}

bool ends_behind_reasoning(const OutputFormat& format, std::string_view prompt) {
  if (format.reasoning_end.empty()) return false;
  return trimmed(prompt).ends_with(trimmed(format.reasoning_end));
}

bool is_marker(const OutputFormat& format, std::string_view piece) {
  if (piece.empty()) return false;
  if (format.messages) {
    static constexpr std::array<std::string_view, 9> kMarkers = {
        "<|start|>",  "<|end|>",  "<|message|>", "<|channel|>", "<|constrain|>",
        "<|return|>", "<|call|>", "<|eom|>",     "<|eot|>"};
    return std::ranges::find(kMarkers, piece) != kMarkers.end();
  }
  const auto is_part = [&](std::string_view marker) { return has(marker, piece); };
  if (std::ranges::any_of(format.noise, is_part)) return true;
  if (is_part(format.reasoning_begin) || is_part(format.reasoning_end)) return true;
  if (std::ranges::any_of(format.sections, [&](const CallSection& section) {
        return is_part(section.begin) || is_part(section.end);
      })) {
    return true;
  }
  // What stands inside of sections.
  static constexpr std::array<std::string_view, 22> kInner = {"<｜tool▁call▁begin｜>",
                                                              "<｜tool▁call▁end｜>",
                                                              "<｜tool▁sep｜>",
                                                              "｜DSML｜",
                                                              "<|tool_call_begin|>",
                                                              "<|tool_call_end|>",
                                                              "<|tool_call_argument_begin|>",
                                                              "[CALL_ID]",
                                                              "[ARGS]",
                                                              "<|\"|>",
                                                              "<escape>",
                                                              "<|tool_call:begin|>",
                                                              "<|tool_call:name|>",
                                                              "<|tool_call:args|>",
                                                              "<|tool_call:end|>",
                                                              "<tool_call:opensource>",
                                                              "</tool_call:opensource>",
                                                              "<tool_sep:opensource>",
                                                              "<arg_key:opensource>",
                                                              "</arg_key:opensource>",
                                                              "<arg_value:opensource>",
                                                              "</arg_value:opensource>"};
  return std::ranges::find(kInner, piece) != kInner.end();
}

}  // namespace linnet
