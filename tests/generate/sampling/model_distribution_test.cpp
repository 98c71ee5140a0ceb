// Texts of real models under every sampler, under a grammar and under a schema: the first token of
// many answers against the exact distribution, which follows from the model's logits by the
// sampler's definition.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>

#include "generate/engine.hpp"
#include "generate/grammar_vocabulary.hpp"
#include "generate/sampling/distributions.hpp"
#include "grammar/gbnf.hpp"
#include "grammar/schema/json_schema.hpp"
#include "support/paths.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::filtered;
using test::kBanned;
using test::ranked;
using test::softmax;
using Logits = std::vector<float>;
using Probabilities = std::vector<double>;

constexpr int kDraws = 1000;

struct Case {
  const char* name;
  std::function<void(SamplingParams& params)> set;
  std::function<Probabilities(const Logits& logits, const std::vector<TokenId>& prompt)> expected;
};

// The likeliest `order` until `enough(sum of their probabilities)`.
std::set<int> taken_until(const std::vector<int>& order, const Probabilities& p, double wanted) {
  std::set<int> kept;
  double sum = 0.0;
  for (const int id : order) {
    if (sum >= wanted) break;
    kept.insert(id);
    sum += p[id];
  }
  return kept;
}

std::set<int> all_with(const Probabilities& p, const std::function<bool(int id)>& condition) {
  std::set<int> kept;
  for (int id = 0; id < static_cast<int>(p.size()); ++id) {
    if (condition(id)) kept.insert(id);
  }
  return kept;
}

double entropy_of(const Probabilities& p) {
  double entropy = 0.0;
  for (const double probability : p) {
    if (probability > 0.0) entropy -= probability * std::log(probability);
  }
  return entropy;
}

Probabilities typical(const Logits& logits, double p) {
  const auto probabilities = softmax(logits);
  const double entropy = entropy_of(probabilities);
  std::vector<int> order = ranked(probabilities);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return std::abs(std::log(probabilities[a]) + entropy) <
           std::abs(std::log(probabilities[b]) + entropy);
  });
  return filtered(logits, taken_until(order, probabilities, p));
}

Probabilities top_n_sigma(const Logits& logits, double n) {
  double mean = 0.0, squares = 0.0;
  for (const float logit : logits) mean += logit / static_cast<double>(logits.size());
  for (const float logit : logits) squares += (logit - mean) * (logit - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(logits.size()));
  const double limit = *std::max_element(logits.begin(), logits.end()) - n * deviation;
  return filtered(logits, all_with(softmax(logits), [&](int id) { return logits[id] >= limit; }));
}

Probabilities without_top_choices(const Logits& logits, double threshold) {
  const auto p = softmax(logits);
  const auto order = ranked(p);
  const auto above = std::count_if(p.begin(), p.end(), [&](double x) { return x >= threshold; });
  std::set<int> kept(order.begin(), order.end());
  for (int i = 0; i + 1 < above; ++i) kept.erase(order[i]);
  return filtered(logits, kept);
}

// The first step of algorithm 1 of https://arxiv.org/abs/2007.14966.
Probabilities mirostat(const Logits& logits, double tau) {
  const auto p = softmax(logits);
  const auto order = ranked(p);
  double products = 0.0, squares = 0.0;
  for (int i = 0; i < 99; ++i) {
    const double t = std::log((i + 2.0) / (i + 1.0));
    products += t * std::log(p[order[i]] / p[order[i + 1]]);
    squares += t * t;
  }
  const double s = products / squares;
  const double k = std::pow(
      (s - 1.0) * std::exp2(2.0 * tau) / (1.0 - std::pow(static_cast<double>(p.size()), 1.0 - s)),
      1.0 / s);
  const auto kept = std::clamp(static_cast<std::size_t>(k), std::size_t{1}, p.size());
  return filtered(logits, {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept)});
}

// By token, the length of the longest end of `tokens` that stood before it earlier.
std::map<TokenId, int> repetitions(const std::vector<TokenId>& tokens) {
  std::map<TokenId, int> longest;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    int length = 0;
    for (auto a = i + 1, b = tokens.size(); a > 0 && tokens[a - 1] == tokens[b - 1]; --a, --b) {
      ++length;
    }
    if (length > 0) longest[tokens[i + 1]] = std::max(longest[tokens[i + 1]], length);
  }
  return longest;
}

std::vector<Case> all_cases() {
  return {
      {"temperature", [](auto& p) { p.temperature = 0.7f; },
       [](const auto& x, const auto&) { return softmax(x, 0.7); }},
      {"dynamic temperature", [](auto& p) { p.dynamic_range = 0.5f; },
       [](const auto& x, const auto&) {
         return softmax(x, 0.5 + entropy_of(softmax(x)) / std::log(static_cast<double>(x.size())));
       }},
      {"top-k", [](auto& p) { p.top_k = 7; },
       [](const auto& x, const auto&) {
         const auto order = ranked(softmax(x));
         return filtered(x, {order.begin(), order.begin() + 7});
       }},
      {"top-p", [](auto& p) { p.top_p = 0.6f; },
       [](const auto& x, const auto&) {
         const auto p = softmax(x);
         return filtered(x, taken_until(ranked(p), p, 0.6f));
       }},
      {"min-p", [](auto& p) { p.min_p = 0.1f; },
       [](const auto& x, const auto&) {
         const auto p = softmax(x);
         const double best = *std::max_element(p.begin(), p.end());
         return filtered(x, all_with(p, [&](int id) { return p[id] >= 0.1f * best; }));
       }},
      {"typical", [](auto& p) { p.typical_p = 0.5f; },
       [](const auto& x, const auto&) { return typical(x, 0.5); }},
      {"top-n-sigma", [](auto& p) { p.top_n_sigma = 2.0f; },
       [](const auto& x, const auto&) { return top_n_sigma(x, 2.0); }},
      {"XTC", [](auto& p) { p.xtc_probability = 1.0f, p.xtc_threshold = 0.05f; },
       [](const auto& x, const auto&) { return without_top_choices(x, 0.05f); }},
      {"mirostat 1", [](auto& p) { p.mirostat = 1, p.mirostat_tau = 3.0f; },
       [](const auto& x, const auto&) { return mirostat(x, 3.0); }},
      {"mirostat 2", [](auto& p) { p.mirostat = 2, p.mirostat_tau = 2.0f; },
       [](const auto& x, const auto&) {
         const auto p = softmax(x);
         return filtered(x, all_with(p, [&](int id) { return -std::log2(p[id]) <= 4.0; }));
       }},
      {"penalties",
       [](auto& p) { p.repeat_penalty = 1.5f, p.frequency_penalty = 0.5f, p.presence_penalty = 1; },
       [](auto x, const auto& prompt) {
         for (const TokenId id : std::set<TokenId>(prompt.begin(), prompt.end())) {
           const auto times = std::count(prompt.begin(), prompt.end(), id);
           x[id] = (x[id] > 0 ? x[id] / 1.5f : x[id] * 1.5f) - 0.5f * static_cast<float>(times) - 1;
         }
         return softmax(x);
       }},
      {"DRY", [](auto& p) { p.dry_multiplier = 2.0f, p.dry_allowed_length = 1; },
       [](auto x, const auto& prompt) {
         for (const auto& [next, length] : repetitions(prompt)) {
           x[next] -= 2.0f * std::pow(1.75f, static_cast<float>(length - 1));
         }
         return softmax(x);
       }},
      {"bias and bans",
       [](auto& p) {
         p.logit_bias = {{300, 5.0f}};
         p.banned_tokens = {301, 302};
       },
       [](auto x, const auto&) {
         x[300] += 5.0f;
         x[301] = x[302] = kBanned;
         return softmax(x);
       }},
  };
}

class ModelDistribution : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::filesystem::path path = test::in_repository(GetParam());
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
    auto file = ModelFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    file_ = std::move(*file);
    engine_ = load(/*threads=*/1);
    // A page of the cache, which all answers share, and a token that stood before another one.
    auto words = tokenizer().encode("one day one bird and one more", {.add_special = true});
    ASSERT_TRUE(words);
    prompt_ = std::move(*words);
    while (prompt_.size() <= kPageTokens) prompt_.push_back(prompt_[prompt_.size() - 6]);
    auto logits = test::all_logits(*engine_, prompt_);
    ASSERT_TRUE(logits);
    logits_.assign(logits->end() - tokenizer().vocabulary_size(), logits->end());
  }

  std::unique_ptr<Engine> load(int threads) const {
    EngineOptions options;
    options.threads = threads;
    auto engine = Engine::load(*file_, options, 2048);
    EXPECT_TRUE(engine) << engine.error().message;
    return engine ? std::move(*engine) : nullptr;
  }
  const Tokenizer& tokenizer() const { return *file_->tokenizer(); }

  // How often each token begins an answer, over many seeds.
  std::vector<int> first_tokens(const SamplingParams& params) {
    std::vector<int> counts(logits_.size());
    for (int seed = 0; seed < kDraws; ++seed) {
      GenerateRequest request;
      request.prompt = prompt_;
      request.max_tokens = 1;
      request.sampling = params;
      request.sampling.seed = static_cast<std::uint64_t>(seed);
      request.on_token = [&](TokenId token) { return ++counts[token], true; };
      EXPECT_TRUE(engine_->submit(std::move(request)));
    }
    while (!engine_->idle()) EXPECT_TRUE(engine_->step());
    return counts;
  }

  // Under rules, all tokens but those whose bytes `may_begin` allows are impossible.
  void expect_constrained(Result<grammar::Grammar> rules,
                          const std::function<bool(std::string_view bytes)>& may_begin) {
    ASSERT_TRUE(rules) << rules.error().message;
    auto automaton = grammar::PushdownAutomaton::compile(*rules);
    auto vocabulary = make_grammar_vocabulary(tokenizer());
    ASSERT_TRUE(automaton && vocabulary);
    auto mask = grammar::TokenMask::create(*automaton, *vocabulary);
    ASSERT_TRUE(mask) << mask.error().message;
    auto session = grammar::GrammarSession::create(*mask);
    ASSERT_TRUE(session);
    SamplingParams params;
    params.temperature = 1.0f;
    params.grammar = std::move(*session);
    const auto p = softmax(logits_);
    const auto allowed = all_with(p, [&](int id) {
      const std::string bytes = tokenizer().token_bytes(id, false);
      return !bytes.empty() && !tokenizer().is_end_of_generation(id) && may_begin(bytes);
    });
    ASSERT_GT(allowed.size(), 1u);
    test::expect_counts(first_tokens(params), filtered(logits_, allowed));
  }

  std::unique_ptr<ModelFile> file_;
  std::unique_ptr<Engine> engine_;
  std::vector<TokenId> prompt_;
  Logits logits_;
};

TEST_P(ModelDistribution, EverySampler) {
  for (const Case& one : all_cases()) {
    SCOPED_TRACE(one.name);
    SamplingParams params;
    params.temperature = 1.0f;
    one.set(params);
    test::expect_counts(first_tokens(params), one.expected(logits_, prompt_));
  }
}

TEST_P(ModelDistribution, AGrammar) {
  expect_constrained(grammar::parse_gbnf("root ::= [a-z ]+ \".\"", {}), [](std::string_view bytes) {
    if (bytes.size() > 1 && bytes.ends_with('.')) bytes.remove_suffix(1);
    return std::ranges::all_of(bytes, [](char c) { return (c >= 'a' && c <= 'z') || c == ' '; });
  });
}

TEST_P(ModelDistribution, ASchema) {
  const auto schema = grammar::parse_schema_json(R"({"enum": ["the man", "the bird", 17]})");
  ASSERT_TRUE(schema);
  auto compiled = grammar::compile_json_schema(*schema);
  ASSERT_TRUE(compiled);
  expect_constrained(std::move(compiled->grammar), [](std::string_view bytes) {
    const auto begins = [&](std::string_view text) { return text.starts_with(bytes); };
    return begins("\"the man\"") || begins("\"the bird\"") || begins("17");
  });
}

// The text of a seed, alone or beside others, on one thread or two.
TEST_P(ModelDistribution, TheTextOfASeedDoesNotDependOnItsCompany) {
  const auto text_of = [&](Engine& engine, int company) {
    std::vector<TokenId> text;
    for (int i = 0; i <= company; ++i) {
      GenerateRequest request;
      request.prompt = prompt_;
      if (i > 0) request.prompt.push_back(static_cast<TokenId>(300 + i));
      request.max_tokens = 40;
      request.sampling.temperature = 1.0f;
      request.sampling.top_p = 0.95f;
      request.sampling.seed = static_cast<std::uint64_t>(i);
      request.on_token = [&text, i](TokenId token) {
        if (i == 0) text.push_back(token);
        return true;
      };
      EXPECT_TRUE(engine.submit(std::move(request)));
    }
    while (!engine.idle()) EXPECT_TRUE(engine.step());
    return text;
  };
  const auto alone = text_of(*engine_, 0);
  EXPECT_EQ(alone.size(), 40u);
  EXPECT_EQ(text_of(*engine_, 5), alone);
  EXPECT_EQ(text_of(*load(/*threads=*/2), 2), alone);
}

INSTANTIATE_TEST_SUITE_P(Models, ModelDistribution,
                         testing::Values("models/linnet-kjv.gguf",
                                         "../shared/oracle/models/stories260K-f32.gguf",
                                         "../shared/oracle/models/TinyStories-656K-f32.gguf"),
                         [](const auto& info) {
                           std::string name = std::filesystem::path(info.param).stem().string();
                           std::ranges::replace_if(
                               name, [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

}  // namespace
}  // namespace linnet
