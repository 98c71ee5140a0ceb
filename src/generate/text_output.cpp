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

// Bytes of the longest end of the text that begins a stop string.
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

TextOutput::TextOutput(const Tokenizer& tokenizer, Options options)
    : tokenizer_(tokenizer),
      detokenizer_(tokenizer, /*at_start=*/false),
      stop_strings_(std::move(options.stops)),
      min_tokens_(options.min_tokens),
      shown_tokens_(std::move(options.shown_tokens)) {}

std::string TextOutput::push(TokenId token) {
  ++tokens_;
  const bool is_shown = std::ranges::binary_search(shown_tokens_, token);
  added_ = is_shown ? detokenizer_.finish() + std::string(tokenizer_.piece(token))
                    : detokenizer_.push(token);
  return show_added();
}

std::string TextOutput::finish() {
  added_.clear();
  if (stopped()) return {};
  added_ = detokenizer_.finish();
  std::string text = show_added();  // before finish(), whose text comes after it
  text += stop_strings_.finish();
  return text;
}

std::string TextOutput::show_added() {
  return tokens_ > min_tokens_ ? stop_strings_.push(added_) : added_;
}

}  // namespace linnet
