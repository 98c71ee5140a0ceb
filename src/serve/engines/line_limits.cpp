#include "serve/engines/line_limits.hpp"

namespace linnet::serve {

std::string LineLimits::push(std::string text, double seconds) {
  if (has_ended_) return {};
  const bool is_late = options_.most_time.count() > 0 &&
                       seconds > std::chrono::duration<double>(options_.most_time).count();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_before_line_ && (c == ' ' || c == '\t')) {
      ++indent_;
      continue;
    }
    const bool is_outside = is_before_line_ && indent_ < options_.least_indent;
    is_before_line_ = c == '\n';
    indent_ = 0;
    has_ended_ = is_outside || (is_late && c == '\n');
    if (has_ended_) return text.substr(0, i);
  }
  return text;
}

}  // namespace linnet::serve
