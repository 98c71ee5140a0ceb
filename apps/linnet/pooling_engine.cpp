#include "linnet/pooling_engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/machine.hpp"
#include "base/units.hpp"
#include "linnet/load_engine.hpp"

namespace linnet::app {
namespace {

using Texts = std::span<const std::vector<TokenId>>;

std::int64_t choose_kv_tokens(Texts texts, std::int64_t context) {
  constexpr std::int64_t kSideBySide = 1024;
  std::int64_t all = 0, longest = 1;
  for (const auto& text : texts) {
    all += (std::ssize(text) / kPageTokens + 1) * kPageTokens;
    longest = std::max<std::int64_t>(longest, std::ssize(text));
  }
  return std::max(longest, std::min({all, kSideBySide, context}));
}

// Whether the pooled states of all texts, and what is made of them, can be kept until they are
// printed.
Status check_memory(std::size_t texts, std::int64_t width, std::string_view kind) {
  constexpr std::int64_t kNumberBytes = sizeof(double) + sizeof(float);
  const std::int64_t needed_bytes = static_cast<std::int64_t>(texts) * width * kNumberBytes;
  const std::int64_t free_bytes = available_memory_bytes();
  if (free_bytes == 0 || needed_bytes <= free_bytes / 2) return {};
  return Error{
      fmt::format("{} vectors of {} numbers, one for each {}, take {} MiB of memory, but half of "
                  "what is free are {}; give fewer at a time",
                  texts, width, kind, needed_bytes / kMiB, free_bytes / 2 / kMiB)};
}

}  // namespace

Result<std::unique_ptr<Engine>> load_for_pooling(const ModelFile& file, const ModelOptions& options,
                                                 Texts texts, std::string_view kind) {
  const auto engine_options = options.engine_options(file);
  if (!engine_options) return engine_options.error();
  const auto plan = file.plan(*engine_options);
  if (!plan) return plan.error();
  if (Status s = check_fit(texts, plan->context, kind); !s) return s.error();
  auto engine = load_engine(file, *engine_options, choose_kv_tokens(texts, plan->context));
  if (!engine) return engine;
  if (Status s = check_memory(texts.size(), file.spec().hidden_columns(), kind); !s)
    return s.error();
  return engine;
}

}  // namespace linnet::app
