#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "chat/output/output_parser.hpp"

namespace linnet {

using Json = nlohmann::ordered_json;

/// The tools that answers call: weather, python and f.
inline const Json& tools() {
  static const Json kTools = Json::parse(R"([
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
      "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}}},
    {"type": "function", "function": {"name": "python", "parameters": {"type": "object",
      "properties": {"code": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "f"}}])");
  return kTools;
}

/// Events as one text: ~thinking, |text, #name{...} of a call, ! of a warning. `last` is the kind
/// of the one before, which may go on.
inline std::string shown(const std::vector<OutputEvent>& events, OutputEvent::Kind& last) {
  std::string text;
  for (const OutputEvent& event : events) {
    const bool goes_on = event.kind == last;
    if (event.kind == OutputEvent::Kind::kReasoning) text += (goes_on ? "" : "~") + event.text;
    if (event.kind == OutputEvent::Kind::kText) text += (goes_on ? "" : "|") + event.text;
    if (event.kind == OutputEvent::Kind::kToolCall) {
      text += "#" + event.call.name + event.call.arguments;
    }
    if (event.kind == OutputEvent::Kind::kWarning) text += "!";
    last = event.kind;
  }
  return text;
}

struct ParseOptions {
  bool starts_in_reasoning = false;
  bool has_tools = true;
};

/// What an answer comes to where it comes in pieces of `step` bytes.
inline std::string parse_in_steps(std::string_view source, std::string_view answer,
                                  std::size_t step, ParseOptions options) {
  auto parser = make_output_parser(detect_output_format(source),
                                   {.tools = options.has_tools ? tools() : Json(),
                                    .starts_in_reasoning = options.starts_in_reasoning,
                                    .id_seed = 1});
  OutputEvent::Kind last = OutputEvent::Kind::kWarning;
  std::string text;
  for (std::size_t at = 0; at < answer.size(); at += step) {
    text += shown(parser->push(answer.substr(at, step)), last);
  }
  return text + shown(parser->finish(), last);
}

/// What an answer comes to; the same however it is cut into pieces.
inline std::string parse(std::string_view source, std::string_view answer,
                         ParseOptions options = {}) {
  const std::string whole = parse_in_steps(source, answer, answer.size() + 1, options);
  for (const std::size_t step : {1, 2, 3, 7}) {
    EXPECT_EQ(parse_in_steps(source, answer, step, options), whole) << "in steps of " << step;
  }
  return whole;
}

/// Of templates.
inline constexpr std::string_view kQwen = "<think></think><tool_call></tool_call>";
inline constexpr std::string_view kHarmony = "<|start|><|channel|><|message|>";

}  // namespace linnet
