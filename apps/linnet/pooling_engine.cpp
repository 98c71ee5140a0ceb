#include "linnet/pooling_engine.hpp"

#include <algorithm>

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

}  // namespace

Result<std::unique_ptr<Engine>> load_for_pooling(const ModelFile& file, const ModelOptions& options,
                                                 Texts texts, std::string_view kind) {
  const EngineOptions engine_options = options.engine_options(file);
  const auto plan = file.plan(engine_options);
  if (!plan) return plan.error();
  if (Status s = check_fit(texts, plan->context, kind); !s) return s.error();
  return Engine::load(file, engine_options, choose_kv_tokens(texts, plan->context));
}

}  // namespace linnet::app
