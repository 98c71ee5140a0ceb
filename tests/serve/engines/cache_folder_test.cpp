#include "serve/engines/cache_folder.hpp"

#include <gtest/gtest.h>

#include "serve/serving.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using serve::CacheFolder;
using test::greedy;
using test::run;

class CacheFolderTest : public testing::Test {
 protected:
  // Generates behind a prompt, and lets the folder know.
  void generate(Engine& engine, CacheFolder& kept, std::vector<TokenId> prompt) {
    const auto text = run(engine, greedy(prompt, 10));
    prompt.insert(prompt.end(), text.tokens.begin(), text.tokens.end());
    kept.remember(prompt);
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      count += entry.is_regular_file();
    }
    return count;
  }

  const test::TinyModel model_{"llama-dense"};
  const test::TemporaryFolder folder_;
};

TEST_F(CacheFolderTest, AnotherRunGoesOnFromIt) {
  const auto first = model_.engine();
  CacheFolder kept(folder_.path(), *first);
  EXPECT_EQ(kept.restore(), 0);
  generate(*first, kept, model_.prompt(100));
  EXPECT_TRUE(kept.save_one());
  EXPECT_FALSE(kept.save_one());

  const auto second = model_.engine();
  CacheFolder found(folder_.path(), *second);
  EXPECT_GE(found.restore(), 96);
  const auto text = run(*second, greedy(model_.prompt(100), 10));
  EXPECT_GE(text.cached_tokens, 96);
  EXPECT_EQ(text.tokens, run(*model_.engine(), greedy(model_.prompt(100), 10)).tokens);
}

TEST_F(CacheFolderTest, ATextThatGoesOnTakesThePlaceOfItsBeginning) {
  const auto engine = model_.engine();
  CacheFolder kept(folder_.path(), *engine);
  for (const int length : {40, 80, 120}) {
    generate(*engine, kept, model_.prompt(length));
    while (kept.save_one()) continue;
  }
  // Their outputs differ from what the longer prompts go on with, so none is another's beginning.
  EXPECT_EQ(files(), 3u);
  auto prompt = model_.prompt(40);
  for (int i = 0; i < 3; ++i) {
    kept.remember(prompt);
    prompt.push_back(1);
    while (kept.save_one()) continue;
  }
  EXPECT_EQ(files(), 4u);
}

TEST_F(CacheFolderTest, KeepsTheLatestTexts) {
  const auto engine = model_.engine();
  CacheFolder kept(folder_.path(), *engine);
  for (int i = 0; i < static_cast<int>(CacheFolder::kMostTexts) + 5; ++i) {
    generate(*engine, kept, model_.prompt(33, i));
    while (kept.save_one()) continue;
  }
  EXPECT_EQ(files(), CacheFolder::kMostTexts);
  const auto other = model_.engine();
  CacheFolder found(folder_.path(), *other);
  found.restore();
  EXPECT_GE(run(*other, greedy(model_.prompt(33, CacheFolder::kMostTexts + 4), 1)).cached_tokens,
            32);
}

TEST_F(CacheFolderTest, DamagedFilesArePassedOver) {
  const auto engine = model_.engine();
  CacheFolder kept(folder_.path(), *engine);
  generate(*engine, kept, model_.prompt(64));
  while (kept.save_one()) continue;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (entry.is_regular_file()) test::write_file(entry.path(), "not a session");
  }
  const auto other = model_.engine();
  EXPECT_EQ(CacheFolder(folder_.path(), *other).restore(), 0);
}

TEST_F(CacheFolderTest, IsMadeAndTried) {
  EXPECT_TRUE(CacheFolder::prepare(folder_ / "a/b"));
  EXPECT_TRUE(CacheFolder::prepare(folder_ / "a/b"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "a/b"));
  const Status no_folder = CacheFolder::prepare("/dev/null/x");
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().message,
            "/dev/null/x: the cache folder cannot be made: Not a directory");
  const Status no_file = CacheFolder::prepare("/proc");
  ASSERT_FALSE(no_file);
  EXPECT_TRUE(no_file.error().message.starts_with("/proc/trial: cannot be written: "));
}

TEST_F(CacheFolderTest, AFolderThatCannotBeWrittenAnyMoreStopsNothing) {
  const auto engine = model_.engine();
  CacheFolder kept("/proc/nowhere", *engine);
  EXPECT_EQ(kept.restore(), 0);
  generate(*engine, kept, model_.prompt(64));
  EXPECT_TRUE(kept.save_one());
  EXPECT_FALSE(kept.save_one());
  EXPECT_EQ(kept.unsaved(), 1);
}

TEST_F(CacheFolderTest, AServerGoesOnAfterARestart) {
  const nlohmann::json body = {
      {"prompt",
       "And it came to pass in those days, that there went out a decree from the king, "
       "and all the people went up to be numbered, every one into his own city."},
      {"max_tokens", 8},
      {"temperature", 0}};
  serve::ServerOptions options;
  options.engine.cache_folder = folder_.path();
  nlohmann::json before;
  {
    const test::Serving serving(options);
    before = serving.post("/v1/completions", body).json();
    EXPECT_EQ(before["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
  }
  const test::Serving serving(options);
  EXPECT_GT(serving.metric("linnet_restored_tokens"), 30);
  const nlohmann::json after = serving.post("/v1/completions", body).json();
  EXPECT_GT(after["usage"]["prompt_tokens_details"]["cached_tokens"], 30);
  EXPECT_EQ(after["choices"][0]["text"], before["choices"][0]["text"]);
}

}  // namespace
}  // namespace linnet
