// `--mmproj` and sounds on the command line, on the bundled model with a tiny encoder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/base64.hpp"
#include "support/bundled_model.hpp"
#include "support/hearing_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using test::Arguments;
using test::Ended;
using test::generate_bundled;
using test::joined;
using test::json_of;
using test::run_program;
using testing::HasSubstr;

class SoundProgramTest : public testing::Test {
 protected:
  SoundProgramTest() { EXPECT_TRUE(test::write_hearing_mmproj(mmproj(), 256)); }

  std::string mmproj() const { return (folder_ / "mmproj-tiny.gguf").string(); }
  static std::string sound(const std::string& name) {
    return test::in_repository("tests/data/sound/decode/" + name);
  }
  Arguments with_encoder(const Arguments& more) const {
    return joined(generate_bundled({"--mmproj", mmproj(), "-m", "4", "--json"}), more);
  }

  Ended chat(const std::string& input) const {
    return test::chat_bundled(input, {"--mmproj", mmproj()});
  }

  const test::TemporaryFolder folder_;
};

TEST_F(SoundProgramTest, GenerateHearsThem) {
  const Ended ended = run_program(with_encoder({"--audio", sound("plain.wav"), "--prompt", "And"}));
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("hearing: mmproj-tiny.gguf (qwen2a)"));
  const auto json = json_of(ended);
  const auto tokens = json["prompt_tokens"].get<std::vector<int>>();
  EXPECT_EQ(std::ranges::count(tokens, -1), 3);  // of 13 frames
  EXPECT_EQ(json["tokens"].size(), 4u);
}

TEST_F(SoundProgramTest, WhatCannotBeHeardIsSaid) {
  const auto problem = [&](const std::string& path) {
    const Ended ended = run_program(with_encoder({"--audio", path}));
    EXPECT_EQ(ended.status, 1);
    return ended.err;
  };
  EXPECT_THAT(problem((folder_ / "none.wav").string()), HasSubstr("none.wav"));
  EXPECT_THAT(problem(mmproj()), HasSubstr("neither WAV, FLAC, MP3 nor Ogg"));
  const Ended without = run_program(generate_bundled({"--audio", sound("plain.wav")}));
  EXPECT_EQ(without.status, 1);
  EXPECT_THAT(without.err, HasSubstr("the model hears no sounds"));
}

TEST_F(SoundProgramTest, AConversationKeepsThem) {
  const std::string saved = (folder_ / "saved.json").string();
  const Ended first =
      chat("/audio " + sound("stereo.mp3") + "\nWhat?\nAnd now?\n/save " + saved + "\n");
  ASSERT_EQ(first.status, 0) << first.err;
  const auto messages = nlohmann::json::parse(test::read_file(saved));
  EXPECT_EQ(messages[0]["content"][0]["audio_url"]["url"], "file://" + sound("stereo.mp3"));
  EXPECT_EQ(messages[0]["content"][1]["text"], "\nWhat?");
  const Ended later = chat("/load " + saved + "\nAnd then?\n");
  ASSERT_EQ(later.status, 0) << later.err;
  EXPECT_THAT(later.err, HasSubstr("loaded: 2 turns"));
}

// As the page of `linnet serve` writes them.
TEST_F(SoundProgramTest, AConversationMayHoldWhatWasInTheFiles) {
  const std::string saved = (folder_ / "page.json").string();
  const std::string again = (folder_ / "again.json").string();
  const std::string data = encode_base64(test::read_file(sound("plain.wav")));
  const nlohmann::json part = {{"type", "input_audio"},
                               {"input_audio", {{"data", data}, {"format", "wav"}}}};
  const nlohmann::json question = {{"role", "user"},
                                   {"content", {part, {{"type", "text"}, {"text", "What?"}}}}};
  const nlohmann::json answer = {{"role", "assistant"}, {"content", "A sound."}};
  test::write_file(saved, nlohmann::json({question, answer}).dump());
  const Ended ended = chat("/load " + saved + "\nAnd then?\n/save " + again + "\n");
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("loaded: 1 turn"));
  const auto kept = nlohmann::json::parse(test::read_file(again));
  EXPECT_EQ(kept[0]["content"][0]["audio_url"]["url"], "data:;base64," + data);
}

}  // namespace
}  // namespace linnet
