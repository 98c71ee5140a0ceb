// Any bytes as an answer: of a family that the first byte chooses, with the thinking, the options
// and in the pieces that the next two choose, as is whether its calls are taken for held ones.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "chat/jinja/template.hpp"
#include "chat/output/call_form.hpp"
#include "chat/output/output_format.hpp"
#include "chat/output/output_parser.hpp"

namespace linnet {
namespace {

OutputFormat format_of(const Family& family, std::uint8_t choice) {
  const bool has_own = family.messages || !family.reasoning.begin.empty();
  const std::size_t marks = choice % (reasoning_marks().size() + 1);
  OutputFormat format{&family, family.reasoning, family.has_bare_calls || choice >= 128};
  if (!has_own && marks > 0) format.reasoning = reasoning_marks()[marks - 1];
  return format;
}

// Null: the calls are not held.
const CallForm* held_form(const Family& family, std::uint8_t choice) {
  static const std::array<CallForm, 2> kForms = {
      {{.begin = "<tool_call>{\"name\": \"",
        .end = "}</tool_call>",
        .middle = "\", \"arguments\": "},
       {.begin = "[TOOL_CALLS]", .end = "", .middle = "[ARGS]", .between = "[TOOL_CALLS]"}}};
  if (choice % 4 < kForms.size()) return &kForms[choice % 4];
  return choice % 4 == 2 && family.form ? &*family.form : nullptr;
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  static const auto kTools = jinja::parse_json(
      R"([{"function": {"name": "f", "parameters": {"properties": {"a": {}}}}}])");
  constexpr std::size_t kChoices = 3;
  if (size < kChoices) return 0;
  const Family& family = families()[data[0] % families().size()];
  const std::size_t step = 1 + data[2] % 64;
  const std::string_view answer(reinterpret_cast<const char*>(data) + kChoices, size - kChoices);
  auto parser = make_output_parser(format_of(family, data[1]),
                                   {.tools = *kTools,
                                    .starts_in_reasoning = (data[2] & 128) != 0,
                                    .thinking_is_text = (data[1] & 64) != 0,
                                    .id_seed = 1,
                                    .ends_with_call = (data[2] & 64) != 0,
                                    .held_calls = held_form(family, data[1] / 16)});
  for (std::size_t at = 0; at < answer.size(); at += step) parser->push(answer.substr(at, step));
  parser->finish();
  return 0;
}
