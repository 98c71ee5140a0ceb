#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace linnet::serve {

/// Passes a text on as it comes, up to the first place where one of some strings begins. What may
/// be the beginning of such a string is held back until that is known.
class StopMatcher {
 public:
  /// The stop strings are not empty.
  explicit StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /// The text that may be shown now.
  std::string push(std::string_view text);
  /// What was held back; call at the end of a text that no string has stopped.
  std::string finish();
  /// True once a stop string has come; nothing is passed on any more.
  bool stopped() const { return stopped_; }

 private:
  std::size_t held_back() const;

  std::vector<std::string> stops_;
  std::string pending_;
  bool stopped_ = false;
};

}  // namespace linnet::serve
