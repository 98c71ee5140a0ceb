// What `linnet generate` and `linnet chat` keep in files, several answers, and speculation, as a
// user sees them, on the bundled model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "generate/engine.hpp"
#include "support/bundled_model.hpp"

namespace linnet {
namespace {

using test::Arguments;
using test::chat_bundled;
using test::Ended;
using test::generate_bundled;
using test::joined;
using test::json_of;
using test::kBundledModel;
using test::run_program;
using testing::ContainsRegex;
using testing::HasSubstr;

constexpr const char* kPrompt =
    "And God said, Let there be light: and there was light. And God saw the light, that it was "
    "good: and God said, Let there be";

Ended generate(const Arguments& more) {
  return run_program(generate_bundled(joined({"--prompt", kPrompt, "-m", "40"}, more)));
}

nlohmann::json generated(Arguments more) {
  more.emplace_back("--json");
  return json_of(generate(more));
}

class PromptCache : public testing::Test {
 protected:
  const test::TemporaryFolder folder_;
  const std::string file_ = (folder_ / "cache").string();
};

TEST_F(PromptCache, TheSecondRunComputesOneTokenOfThePrompt) {
  const auto first = generated({"--prompt-cache", file_});
  EXPECT_EQ(first["cached_tokens"], 0);
  const auto second = generated({"--prompt-cache", file_});
  EXPECT_EQ(second["cached_tokens"], second["prompt_tokens"].size() - 1);
  EXPECT_EQ(second["tokens"], first["tokens"]);
  EXPECT_EQ(second["tokens"], generated({})["tokens"]);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1)
      << "no unfinished file is left";
  EXPECT_THAT(generate({"--prompt-cache", file_}).err,
              ContainsRegex("Cached: [0-9]+ tokens of the prompt, 1 were computed\n"));
}

// Before the text is made.
TEST_F(PromptCache, APathThatCannotBeWrittenIsSaidAtOnce) {
  for (const std::string& path : {(folder_ / "none/cache").string(), folder_.path().string()}) {
    const Ended ended = generate({"--prompt-cache", path});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(ended.err, HasSubstr("linnet: " + path + ": cannot be written: "));
    EXPECT_EQ(ended.err.find("model:"), std::string::npos) << ended.err;
  }
}

TEST_F(PromptCache, AConversationIsNotOverwritten) {
  ASSERT_EQ(chat_bundled("Hello\n/save " + file_ + "\n").status, 0);
  const std::string saved = test::read_file(file_);
  const Ended ended = generate({"--prompt-cache", file_});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr(file_ + ": holds a conversation"));
  EXPECT_EQ(test::read_file(file_), saved);
}

// Numbers of another model, though of the same weights.
TEST_F(PromptCache, BelongsToTheMetadataToo) {
  ASSERT_EQ(generate({"--prompt-cache", file_}).status, 0);
  const Ended other =
      generate({"--prompt-cache", file_, "--override-kv", "llama.rope.freq_base=float:300"});
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("another model"));
}

TEST_F(PromptCache, WhatDoesNotFitIsRefusedAndStays) {
  ASSERT_EQ(generate({"--prompt-cache", file_}).status, 0);
  const std::string saved = test::read_file(file_);
  const Ended other_type = generate({"--prompt-cache", file_, "--kv-type", "f32"});
  EXPECT_EQ(other_type.status, 1);
  EXPECT_EQ(other_type.out, "");
  EXPECT_THAT(other_type.err, HasSubstr("linnet: " + file_ + ": the session has a KV cache of"));
  EXPECT_EQ(test::read_file(file_), saved);
  test::write_file(file_, saved.substr(0, saved.size() / 2));
  const Ended damaged = generate({"--prompt-cache", file_});
  EXPECT_EQ(damaged.status, 1);
  EXPECT_THAT(damaged.err, HasSubstr("the session is damaged"));
  test::write_file(file_, "my notes");
  EXPECT_THAT(generate({"--prompt-cache", file_}).err, HasSubstr("is not a session of linnet"));
  EXPECT_EQ(test::read_file(file_), "my notes");
}

TEST_F(PromptCache, SaysWhereItCannotBeWritten) {
  const Ended ended = generate({"--prompt-cache", "/nowhere/cache"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("linnet: /nowhere/cache: cannot be written"));
}

TEST(Answers, AreThoseOfTheirSeeds) {
  const auto answers = generated({"--n", "3", "--temp", "1", "--seed", "5"})["answers"];
  ASSERT_EQ(answers.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const auto alone = generated({"--temp", "1", "--seed", std::to_string(5 + i)});
    EXPECT_EQ(answers[i]["seed"], 5 + i);
    EXPECT_EQ(answers[i]["tokens"], alone["tokens"]);
    EXPECT_EQ(answers[i]["finish_reason"], alone["finish_reason"]);
  }
  std::string text;
  for (const auto& answer : answers) text += answer["text"].get<std::string>() + "\n";
  EXPECT_EQ(generate({"--n", "3", "--temp", "1", "--seed", "5"}).out, text);
}

TEST(Answers, ComeAgainWithTheSeedThatTheySay) {
  for (const Arguments& random : {Arguments{}, Arguments{"--seed", "-1"}}) {
    const auto first = generated(joined({"--temp", "1"}, random));
    const auto other = generated(joined({"--temp", "1"}, random));
    EXPECT_NE(first["seed"], other["seed"]) << "of 2^32";
    const auto again = generated({"--temp", "1", "--seed", first["seed"].dump()});
    EXPECT_EQ(again["tokens"], first["tokens"]);
  }
  EXPECT_THAT(generate({"--temp", "1", "--seed", "5"}).err, HasSubstr("Seed: 5\n"));
  EXPECT_THAT(generate({"--temp", "0"}).err, testing::Not(HasSubstr("Seed: ")));
}

TEST(Speculation, ChangesNoTextAndSaysWhatItBrought) {
  for (const Arguments& sampling : {Arguments{}, Arguments{"--temp", "0.7", "--seed", "3"}}) {
    const auto plain = generated(sampling);
    EXPECT_FALSE(plain.contains("speculation"));
    for (const Arguments& guessing :
         {Arguments{"--speculate"}, Arguments{"--draft-model", kBundledModel.string()}}) {
      Arguments arguments = sampling;
      arguments.insert(arguments.end(), guessing.begin(), guessing.end());
      const auto json = generated(arguments);
      EXPECT_EQ(json["tokens"], plain["tokens"]);
      EXPECT_GT(json["speculation"]["guessed"], 0);
      EXPECT_LE(json["speculation"]["accepted"], json["speculation"]["guessed"]);
    }
  }
  EXPECT_THAT(generate({"--speculate"}).err,
              ContainsRegex("Speculation: [0-9]+ of [0-9]+ guessed tokens were right"));
}

TEST(Speculation, ADraftModelOfAnotherVocabularyIsRefused) {
  const test::TemporaryFolder folder;
  const auto whole = gguf::File::open(kBundledModel);
  ASSERT_TRUE(whole);
  const auto* pieces = *whole->array("tokenizer.ggml.tokens");
  std::vector<std::string> others;
  for (std::size_t i = 0; i < pieces->size(); ++i) others.emplace_back(pieces->string(i));
  others[700] = "another";
  const auto draft = folder / "draft.gguf";
  test::ModelCopy copy;
  copy.replace("tokenizer.ggml.tokens", [&](gguf::Writer& writer, std::string_view key) {
    writer.add_strings(key, others);
  });
  ASSERT_TRUE(copy.write(draft));
  const Ended ended = generate({"--draft-model", draft.string()});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, ContainsRegex("the draft model has another vocabulary: token 700 is "
                                       "\"another\", expected the model's \".*\"\n"));
}

// "prompt N new, M cached" of the latest turn.
std::string latest_prompt(const std::string& err) {
  static const std::regex kPattern("prompt [0-9]+ new, [0-9]+ cached");
  std::string latest;
  for (std::sregex_iterator it(err.begin(), err.end(), kPattern), end; it != end; ++it) {
    latest = it->str();
  }
  return latest;
}

TEST(ChatSession, GoesOnInAnotherProcessWithoutComputingAgain) {
  const test::TemporaryFolder folder;
  const std::string file = (folder / "talk").string();
  const std::string first = "Who was it that spake in the garden?\n", second = "And then?\n";
  const Ended whole = chat_bundled(first + "/save " + file + "\n" + second);
  ASSERT_EQ(whole.status, 0) << whole.err;
  const Ended rest = chat_bundled("/load " + file + "\n" + second);
  ASSERT_EQ(rest.status, 0) << rest.err;
  EXPECT_THAT(rest.err, HasSubstr("loaded: 1 turn\n"));
  EXPECT_FALSE(rest.out.empty());
  EXPECT_TRUE(whole.out.ends_with(rest.out)) << whole.out << "\n--\n" << rest.out;
  EXPECT_EQ(latest_prompt(rest.err), latest_prompt(whole.err));
}

// No honest program hides more messages than there are.
TEST(ChatSession, ShowsTheLatestTurnWhateverTheFileHides) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "talk").string();
  const auto model = ModelFile::open(kBundledModel.string());
  ASSERT_TRUE(model);
  const auto engine = Engine::load(**model, {}, 512);
  ASSERT_TRUE(engine);
  const auto saved = (*engine)->save_session(path, std::vector<TokenId>{1}, R"({"hidden": 9,
      "messages": [{"role": "user", "content": "Hear"}, {"role": "assistant", "content": "me"}],
      "text": "", "tokens": []})");
  ASSERT_TRUE(saved) << saved.error().message;
  const Ended ended = chat_bundled("/load " + path + "\n/regen\nAnd\n");
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("loaded: 1 turn\n"));
  EXPECT_FALSE(ended.out.empty());
}

TEST(ChatSession, OfGenerateIsNoConversation) {
  const test::TemporaryFolder folder;
  const std::string file = (folder / "cache").string();
  ASSERT_EQ(generate({"--prompt-cache", file}).status, 0);
  const Ended ended = chat_bundled("/load " + file + "\n");
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr(file + ": the session holds no conversation"));
}

}  // namespace
}  // namespace linnet
