#include <gmock/gmock.h>

#include "base/base64.hpp"
#include "serve/media_chat.hpp"
#include "serve/serving.hpp"
#include "support/hearing_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using test::chat_of;
using test::text_part;
using testing::HasSubstr;

std::string sound_file(const std::string& name) {
  return test::read_file(test::in_repository("tests/data/sound/decode/" + name));
}

Json sound_part(const std::string& name, const std::string& format = "wav") {
  return {{"type", "input_audio"},
          {"input_audio", {{"data", encode_base64(sound_file(name))}, {"format", format}}}};
}

// Sends a form with a sound, and with `more` parts.
auto transcribe(const test::Serving& serving, const std::string& more) {
  const std::string head = "--x\r\nContent-Disposition: form-data; name=";
  const std::string body = head + "\"file\"; filename=\"a.wav\"\r\n\r\n" + sound_file("plain.wav") +
                           "\r\n" + head + "\"max_tokens\"\r\n\r\n4\r\n" + more + "--x--\r\n";
  return test::http(serving.port(), "POST", "/v1/audio/transcriptions", body,
                    "Content-Type: multipart/form-data; boundary=x\r\n");
}

class SoundsTest : public testing::Test {
 protected:
  SoundsTest() {
    EXPECT_TRUE(test::write_hearing_mmproj(folder_ / "mmproj.gguf", 256));
    start({});
  }

  void start(serve::ServerOptions options) {
    serving_ =
        std::make_unique<test::Serving>(std::move(options), 4096, "chatml", 1024,
                                        test::kBundledModel, (folder_ / "mmproj.gguf").string());
  }

  Json answer(const Json& body) {
    const auto reply = serving_->post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json();
  }
  static Json error_of(const test::Serving& serving, const Json& body) {
    const auto reply = serving.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"];
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<test::Serving> serving_;
};

TEST_F(SoundsTest, TheAnswerDependsOnTheSound) {
  const auto logprobs = [&](const std::string& name) {
    const Json reply = answer(chat_of({text_part("What is it?"), sound_part(name)}));
    return reply["choices"][0]["logprobs"]["content"];
  };
  EXPECT_NE(logprobs("plain.wav"), logprobs("stereo.flac"));
  EXPECT_EQ(logprobs("plain.wav"), logprobs("plain.wav"));
}

TEST_F(SoundsTest, RowsCountAsTokensOfThePrompt) {
  const auto tokens = [&](const std::vector<Json>& content) {
    return answer(chat_of(content))["usage"]["prompt_tokens"].get<std::int64_t>();
  };
  const std::int64_t none = tokens({text_part("Hear: ")});
  // 13 frames of an eighth of a second: 7 rows, 3 of the text model, and texts around them.
  EXPECT_GE(tokens({text_part("Hear: "), sound_part("plain.wav")}), none + 3);
  EXPECT_GT(tokens({text_part("Hear: "), sound_part("plain.wav"), sound_part("stereo.mp3", "mp3")}),
            tokens({text_part("Hear: "), sound_part("plain.wav")}));
}

TEST_F(SoundsTest, WhatIsNoSoundIsSaid) {
  Json part = sound_part("plain.wav");
  part["input_audio"]["data"] = encode_base64("%PDF-1.4");
  const Json error = error_of(*serving_, chat_of({part}));
  EXPECT_EQ(error["param"], "messages[0].content[0].input_audio.data");
  EXPECT_THAT(error["message"], HasSubstr("sound: is neither WAV, FLAC, MP3 nor Ogg"));
  part["input_audio"]["data"] = "?";
  EXPECT_THAT(error_of(*serving_, chat_of({part}))["message"], HasSubstr("base64"));
  part["input_audio"].erase("data");
  EXPECT_THAT(error_of(*serving_, chat_of({part}))["message"], HasSubstr("expected a string"));
  part.erase("input_audio");
  EXPECT_THAT(error_of(*serving_, chat_of({part}))["message"], HasSubstr("expected an object"));
}

TEST_F(SoundsTest, ModelsThatHearNothingSaySo) {
  const test::Serving deaf;
  const Json error = error_of(deaf, chat_of({sound_part("plain.wav")}));
  EXPECT_EQ(error["code"], "sounds_not_supported");
  EXPECT_THAT(error["message"], HasSubstr("this model hears no sounds"));
  const Json picture = {{"type", "image_url"}, {"image_url", {{"url", "data:;base64,AAAA"}}}};
  EXPECT_EQ(error_of(*serving_, chat_of({picture}))["code"], "pictures_not_supported");
}

TEST_F(SoundsTest, ATranscriptionIsAnAnswerToTheSound) {
  const auto post = [&](const std::string& more) { return transcribe(*serving_, more); };
  const auto reply = post("");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_TRUE(json["text"].is_string());
  EXPECT_EQ(json["usage"]["output_tokens"], 4);
  EXPECT_EQ(json["finish_reason"], "length");
  const auto stream =
      post("--x\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n");
  EXPECT_THAT(stream.body, HasSubstr("transcript.text.done"));
  EXPECT_THAT(stream.body, HasSubstr("\"finish_reason\":\"length\""));
  const auto times =
      post("--x\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\nsrt\r\n");
  EXPECT_EQ(times.status, 400);
  EXPECT_THAT(times.body, HasSubstr("response_format"));
}

TEST_F(SoundsTest, TheLogHasNoSounds) {
  std::string log;
  serve::ServerOptions options;
  options.logs_content = true;
  options.log = [&](std::string_view line) { log += line; };
  start(std::move(options));
  ASSERT_EQ(transcribe(*serving_, "").status, 200);
  EXPECT_TRUE(serving_->server().drain(std::chrono::minutes(5)));
  serving_.reset();
  EXPECT_THAT(log, HasSubstr("a.wav"));
  EXPECT_THAT(log, HasSubstr(" bytes..."));
  EXPECT_LT(log.size(), 1500u);
}

TEST_F(SoundsTest, WhatTheModelTakesIsListed) {
  const Json model = serving_->get("/v1/models").json()["data"][0];
  EXPECT_EQ(model["architecture"]["input_modalities"], Json({"text", "audio"}));
  EXPECT_THAT(model["capabilities"].dump(), HasSubstr("multimodal"));
  const Json modalities = serving_->get("/props").json()["modalities"];
  EXPECT_EQ(modalities, Json({{"vision", false}, {"audio", true}}));
}

TEST_F(SoundsTest, AppliedTemplatesShowWhereSoundsStand) {
  const auto reply = serving_->post("/apply-template", chat_of({sound_part("plain.wav")}));
  EXPECT_THAT(reply.json()["prompt"], HasSubstr("<|audio_bos|><sound><|audio_eos|>"));
}

}  // namespace
}  // namespace linnet
