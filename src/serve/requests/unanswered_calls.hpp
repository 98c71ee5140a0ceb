#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace linnet::serve {

/// Calls of tools in a conversation that have no result so far. A request may have half a million
/// of them, and thousands of results that are each looked for.
class UnansweredCalls {
 public:
  struct Call {
    std::string id, name;
  };

  void add(Call call) {
    places_.emplace(call.id, next_);
    calls_.emplace(next_++, std::move(call));
  }

  /// Takes the oldest one, or with `id` the oldest one of that id; nothing if there is none.
  std::optional<Call> take(const std::optional<std::string>& id) {
    if (calls_.empty()) return std::nullopt;
    const auto place = places_.lower_bound(id ? *id : calls_.begin()->second.id);
    if (place == places_.end() || (id && place->first != *id)) return std::nullopt;
    auto taken = calls_.extract(place->second);
    places_.erase(place);
    return std::move(taken.mapped());
  }

 private:
  std::map<std::size_t, Call> calls_;               // the oldest first
  std::multimap<std::string, std::size_t> places_;  // of each id, of equal ones the oldest first
  std::size_t next_ = 0;
};

}  // namespace linnet::serve
