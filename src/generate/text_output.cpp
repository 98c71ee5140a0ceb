#include "generate/text_output.hpp"

#include <algorithm>
#include <utility>

namespace linnet {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  std::erase(strings_, "");
  for (const std::string& string : strings_) longest_ = std::max(longest_, string.size());
}

std::string StopStrings::push(std::string_view text) {
  if (stopped_) return {};
  held_ += text;
  std::size_t first = std::string::npos;
  for (const std::string& string : strings_) {
    const std::size_t found = held_.find(string);
    if (found >= first) continue;
    first = found;
    stopped_by_ = string;
  }
  if (first != std::string::npos) {
    stopped_ = true;
    held_.resize(first);
    return std::exchange(held_, {});
  }
  std::string shown = held_.substr(0, held_.size() - held_length());
  held_.erase(0, shown.size());
  return shown;
}

// Of the longest end of the text that begins a stop string.
std::size_t StopStrings::held_length() const {
  if (longest_ == 0) return 0;
  for (std::size_t length = std::min(held_.size(), longest_ - 1); length > 0; --length) {
    const auto end = std::string_view(held_).substr(held_.size() - length);
    for (const std::string& string : strings_) {
      if (string.starts_with(end)) return length;
    }
  }
  return 0;
}

std::string StopStrings::finish() { return std::exchange(held_, {}); }

std::string TextOutput::push(TokenId token) {
  std::string text = detokenizer_.push(token);
  if (tokens_++ < min_tokens_) return text;
  return stop_strings_.push(text);
}

std::string TextOutput::finish() {
  if (stopped()) return {};
  std::string text = stop_strings_.push(detokenizer_.finish());
  if (!stopped()) text += stop_strings_.finish();
  return text;
}

}  // namespace linnet
