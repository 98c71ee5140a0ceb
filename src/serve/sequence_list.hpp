#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serve/api_error.hpp"
#include "serve/engines/generation.hpp"

namespace linnet::serve {

/// The texts that are being generated or wait for it, for the operator. All members may be called
/// from any thread.
class SequenceList {
 public:
  struct Entry {
    std::string id;             ///< of the answer that it belongs to
    std::string model;          ///< its id
    std::size_t choice = 0;     ///< of that answer
    std::string_view endpoint;  ///< of the table of routes
    std::int64_t prompt_tokens = 0, max_tokens = 0;
    std::weak_ptr<const Generation> generation;
  };

  void add(Entry entry);
  /// Without any text: {"object": "list", "data": [{"id": ..., "state": "running", ...}]}
  Json to_json() const;
  /// The sequences of a model that do not wait, the oldest first.
  std::vector<Entry> running(std::string_view model) const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::vector<Entry> entries_;
};

}  // namespace linnet::serve
