#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "generate/page_pool.hpp"
#include "generate/sampler.hpp"
#include "model/model.hpp"

namespace linnet {

enum class FinishReason { kStop, kLength, kCancelled };

struct GenerateRequest {
  std::vector<std::int32_t> prompt;  ///< not empty, ids of the vocabulary
  std::int64_t max_tokens = 0;       ///< >= 1; prompt and this fit the context together
  SamplingParams sampling;
  /// Ends the text when one of these is drawn; it is not part of the output.
  std::vector<std::int32_t> stop_tokens;
  /// Called with each token of the output; false cancels the request.
  std::function<bool(std::int32_t token)> on_token;
  /// Called once at the end, from step().
  std::function<void(FinishReason)> on_finish;
};

/// Runs any number of requests side by side: each step is one ragged batch of prompt chunks and
/// single tokens. Belongs to one thread.
class Scheduler {
 public:
  /// The model, its backend and the KV store (of `pages` pages) must outlive the scheduler.
  Scheduler(Model& model, Backend& backend, KvStore& kv, std::int64_t pages);

  /// Queues a request. What the cache already holds of its prompt is not computed again.
  void submit(GenerateRequest request);

  bool idle() const { return sequences_.empty(); }

  /// One forward pass for whoever can go on; then picks tokens and reports what finished. An Error
  /// if nobody could go on because the KV cache is full.
  Status step();

 private:
  struct Sequence {
    GenerateRequest request;
    std::vector<std::int32_t> tokens;  // prompt and output
    std::vector<std::int32_t> pages;
    std::uint64_t prefix_hash = PagePool::kEmptyPrefix;  // of the full pages
    std::int64_t computed = 0;                           // tokens whose keys and values are stored
    std::int64_t drawn = 0;
  };
  struct Rows;

  bool reserve_pages(Sequence& sequence, std::int64_t tokens);
  Rows collect();
  void advance(Sequence& sequence, std::int64_t rows);
  void finish(std::list<Sequence>::iterator sequence, FinishReason reason);

  Model& model_;
  Backend& backend_;
  KvStore& kv_;
  PagePool pool_;
  std::list<Sequence> sequences_;
  std::vector<float> logits_;
};

}  // namespace linnet
