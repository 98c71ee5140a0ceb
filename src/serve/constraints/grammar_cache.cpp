#include "serve/constraints/grammar_cache.hpp"

#include <openssl/sha.h>

#include <algorithm>

#include "generate/grammar_vocabulary.hpp"

namespace linnet::serve {
namespace {

constexpr int kRetryAfter_s = 2;
// Large schemas of real clients take some thousand states.
constexpr grammar::AutomatonLimits kLimits{.states = 50'000, .edges = 500'000};

// Keys are as long as what clients send.
std::string digest(const std::string& key) {
  std::string bytes(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(),
         reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

}  // namespace

ApiResult<grammar::GrammarSession> GrammarCache::session(const std::string& key,
                                                         const std::string& param,
                                                         const Maker& make) {
  const std::string short_key = digest(key);
  Mask mask = find(short_key);
  if (!mask) {
    if (!make) return invalid_request("", param, std::string(kTakesLong));
    auto made = make_mask(param, make);
    if (!made) return made.error();
    mask = std::move(*made);
    keep(short_key, mask);
  }
  auto session = grammar::GrammarSession::create(std::move(mask));
  if (!session) return invalid_request(param + ": " + session.error().message, param);
  return std::move(*session);
}

// Null if it is not kept.
GrammarCache::Mask GrammarCache::find(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(kept_, digest, &std::pair<std::string, Mask>::first);
  if (known == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, known);
  return known->second;
}

// Without the lock while it compiles.
ApiResult<GrammarCache::Mask> GrammarCache::make_mask(const std::string& param, const Maker& make) {
  if (!has_room()) {
    return overloaded("too many different grammars are in use; try again later", kRetryAfter_s);
  }
  const auto rules = make();
  if (!rules) return rules.error();
  const auto at_fault = [&](const Error& error) {
    return invalid_request(param + ": " + error.message, param);
  };
  auto automaton = grammar::PushdownAutomaton::compile(*rules, kLimits);
  if (!automaton) return at_fault(automaton.error());
  auto words = vocabulary();
  if (!words) return at_fault(words.error());
  auto mask = grammar::TokenMask::create(std::move(*automaton), std::move(*words));
  if (!mask) return at_fault(mask.error());
  return std::move(*mask);
}

Result<std::shared_ptr<const grammar::Vocabulary>> GrammarCache::vocabulary() {
  const std::lock_guard lock(mutex_);
  if (!vocabulary_) {
    auto vocabulary = make_grammar_vocabulary(*model_.tokenizer);
    if (!vocabulary) return vocabulary.error();
    vocabulary_ = std::move(*vocabulary);
  }
  return vocabulary_;
}

bool GrammarCache::has_room() {
  const std::lock_guard lock(mutex_);
  std::erase_if(in_use_, [](const auto& mask) { return mask.expired(); });
  return in_use_.size() < kMostInUse;
}

void GrammarCache::keep(const std::string& digest, const Mask& mask) {
  const std::lock_guard lock(mutex_);
  in_use_.push_back(mask);
  kept_.emplace_front(digest, mask);
  if (kept_.size() > kMostKept) kept_.pop_back();
}

}  // namespace linnet::serve
