#include "serve/constraints/grammar_cache.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "grammar/gbnf.hpp"
#include "support/paths.hpp"

namespace linnet::serve {
namespace {

class GrammarCacheTest : public testing::Test {
 protected:
  GrammarCacheTest() { model_.tokenizer = file_->tokenizer(); }

  // Makes the grammar of one word, and counts how often.
  GrammarCache::Maker word(const std::string& text) {
    return [this, text]() -> ApiResult<grammar::Grammar> {
      ++made_;
      return std::move(*grammar::parse_gbnf("root ::= \"" + text + "\""));
    };
  }

  std::unique_ptr<ModelFile> file_ = std::move(*ModelFile::open(test::kBundledModel));
  ServedModel model_;
  GrammarCache cache_{model_};
  std::atomic<int> made_{0};
};

TEST_F(GrammarCacheTest, CompilesAGrammarOnce) {
  EXPECT_TRUE(cache_.session("a", "grammar", word("a")));
  EXPECT_TRUE(cache_.session("a", "grammar", word("a")));
  EXPECT_TRUE(cache_.session("a", "grammar", {}));
  EXPECT_EQ(made_, 1);
}

TEST_F(GrammarCacheTest, WithoutAMakerOnlyWhatIsKnownIsGiven) {
  const auto session = cache_.session("a", "grammar", {});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, kTakesLong);
  const auto fails = [] { return ApiResult<grammar::Grammar>(invalid_request("not so")); };
  EXPECT_EQ(cache_.session("a", "grammar", fails).error().message, "not so");
  EXPECT_EQ(cache_.session("a", "grammar", {}).error().code, kTakesLong);
}

TEST_F(GrammarCacheTest, TooManyInUseAreRefused) {
  std::vector<grammar::GrammarSession> sessions;
  for (int i = 0; i < 64; ++i) {
    auto session = cache_.session(std::to_string(i), "grammar", word("a"));
    ASSERT_TRUE(session);
    sessions.push_back(std::move(*session));
  }
  EXPECT_EQ(cache_.session("one more", "grammar", word("a")).error().status, 429);
  EXPECT_TRUE(cache_.session("63", "grammar", {}));  // one of those that are kept
  sessions.clear();
  EXPECT_TRUE(cache_.session("one more", "grammar", word("a")));
}

TEST_F(GrammarCacheTest, ThreadsShareIt) {
  std::atomic<int> given{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) {
        const std::string key(1, static_cast<char>('a' + (i + thread) % 20));  // more than are kept
        if (cache_.session(key, "grammar", word(key))) ++given;
        if (cache_.session(key, "grammar", {})) ++given;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(given, 4 * 50);
}

}  // namespace
}  // namespace linnet::serve
