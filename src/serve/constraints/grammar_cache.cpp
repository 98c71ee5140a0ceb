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
  const auto known = std::ranges::find(kept_, short_key, &std::pair<std::string, Mask>::first);
  if (known != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, known);
  } else {
    if (!has_room()) {
      return overloaded("too many different grammars are in use; try again later", kRetryAfter_s);
    }
    const auto rules = make();
    if (!rules) return rules.error();
    auto mask = compile(*rules);
    if (!mask) return invalid_request(param + ": " + mask.error().message, param);
    in_use_.push_back(*mask);
    kept_.emplace_front(short_key, std::move(*mask));
    if (kept_.size() > kMostKept) kept_.pop_back();
  }
  auto session = grammar::GrammarSession::create(kept_.front().second);
  if (!session) return invalid_request(param + ": " + session.error().message, param);
  return std::move(*session);
}

bool GrammarCache::has_room() {
  std::erase_if(in_use_, [](const auto& mask) { return mask.expired(); });
  return in_use_.size() < kMostInUse;
}

Result<GrammarCache::Mask> GrammarCache::compile(const grammar::Grammar& rules) {
  const auto automaton = grammar::PushdownAutomaton::compile(rules, kLimits);
  if (!automaton) return automaton.error();
  if (!vocabulary_) {
    auto vocabulary = make_grammar_vocabulary(*model_.tokenizer);
    if (!vocabulary) return vocabulary.error();
    vocabulary_ = std::move(*vocabulary);
  }
  return grammar::TokenMask::create(*automaton, vocabulary_);
}

}  // namespace linnet::serve
