#pragma once

#include <cstdint>
#include <functional>

namespace linnet {

/// Asks whether a text that is being encoded has been cancelled. Once it has, that stays so.
class CancellationCheck {
 public:
  /// `is_cancelled` may be null: nobody cancels. It must outlive this.
  explicit CancellationCheck(const std::function<bool()>* is_cancelled = nullptr)
      : is_cancelled_(is_cancelled) {}

  /// Asks at once.
  bool now() {
    if (is_cancelled_ && !has_been_cancelled_) has_been_cancelled_ = (*is_cancelled_)();
    return has_been_cancelled_;
  }
  /// Asks every now and then: for each word.
  bool now_and_then() {
    constexpr std::uint32_t kWordsBetweenQuestions = 1024;
    return ++words_ % kWordsBetweenQuestions == 0 ? now() : has_been_cancelled_;
  }

 private:
  const std::function<bool()>* is_cancelled_;
  std::uint32_t words_ = 0;
  bool has_been_cancelled_ = false;
};

}  // namespace linnet
