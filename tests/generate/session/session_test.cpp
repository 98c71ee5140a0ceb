// A session that was saved and loaded again goes on as if it had never ended, for a model of each
// kind of mixer; what does not belong to the engine is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::greedy;
using test::run;
using test::Text;
using testing::HasSubstr;

constexpr std::int64_t kNewTokens = 40;

std::vector<std::int32_t> joined(std::vector<std::int32_t> first,
                                 const std::vector<std::int32_t>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

class SessionTest : public testing::TestWithParam<const char*> {
 protected:
  const test::TinyModel model_{GetParam()};
  const test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "session";
};

TEST_P(SessionTest, GoesOnWithoutComputingAnythingAgain) {
  const auto prompt = model_.prompt(75);
  const auto engine = model_.engine();
  const Text answer = run(*engine, greedy(prompt, kNewTokens));
  const auto tokens = joined(prompt, answer.tokens);
  const auto saved = engine->save_session(path_, tokens, "some notes");
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(*saved, 75 + kNewTokens - 1) << "the last token was drawn, not computed";
  const Text expected = run(*engine, greedy(joined(tokens, {3, 4}), kNewTokens));

  const auto other = model_.engine();
  const auto session = other->load_session(path_);
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ(session->text, "some notes");
  EXPECT_EQ(session->tokens, std::vector(tokens.begin(), tokens.end() - 1));
  EXPECT_EQ(session->cached_tokens, *saved);
  const Text next = run(*other, greedy(joined(tokens, {3, 4}), kNewTokens));
  EXPECT_EQ(next.cached_tokens, *saved);
  EXPECT_EQ(next.tokens, expected.tokens);
  const Text again = run(*other, greedy(prompt, kNewTokens));
  EXPECT_EQ(again.cached_tokens, 74) << "the prompt's own checkpoint was saved, too";
  EXPECT_EQ(again.tokens, answer.tokens);
}

TEST_P(SessionTest, RunAgainInScarceMemoryIsKeptAsAWhole) {
  const auto prompt = model_.prompt(47);
  for (int i = 0; i < 3; ++i) {
    const auto engine = model_.engine(test::TinyModel::options(), 47 + kNewTokens);
    if (i > 0) {
      ASSERT_TRUE(engine->load_session(path_));
    }
    const Text answer = run(*engine, greedy(prompt, kNewTokens));
    EXPECT_EQ(answer.cached_tokens, i == 0 ? 0 : 46);
    const auto tokens = engine->save_session(path_, joined(prompt, answer.tokens));
    ASSERT_TRUE(tokens) << tokens.error().message;
    EXPECT_EQ(*tokens, 47 + kNewTokens - 1) << i;
  }
}

TEST_P(SessionTest, IsRestoredAsFarAsThereIsRoom) {
  const auto prompt = model_.prompt(300);
  const auto engine = model_.engine();
  run(*engine, greedy(prompt, 1));
  ASSERT_TRUE(engine->save_session(path_, prompt));
  const auto small = model_.engine(test::TinyModel::options(), 4 * kPageTokens);
  const auto session = small->load_session(path_);
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_LE(session->cached_tokens, 5 * kPageTokens);
  const Text text = run(*small, greedy(model_.prompt(100), 20));
  EXPECT_EQ(text.tokens, run(*model_.engine(), greedy(model_.prompt(100), 20)).tokens);
}

TEST_P(SessionTest, MayBeEmpty) {
  const auto engine = model_.engine();
  const auto saved = engine->save_session(path_, model_.prompt(75));
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(*saved, 0);
  const auto session = engine->load_session(path_);
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ(session->cached_tokens, 0);
}

INSTANTIATE_TEST_SUITE_P(Mixers, SessionTest, test::kMixerCases, test::test_name<const char*>);

class ForeignSession : public testing::Test {
 protected:
  ForeignSession() {
    const auto engine = model_.engine();
    const auto prompt = model_.prompt(75);
    run(*engine, greedy(prompt, 3));
    EXPECT_TRUE(engine->save_session(path_, prompt));
  }
  std::string refusal(Engine& engine) const {
    const auto session = engine.load_session(path_);
    EXPECT_EQ(run(engine, greedy(model_.prompt(75), 3)).cached_tokens, 0);
    return session ? "" : session.error().message;
  }
  const test::TinyModel model_{"llama-dense"};
  const test::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "session";
};

TEST_F(ForeignSession, OfAnotherModelIsRefused) {
  const test::TinyModel other("qwen2-dense");
  EXPECT_EQ(refusal(*other.engine()), path_.string() + ": the session belongs to another model");
}

TEST_F(ForeignSession, OfAnotherKvTypeIsRefused) {
  EngineOptions options = test::TinyModel::options();
  options.kv_type = KvType::kQ8_0;
  EXPECT_EQ(
      refusal(*model_.engine(options)),
      path_.string() + ": the session has a KV cache of type f16, but this one is of type q8_0");
}

TEST_F(ForeignSession, OfAnotherBackendIsRefused) {
  EngineOptions options = test::TinyModel::options();
  options.backend = BackendKind::kReference;
  EXPECT_THAT(refusal(*model_.engine(options)), HasSubstr("was made by another backend"));
}

TEST_F(ForeignSession, DamagedAnywhereIsRefused) {
  const std::string whole = test::read_file(path_);
  const auto engine = model_.engine();
  for (std::size_t at = 0; at < whole.size(); at += 1 + whole.size() / 500) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    test::write_file(path_, bytes);
    ASSERT_FALSE(engine->load_session(path_)) << at;
    test::write_file(path_, std::string_view(whole).substr(0, at));
    ASSERT_FALSE(engine->load_session(path_)) << at;
  }
  test::write_file(path_, whole);
  EXPECT_TRUE(engine->load_session(path_));
}

TEST_F(ForeignSession, ThatIsNotThereIsNamed) {
  const auto session = model_.engine()->load_session(folder_ / "nothing");
  ASSERT_FALSE(session);
  EXPECT_THAT(session.error().message, HasSubstr("nothing: "));
  const auto saved = model_.engine()->save_session("/nowhere/session", model_.prompt(5));
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("/nowhere/session: cannot be written"));
}

TEST(Session, OfTheReferenceBackendGoesOn) {
  const test::TinyModel model("granitehybrid-dense");
  const test::TemporaryFolder folder;
  EngineOptions options = test::TinyModel::options();
  options.backend = BackendKind::kReference;
  const auto engine = model.engine(options);
  const Text first = run(*engine, greedy(model.prompt(50), 8));
  ASSERT_TRUE(engine->save_session(folder / "session", model.prompt(50)));
  const auto other = model.engine(options);
  ASSERT_TRUE(other->load_session(folder / "session"));
  const Text second = run(*other, greedy(model.prompt(50), 8));
  EXPECT_EQ(second.cached_tokens, 49);
  EXPECT_EQ(second.tokens, first.tokens);
}

}  // namespace
}  // namespace linnet
