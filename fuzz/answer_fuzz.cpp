#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "chat/jinja/template.hpp"
#include "chat/output/call_form.hpp"
#include "chat/output/output_parser.hpp"

// Any bytes as an answer, in a format and in pieces that the first two bytes choose, as is whether
// its calls are taken for held ones.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  static constexpr std::array<std::string_view, 14> kSources = {"",
                                                                "<think><tool_call>",
                                                                "[TOOL_CALLS][THINK]",
                                                                "<|start|><|channel|><|message|>",
                                                                "<｜tool▁calls▁begin｜><think>",
                                                                "｜DSML｜",
                                                                "<|tool_calls_section_begin|>",
                                                                "<|tool_call><|channel>thought",
                                                                "<|tool_call_start|>",
                                                                "<minimax:tool_call>",
                                                                "<|python_tag|>",
                                                                "<function=",
                                                                ">>>all",
                                                                "functools["};
  static const auto kTools = jinja::parse_json(
      R"([{"function": {"name": "f", "parameters": {"properties": {"a": {}}}}}])");
  static const std::array<CallForm, 2> kForms = {
      {{.begin = "<tool_call>{\"name\": \"",
        .end = "}</tool_call>",
        .middle = "\", \"arguments\": "},
       {.begin = "[TOOL_CALLS]", .end = "", .middle = "[ARGS]", .between = "[TOOL_CALLS]"}}};
  if (size < 2) return 0;
  const OutputFormat format = detect_output_format(kSources[data[0] % kSources.size()]);
  const std::size_t step = 1 + data[1] % 64;
  const std::string_view answer(reinterpret_cast<const char*>(data) + 2, size - 2);
  auto parser = make_output_parser(
      format, {.tools = *kTools,
               .starts_in_reasoning = data[1] >= 128,
               .id_seed = 1,
               .held_calls = data[1] % 2 == 0 ? nullptr : &kForms[data[1] / 2 % 2]});
  for (std::size_t at = 0; at < answer.size(); at += step) parser->push(answer.substr(at, step));
  parser->finish();
  return 0;
}
