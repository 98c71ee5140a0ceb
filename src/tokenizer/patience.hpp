#pragma once

#include <cstdint>
#include <functional>

namespace linnet {

/// Asks now and then whether a text is still wanted while it is encoded. Once it is not, that stays
/// so.
class Patience {
 public:
  /// `is_given_up` may be null: nobody gives the text up. It must outlive this.
  explicit Patience(const std::function<bool()>* is_given_up = nullptr)
      : is_given_up_(is_given_up) {}

  /// Asks at once.
  bool ends() {
    if (is_given_up_ && !has_ended_) has_ended_ = (*is_given_up_)();
    return has_ended_;
  }
  /// Asks every now and then: for each word.
  bool ends_at_last() {
    constexpr std::uint32_t kWordsBetweenQuestions = 1024;
    return ++words_ % kWordsBetweenQuestions == 0 ? ends() : has_ended_;
  }

 private:
  const std::function<bool()>* is_given_up_;
  std::uint32_t words_ = 0;
  bool has_ended_ = false;
};

}  // namespace linnet
