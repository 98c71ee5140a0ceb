#include "chat/known_call_forms.hpp"

#include <algorithm>
#include <vector>

#include "chat/output/output_format.hpp"

namespace linnet {
namespace {

struct KnownForm {
  std::string_view family;
  CallForm form;
};

const std::vector<KnownForm>& known_forms() {
  static const std::vector<KnownForm> kKnown = {
      {"gemma",
       {.begin = "<|tool_call>call:",
        .end = "}<tool_call|>",
        .middle = "{",
        .between = "}<tool_call|><|tool_call>call:",
        .has_json_arguments = false,
        .before_text = ":<|\"|>",
        .after_text = "<|\"|>",
        .before_json = ":",
        .separator = ",",
        .text_end = "<|\"|>"}},
      {"function-gemma",
       {.begin = "<start_function_call>call:",
        .end = "}<end_function_call>",
        .middle = "{",
        .between = "}<end_function_call><start_function_call>call:",
        .has_json_arguments = false,
        .before_text = ":<escape>",
        .after_text = "<escape>",
        .before_json = ":",
        .separator = ",",
        .text_end = "<escape>"}},
      {"lfm",
       {.begin = "<|tool_call_start|>[",
        .end = ")]<|tool_call_end|>",
        .middle = "(",
        .between = "), ",
        .has_json_arguments = false,
        .before_text = "=",
        .before_json = "=",
        .separator = ", "}},
      {"granite",
       {.begin = "<|tool_call|>[{\"name\": \"",
        .end = "}]",
        .middle = "\", \"arguments\": ",
        .between = "}, {\"name\": \""}},
      {"tool-calls-list",
       {.begin = "<tool_calls>[{\"name\": \"",
        .end = "}]</tool_calls>",
        .middle = "\", \"arguments\": ",
        .between = "}, {\"name\": \""}},
      {kGenericFamily,
       {.begin = "{\"tool_calls\":[{\"name\":\"",
        .end = "}]}",
        .middle = "\",\"arguments\":",
        .between = "},{\"name\":\""}},
      {"minimax-m3",
       {.begin = "]<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name=\"",
        .end = "]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>",
        .middle = "\">",
        .between = "]<]minimax[>[</invoke>\n]<]minimax[>[<invoke name=\"",
        .has_json_arguments = false,
        .before_key = "]<]minimax[>[<",
        .before_text = ">",
        .before_json = ">",
        .after_value = "]<]minimax[>[</\x02>",
        .text_end = "]<]minimax[>["}},
  };
  return kKnown;
}

}  // namespace

std::optional<CallForm> known_call_form(std::string_view family) {
  const auto known = std::ranges::find(known_forms(), family, &KnownForm::family);
  if (known == known_forms().end()) return std::nullopt;
  return known->form;
}

}  // namespace linnet
