#include "chat/output/families.hpp"

#include <fmt/format.h>

#include <array>

#include "chat/output/call_syntax.hpp"

// docs/adding-a-tool-call-family.md says what a row needs.

namespace linnet {
namespace {

constexpr std::string_view kM3 = "]<]minimax[>[";  // in front of each tag of MiniMax M3

// [{"name": NAME, "arguments": {...}}, ...] between two markers.
CallForm json_list(std::string_view begin, std::string_view end) {
  return {.begin = fmt::format("{}[{{\"name\": \"", begin),
          .end = fmt::format("}}]{}", end),
          .middle = "\", \"arguments\": ",
          .between = "}, {\"name\": \""};
}

// call:NAME{key:value,...} between two markers each, texts between two `quote`.
CallForm gemma_form(std::string_view begin, std::string_view end, std::string_view quote) {
  return {.begin = fmt::format("{}call:", begin),
          .end = fmt::format("}}{}", end),
          .middle = "{",
          .between = fmt::format("}}{}{}call:", end, begin),
          .has_json_arguments = false,
          .before_text = fmt::format(":{}", quote),
          .after_text = std::string(quote),
          .before_json = ":",
          .separator = ",",
          .text_end = std::string(quote)};
}

// [name(key=value, ...), ...] between two markers.
CallForm python_form(std::string_view begin, std::string_view end) {
  return {.begin = fmt::format("{}[", begin),
          .end = fmt::format(")]{}", end),
          .middle = "(",
          .between = "), ",
          .has_json_arguments = false,
          .before_text = "=",
          .before_json = "=",
          .separator = ", "};
}

// <invoke name="NAME"><KEY>VALUE</KEY>...</invoke>, with the mark in front of each tag.
CallForm element_form() {
  return {.begin = fmt::format("{0}<tool_call>\n{0}<invoke name=\"", kM3),
          .end = fmt::format("{0}</invoke>\n{0}</tool_call>", kM3),
          .middle = "\">",
          .between = fmt::format("{0}</invoke>\n{0}<invoke name=\"", kM3),
          .has_json_arguments = false,
          .before_key = fmt::format("{}<", kM3),
          .before_text = ">",
          .before_json = ">",
          .after_value = fmt::format("{}</{}>", kM3, kKeyPlace),
          .text_end = std::string(kM3)};
}

std::vector<Family> make_families() {
  return {
      {.name = "harmony",  // https://github.com/openai/harmony
       .signs = {"<|channel|>"},
       .needs = {"<|start|>", "<|message|>"},
       .messages = {{.header_end = "<|message|>",
                     .ends = {"<|end|>", "<|call|>", "<|return|>", "<|start|>"},
                     .recipient = "to=",
                     .channel = "<|channel|>",
                     .tool_prefix = "functions.",
                     .header_words = {"assistant", "commentary", "analysis"},
                     .reasoning = "analysis",
                     .markers = {"<|channel|>", "<|constrain|>"},
                     .written_reasoning = {"<|channel|>analysis<|message|>", "<|end|>"},
                     .behind_reasoning = "<|start|>assistant",
                     .text_header = "<|channel|>final<|message|>",
                     .call_end = "<|call|>"}}},
      {.name = "atem",  // Muse Glimmer
       .signs = {"<atem:function_calls>"},
       .messages = {{.header_end = "<|message|>",
                     .ends = {"<|eom|>", "<|eot|>", "<|start|>"},
                     .recipient = "to=",
                     .header_words = {"assistant"},
                     .reasoning = "self",
                     .calls = &kAtemCalls}}},
      {.name = "functionary-3.2",
       .signs = {">>>all"},
       .messages = {{.header_end = "\n",
                     .ends = {">>>"},
                     .person = "all",
                     .takes_code = true,
                     .text_header = "all\n",
                     .behind_text = ">>>"}}},
      {.name = "deepseek-dsml",
       .signs = {"｜DSML｜"},
       .sections = {{"<｜DSML｜function_calls>", "</｜DSML｜function_calls>", &kInvokeCalls, false,
                     true},
                    {"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", &kInvokeCalls, false, true}}},
      {.name = "deepseek",
       .signs = {"<｜tool▁calls▁begin｜>"},
       .sections = {{"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", &kDeepSeekCalls}}},
      {.name = "kimi",
       .signs = {"<|tool_calls_section_begin|>"},
       // The model may leave the markers of the section out.
       .sections = {{"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", &kKimiCalls,
                     false, true},
                    {"<|tool_call_begin|>", "<|tool_call_end|>", &kKimiCalls, true, true}},
       .noise = {"<|tool_calls_section_end|>"}},
      {.name = "kimi-k3",
       .signs = {"<|open|>"},
       .sections = {{"<|open|>tools<|sep|>", "<|close|>tools<|sep|>", &kXtmlCalls}},
       .noise = {"<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"},
       .reasoning = {"<|open|>think<|sep|>", "<|close|>think<|sep|>"}},
      {.name = "mistral",
       .signs = {"[TOOL_CALLS]"},
       .sections = {{"[TOOL_CALLS]", "", &kMistralCalls}}},
      {.name = "minimax-m3",
       .signs = {kM3},
       .sections = {{"]<]minimax[>[<tool_call>", "]<]minimax[>[</tool_call>", &kElementCalls}},
       .form = element_form()},
      {.name = "minimax-m1",
       .signs = {"<beginning_of_sentence>"},
       .sections = {{"<tool_calls>", "</tool_calls>", &kJsonCalls}}},
      {.name = "minimax",
       .signs = {"<minimax:tool_call>"},
       .sections = {{"<minimax:tool_call>", "</minimax:tool_call>", &kInvokeCalls}}},
      {.name = "seed",
       .signs = {"<seed:tool_call>"},
       .sections = {{"<seed:tool_call>", "</seed:tool_call>", &kFunctionCalls}}},
      {.name = "gemma",
       .signs = {"<|tool_call>"},
       .sections = {{"<|tool_call>", "<tool_call|>", &kGemmaCalls}},
       .noise = {"<|channel>"},  // doubled, or without what it should begin
       .form = gemma_form("<|tool_call>", "<tool_call|>", "<|\"|>")},
      {.name = "function-gemma",
       .signs = {"<start_function_call>"},
       .sections = {{"<start_function_call>", "<end_function_call>", &kGemmaCalls}},
       .form = gemma_form("<start_function_call>", "<end_function_call>", "<escape>")},
      {.name = "lfm",
       .signs = {"<|tool_call_start|>", "<|tool_list_start|>", "List of tools: ["},
       .sections = {{"<|tool_call_start|>", "<|tool_call_end|>", &kPythonCalls}},
       .form = python_form("<|tool_call_start|>", "<|tool_call_end|>")},
      {.name = "apertus",
       .signs = {"<|tools_prefix|>"},
       .sections = {{"<|tools_prefix|>", "<|tools_suffix|>", &kNamedCalls}}},
      {.name = "solar",
       .signs = {"<|tool_call:begin|>"},
       .sections = {{"<|tool_calls|>", "<|calls|>", &kSolarCalls}},
       .noise = {"<|begin|>assistant", "<|content|>"},
       .reasoning = {"<|think|>", "<|end|>"}},
      {.name = "hunyuan",
       .signs = {"<tool_sep{}>"},
       .sections = {{"<tool_calls:opensource>", "</tool_calls:opensource>", &kHunyuanCalls}},
       .reasoning = {"<think:opensource>", "</think:opensource>"}},
      {.name = "nemotron",
       .signs = {"<TOOLCALL>"},
       .sections = {{"<TOOLCALL>", "</TOOLCALL>", &kJsonCalls}}},
      {.name = "command-r",
       .signs = {"<|START_ACTION|>"},
       .sections = {{"<|START_ACTION|>", "<|END_ACTION|>", &kJsonCalls, false, true}},
       .noise = {"<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"}},
      {.name = "command-r-plus",
       .signs = {"followed by a json-formatted list of actions"},
       .sections = {{"Action:\n```json", "```", &kJsonCalls},
                    {"Action: ```json", "```", &kJsonCalls}},
       .form = CallForm{.begin = "Action:\n```json\n[\n    {\n        \"tool_name\": \"",
                        .end = "\n    }\n]```",
                        .middle = "\",\n        \"parameters\": ",
                        .between = "\n    },\n    {\n        \"tool_name\": \""}},
      {.name = "granite-3.3",
       .signs = {"<response></response>"},
       .needs = {"<|tool_call|>"},
       .sections = {{"<|tool_call|>", "<|/tool_call|>", &kJsonCalls}},
       .answer = {"<response>", "</response>"},
       .form = json_list("<|tool_call|>", "")},
      {.name = "granite",
       .signs = {"<|tool_call|>"},
       .sections = {{"<|tool_call|>", "<|/tool_call|>", &kJsonCalls}},
       .form = json_list("<|tool_call|>", "")},
      {.name = "apriel",
       .signs = {"Here are my reasoning steps:"},
       .needs = {"<tool_calls>["},
       .sections = {{"<tool_calls>", "</tool_calls>", &kJsonCalls}},
       .reasoning = {"Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"},
       .form = json_list("<tool_calls>", "</tool_calls>")},
      {.name = "tool-calls-list",
       .signs = {"<tool_calls>["},
       .sections = {{"<tool_calls>", "</tool_calls>", &kJsonCalls}},
       .form = json_list("<tool_calls>", "</tool_calls>")},
      {.name = "gigachat",
       .signs = {"<|function_call|>"},
       .sections = {{"<|function_call|>", "", &kJsonCalls}}},
      {.name = "gigachat-3",
       .signs = {"'function call'", "\"function call\""},
       .needs = {"<|role_sep|>"},
       .sections = {{"function call<|role_sep|>", "<|message_sep|>", &kJsonCalls}},
       .noise = {"<|message_sep|>"}},
      {.name = "minicpm",
       .signs = {"<function name="},
       .sections = {{"<function name=", "</function>", &kMiniCpmCalls, /*is_one_call=*/true}}},
      {.name = "function-in-tags",  // Qwen3-Coder, which may leave the outer tag out
       .signs = {"<function="},
       .needs = {"<tool_call>", "<parameter="},
       .sections = {{"<tool_call>", "</tool_call>", &kTagCalls, false, true},
                    {"<function=", "</function>", &kTagCalls, true, true}},
       .stray_ends = {"</tool_call>"}},
      {.name = "ling-3",
       .signs = {"<role>ASSISTANT</role>"},
       .needs = {"<tool_call>", "<arg_key>"},
       .sections = {{"<tool_call>", "</tool_call>", &kTagCalls, false, true}},
       .noise = {"<|role_end|>"}},
      {.name = "tool-call-tags",  // Hermes, Qwen, GLM and many others
       .signs = {"<tool_call>"},
       .sections = {{"<tool_call>", "</tool_call>", &kTagCalls}}},
      {.name = "functionary-3.1",
       .signs = {"<function="},
       .needs = {"<|python_tag|>"},
       .sections = {{"<function=", "</function>", &kFunctionCalls, /*is_one_call=*/true},
                    {"<|python_tag|>", "", &kLlamaCalls}}},
      {.name = "function-tags",
       .signs = {"<function="},
       .sections = {{"<function=", "</function>", &kFunctionCalls, /*is_one_call=*/true}}},
      {.name = "firefunction",
       .signs = {"functools["},
       .sections = {{"functools[", "]", &kFunctoolsCalls, /*is_one_call=*/true}},
       .takes_functions = true},
      {.name = "llama",
       .signs = {"<|python_tag|>", "ipython"},
       .sections = {{"<|python_tag|>", "", &kLlamaCalls}},
       .has_bare_calls = true},
      // The last one, which takes any template.
      {.name = "generic",
       .has_bare_calls = true,
       .form = CallForm{.begin = "{\"tool_calls\":[{\"name\":\"",
                        .end = "}]}",
                        .middle = "\",\"arguments\":",
                        .between = "},{\"name\":\""}},
  };
}

constexpr std::array<ReasoningMarks, 7> kReasoningMarks = {{
    {"<think>", "</think>"},
    {"<mm:think>", "</mm:think>"},
    {"<|inner_prefix|>", "<|inner_suffix|>"},
    {"[THINK]", "[/THINK]"},
    {"<|START_THINKING|>", "<|END_THINKING|>"},
    {"<seed:think>", "</seed:think>"},
    {"<|channel>thought", "<channel|>"},
}};

}  // namespace

std::span<const Family> families() {
  static const std::vector<Family> kFamilies = make_families();
  return kFamilies;
}

const Family& generic_family() { return families().back(); }

std::span<const ReasoningMarks> reasoning_marks() { return kReasoningMarks; }

}  // namespace linnet
