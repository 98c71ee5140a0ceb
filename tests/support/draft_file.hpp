#pragma once

#include <gtest/gtest.h>

#include <string>

#include "support/tiny_engine.hpp"

namespace linnet::test {

/// The file of a model that guesses beside another one.
class DraftFile {
 public:
  explicit DraftFile(const OracleCase& draft) {
    const Status written = draft.write(path());
    EXPECT_TRUE(written) << written.error().message;
  }

  std::string path() const { return folder_ / "draft.gguf"; }

  /// Those of a tiny engine that guesses with it.
  EngineOptions options() const {
    EngineOptions options = TinyModel::options();
    options.speculate = true;
    options.draft_model = path();
    return options;
  }

  /// What an engine of `target` says of it; empty: nothing.
  std::string problem(const OracleCase& target) const {
    const TinyModel model(target);
    const auto engine = Engine::load(model.file(), options(), 512);
    return engine ? "" : engine.error().message;
  }

 private:
  TemporaryFolder folder_;
};

/// With guesses, texts are what they are without, whether tokens are the likeliest or drawn.
inline void expect_same_texts(const TinyModel& model, const EngineOptions& guessing) {
  EngineOptions without = guessing;
  without.speculate = false;
  without.draft_model.clear();
  const auto plain = model.engine(without);
  const auto engine = model.engine(guessing);
  for (int salt = 0; salt < 3; ++salt) {
    const GenerateRequest request = greedy(model.prompt(50, salt), 40);
    GenerateRequest drawn = greedy(model.prompt(1 + salt, salt), 40);
    drawn.sampling.temperature = 0.3f;
    drawn.sampling.seed = 7;
    EXPECT_EQ(run(*engine, request).tokens, run(*plain, request).tokens) << salt;
    EXPECT_EQ(run(*engine, drawn).tokens, run(*plain, drawn).tokens) << salt;
  }
  EXPECT_GT(engine->scheduler().speculation().guessed, 0);
}

}  // namespace linnet::test
