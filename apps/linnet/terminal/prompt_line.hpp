#pragma once

#include <algorithm>
#include <cstdint>

#include "linnet/terminal/percent_line.hpp"

namespace linnet::app {

/// How much of a prompt has been read that takes several steps, on a line of a terminal that is
/// gone when the text begins.
class PromptLine {
 public:
  explicit PromptLine(std::int64_t prompt_tokens) : prompt_tokens_(prompt_tokens) {}

  /// So many tokens need not be read.
  void skip(std::int64_t tokens) { done_tokens_ += tokens; }
  /// So many more tokens have been read.
  void add(std::int64_t tokens) {
    done_tokens_ = std::min(done_tokens_ + tokens, prompt_tokens_);
    if (!has_ended_ && done_tokens_ < prompt_tokens_) line_.show(done_tokens_, prompt_tokens_);
  }
  /// To be called before something else is written.
  void end() {
    has_ended_ = true;
    line_.end();
  }

 private:
  const std::int64_t prompt_tokens_;
  std::int64_t done_tokens_ = 0;
  bool has_ended_ = false;
  PercentLine line_{"reading the prompt", PercentLine::End::kPasses};
};

}  // namespace linnet::app
