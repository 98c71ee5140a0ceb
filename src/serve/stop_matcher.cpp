#include "serve/stop_matcher.hpp"

#include <algorithm>
#include <utility>

namespace linnet::serve {

std::string StopMatcher::push(std::string_view text) {
  if (stopped_) return {};
  pending_ += text;
  std::size_t end = std::string::npos;
  for (const std::string& stop : stops_) end = std::min(end, pending_.find(stop));
  if (end != std::string::npos) {
    stopped_ = true;
    pending_.resize(end);
    return std::exchange(pending_, {});
  }
  const std::size_t shown = pending_.size() - held_back();
  std::string out = pending_.substr(0, shown);
  pending_.erase(0, shown);
  return out;
}

// The longest end of the pending text with which a stop string begins.
std::size_t StopMatcher::held_back() const {
  std::size_t longest = 0;
  for (const std::string& stop : stops_) {
    for (std::size_t n = std::min(stop.size() - 1, pending_.size()); n > longest; --n) {
      if (pending_.ends_with(std::string_view(stop).substr(0, n))) longest = n;
    }
  }
  return longest;
}

std::string StopMatcher::finish() { return std::exchange(pending_, {}); }

}  // namespace linnet::serve
