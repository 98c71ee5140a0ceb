#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "serve/served_model.hpp"

namespace linnet::serve {

/// How much of each adapter of a model a request gets that says nothing: at first what the server
/// was started with. Safe to use from several threads.
class UsualAdapters {
 public:
  explicit UsualAdapters(const ServedModel& model) {
    for (const ServedAdapter& adapter : model.adapters) strengths_.push_back(adapter.strength);
  }
  std::vector<float> strengths() const {
    const std::lock_guard lock(mutex_);
    return strengths_;
  }
  /// One for each adapter.
  void set(std::vector<float> strengths) {
    const std::lock_guard lock(mutex_);
    strengths_ = std::move(strengths);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<float> strengths_;
};

}  // namespace linnet::serve
