#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "generate/sampling/params.hpp"

namespace linnet::app {

/// What happens when a conversation has grown too long for the context.
enum class Overflow { kError, kDropOldest };

struct ChatSettings {
  SamplingParams sampling;
  std::vector<std::string> stop;
  std::int64_t min_tokens = 0;
  std::int64_t context = 0;     ///< most tokens of the conversation
  std::int64_t max_tokens = 0;  ///< 0: as many as the context holds
  Overflow overflow = Overflow::kError;
  std::optional<bool> thinking;       ///< nothing: as the template has it
  std::int64_t thinking_tokens = -1;  ///< most of them; -1: as many as the model likes
  bool is_terminal = false;           ///< standard output is one
  bool has_styles = false;            ///< and shows dim text
};

}  // namespace linnet::app
