#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace linnet::test {

inline nlohmann::json text_part(const std::string& text) {
  return {{"type", "text"}, {"text", text}};
}

/// What is sent to /v1/chat/completions for a short answer to a message of `parts`, with its log
/// probabilities: they tell pictures and sounds apart whichever tokens are the likeliest.
inline nlohmann::json chat_of(const std::vector<nlohmann::json>& parts) {
  const nlohmann::json message = {{"role", "user"}, {"content", nlohmann::json(parts)}};
  return {{"messages", nlohmann::json::array({message})},
          {"max_tokens", 8},
          {"temperature", 0},
          {"ignore_eos", true},
          {"logprobs", true}};
}

}  // namespace linnet::test
