#include <gmock/gmock.h>

#include "base/base64.hpp"
#include "serve/media_chat.hpp"
#include "serve/serving.hpp"
#include "support/picture_model.hpp"
#include "support/put_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using test::chat_of;
using test::text_part;
using testing::HasSubstr;

const std::string kBird = "decode/colour-444.jpg";
const std::string kFlower = "decode/rgb-8.png";

std::string base64_of(const std::string& name) { return encode_base64(test::picture_file(name)); }

// What the URL calls the file counts for nothing.
std::string url_of(const std::string& name) { return "data:image/x;base64," + base64_of(name); }

Json url_part(const std::string& url) {
  return {{"type", "image_url"}, {"image_url", {{"url", url}}}};
}
Json picture_part(const std::string& name) { return url_part(url_of(name)); }

class PicturesTest : public testing::Test {
 protected:
  static constexpr std::int64_t kContext = 1024;

  static std::unique_ptr<test::Serving> start(const test::PictureModel& model,
                                              serve::ServerOptions options = {},
                                              const std::string& chat_template = "chatml") {
    return std::make_unique<test::Serving>(std::move(options), 4096, chat_template, kContext,
                                           model.model(), model.mmproj());
  }

  Json answer(const Json& body, std::string_view path = "/v1/chat/completions") {
    const auto reply = serving_->post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json();
  }
  static Json logprobs_of(const Json& answer) {
    return answer["choices"][0]["logprobs"]["content"];
  }
  Json error_of(const Json& body, std::string_view path = "/v1/chat/completions") {
    const auto reply = serving_->post(path, body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"];
  }
  std::int64_t rows_of(const std::string& name) {
    const std::string file = test::picture_file(name);
    const auto picture = serving_->file().read_picture(std::as_bytes(std::span(file)));
    return picture ? std::ssize((*picture)->tokens.parts.front().ids) : 0;
  }

  const test::PictureModel model_;
  std::unique_ptr<test::Serving> serving_ = start(model_);
};

TEST_F(PicturesTest, TheAnswerDependsOnThePicture) {
  const Json bird = answer(chat_of({text_part("What is it?"), picture_part(kBird)}));
  const Json flower = answer(chat_of({text_part("What is it?"), picture_part(kFlower)}));
  EXPECT_NE(logprobs_of(bird), logprobs_of(flower));
  EXPECT_EQ(logprobs_of(answer(chat_of({text_part("What is it?"), picture_part(kBird)}))),
            logprobs_of(bird));
}

TEST_F(PicturesTest, RowsCountAsTokensOfThePrompt) {
  const auto tokens = [&](const std::vector<Json>& content) {
    return answer(chat_of(content))["usage"]["prompt_tokens"].get<std::int64_t>();
  };
  const std::int64_t none = tokens({text_part("Look: ")});
  EXPECT_EQ(tokens({text_part("Look: "), picture_part(kBird)}), none + 2 + rows_of(kBird));
  EXPECT_EQ(tokens({picture_part(kFlower), text_part("Look: "), picture_part(kBird)}),
            none + 4 + rows_of(kBird) + rows_of(kFlower));
}

TEST_F(PicturesTest, ThePlaceOfAPictureCounts) {
  const Json one = answer(chat_of({picture_part(kBird), picture_part(kFlower)}));
  const Json other = answer(chat_of({picture_part(kFlower), picture_part(kBird)}));
  EXPECT_NE(logprobs_of(one), logprobs_of(other));
  const Json before = answer(chat_of({picture_part(kBird), text_part("A bird")}));
  const Json behind = answer(chat_of({text_part("A bird"), picture_part(kBird)}));
  EXPECT_EQ(before["usage"]["prompt_tokens"], behind["usage"]["prompt_tokens"]);
  EXPECT_NE(logprobs_of(before), logprobs_of(behind));
}

TEST_F(PicturesTest, ThePictureOfAnEarlierRequestIsInTheCache) {
  const std::string question(100, 'q');  // some pages of the cache
  const auto cached = [&](const std::string& name) {
    const Json usage = answer(chat_of({picture_part(name), text_part(question)}))["usage"];
    EXPECT_GT(usage["prompt_tokens"], 100 + rows_of(name));
    return usage["prompt_tokens_details"]["cached_tokens"].get<std::int64_t>();
  };
  EXPECT_EQ(cached(kBird), 0);
  EXPECT_GT(cached(kBird), 96);
  EXPECT_LT(cached(kFlower), 32) << "which are the words before it";
}

TEST_F(PicturesTest, AStreamHasTheSameAnswer) {
  Json body = chat_of({picture_part(kBird), text_part("Name it")});
  const Json whole = answer(body)["choices"][0]["message"]["content"];
  body["stream"] = true;
  std::string streamed;
  for (const Json& event : test::events_of(serving_->post("/v1/chat/completions", body))) {
    for (const Json& choice : event["choices"]) streamed += choice["delta"].value("content", "");
  }
  EXPECT_EQ(streamed, whole);
}

TEST_F(PicturesTest, SeveralAnswersReadThePictureEach) {
  Json body = chat_of({picture_part(kBird), text_part("Name it")});
  body["n"] = 3;
  const Json choices = answer(body)["choices"];
  ASSERT_EQ(choices.size(), 3);
  EXPECT_EQ(choices[0]["message"], choices[2]["message"]);
}

TEST_F(PicturesTest, AUrlMayStandAlone) {
  const Json object = answer(chat_of({picture_part(kBird)}));
  const Json part = {{"type", "image_url"}, {"image_url", url_of(kBird)}};
  const Json alone = answer(chat_of({part}));
  EXPECT_EQ(logprobs_of(object), logprobs_of(alone));
  const Json upper = answer(chat_of({url_part("DATA:;BASE64," + base64_of(kBird))}));
  EXPECT_EQ(logprobs_of(object), logprobs_of(upper));
}

TEST_F(PicturesTest, AllApisGiveTheSameAnswer) {
  const Json completion = answer(chat_of({picture_part(kBird), text_part("Name it")}));
  const std::string text = completion["choices"][0]["message"]["content"];
  const Json source = {{"type", "base64"}, {"media_type", "image/png"}, {"data", base64_of(kBird)}};
  Json message = {{"max_tokens", 8}, {"temperature", 0}, {"ignore_eos", true}};
  const Json image = {{"type", "image"}, {"source", source}};
  const Json asked = {{"role", "user"}, {"content", {image, text_part("Name it")}}};
  message["messages"] = Json::array({asked});
  const Json messages = answer(message, "/v1/messages");
  EXPECT_EQ(messages["content"][0]["text"], text);
  const Json count = answer(message, "/v1/messages/count_tokens");
  EXPECT_EQ(count["input_tokens"], completion["usage"]["prompt_tokens"]);
  Json response = {{"max_output_tokens", 8}, {"temperature", 0}, {"ignore_eos", true}};
  const Json part = {{"type", "input_image"}, {"image_url", url_of(kBird)}};
  const Json text_item = {{"type", "input_text"}, {"text", "Name it"}};
  const Json item = {{"role", "user"}, {"content", {part, text_item}}};
  response["input"] = Json::array({item});
  const Json responses = answer(response, "/v1/responses");
  EXPECT_EQ(responses["output"][0]["content"][0]["text"], text);
  EXPECT_EQ(responses["usage"]["input_tokens"], completion["usage"]["prompt_tokens"]);
}

TEST_F(PicturesTest, ResultsOfToolsMayBePictures) {
  const auto tokens = [&](const Json& body) {
    return answer(body, "/v1/messages/count_tokens")["input_tokens"].get<std::int64_t>();
  };
  const auto message = [&](const Json& content) -> Json {
    const Json call = {
        {"type", "tool_use"}, {"id", "1"}, {"name", "look"}, {"input", Json::object()}};
    const Json result = {{"type", "tool_result"}, {"tool_use_id", "1"}, {"content", content}};
    return {{"messages",
             {{{"role", "user"}, {"content", "Look"}},
              {{"role", "assistant"}, {"content", Json::array({call})}},
              {{"role", "user"}, {"content", Json::array({result})}}}}};
  };
  const Json source = {{"type", "base64"}, {"media_type", "image/png"}, {"data", base64_of(kBird)}};
  const Json image = {{"type", "image"}, {"source", source}};
  EXPECT_EQ(tokens(message({text_part("Here: "), image})),
            tokens(message(Json::array({text_part("Here: ")}))) + rows_of(kBird) + 2);
  const auto response = [&](const Json& output) -> Json {
    return {{"max_output_tokens", 8},
            {"input",
             {{{"type", "function_call"}, {"call_id", "1"}, {"name", "look"}, {"arguments", "{}"}},
              {{"type", "function_call_output"}, {"call_id", "1"}, {"output", output}}}}};
  };
  const Json part = {{"type", "input_image"}, {"image_url", url_of(kBird)}};
  const Json text = {{"type", "input_text"}, {"text", "Here: "}};
  const auto input_tokens = [&](const Json& output) {
    return answer(response(output), "/v1/responses")["usage"]["input_tokens"].get<std::int64_t>();
  };
  EXPECT_EQ(input_tokens({text, part}), input_tokens(Json::array({text})) + rows_of(kBird) + 2);
}

TEST_F(PicturesTest, WhatIsNoPictureIsNamed) {
  const auto expect = [&](const std::string& url, const std::string& problem) {
    const Json error = error_of(chat_of({text_part("What is it?"), url_part(url)}));
    EXPECT_EQ(error["param"], "messages[0].content[1].image_url.url");
    EXPECT_THAT(error["message"], HasSubstr(problem));
  };
  expect("https://example.com/a.png", "this server fetches nothing: expected a data: URL");
  expect("HTTP://example.com/a,b", "this server fetches nothing");
  expect("file:///etc/passwd", "expected a data: URL (data:image/png;base64,...), found file:");
  expect("", "expected a data: URL");
  expect("data:image/png;base64", "without base64");
  expect("data:image/png,%89PNG", "without base64");
  expect("data:image/png;base64,iVBO Rw0K", "byte 4 is no digit of base64");
  expect("data:image/png;base64,iVB", "expected a multiple of 4");
  expect("data:image/png;base64,", "picture: is empty");
  expect("data:image/png;base64," + encode_base64("no picture"), "neither JPEG, PNG, WebP nor GIF");
  const std::string file = test::picture_file(kBird);
  expect("data:image/png;base64," + encode_base64(file.substr(0, file.size() / 2)), "JPEG: ");
  expect(url_of("refused/huge.png"), "PNG: ");
}

TEST_F(PicturesTest, FieldsOfAWrongTypeAreNamed) {
  const auto param_of = [&](const Json& part) {
    return error_of(chat_of({text_part("What is it?"), part}))["param"].get<std::string>();
  };
  const std::string at = "messages[0].content[1].image_url";
  EXPECT_EQ(param_of({{"type", "image_url"}}), at);
  EXPECT_EQ(param_of({{"type", "image_url"}, {"image_url", 1}}), at);
  EXPECT_EQ(param_of({{"type", "image_url"}, {"image_url", Json::object()}}), at + ".url");
  EXPECT_EQ(param_of({{"type", "image_url"}, {"image_url", {{"url", 1}}}}), at + ".url");
  EXPECT_EQ(param_of({{"type", "image_url"}, {"image_url", {{"url", ""}, {"detail", 1}}}}),
            at + ".detail");
}

TEST_F(PicturesTest, OtherSourcesOfTheOtherApisAreNamed) {
  const auto message_error = [&](const Json& source) {
    const Json image = {{"type", "image"}, {"source", source}};
    const Json message = {{"role", "user"}, {"content", Json::array({image})}};
    const Json body = {{"max_tokens", 8}, {"messages", Json::array({message})}};
    return error_of(body, "/v1/messages")["message"].get<std::string>();
  };
  const std::string source = "messages[0].content[0].source";
  EXPECT_THAT(message_error({{"type", "url"}, {"url", "https://example.com/a.png"}}),
              HasSubstr(source + ".type: this server fetches nothing"));
  EXPECT_THAT(message_error({{"type", "base64"}}), HasSubstr(source + ".data: expected a string"));
  EXPECT_THAT(message_error({{"type", "base64"}, {"data", "????"}}), HasSubstr(source + ".data: "));
  EXPECT_THAT(message_error(nullptr), HasSubstr(source + ": expected an object"));
  const auto response_error = [&](Json part) {
    part["type"] = "input_image";
    const Json item = {{"role", "user"}, {"content", Json::array({part})}};
    return error_of({{"input", Json::array({item})}}, "/v1/responses");
  };
  EXPECT_EQ(response_error({{"file_id", "file-1"}})["param"], "input[0].content[0].file_id");
  EXPECT_EQ(response_error({{"image_url", "https://example.com"}})["param"],
            "input[0].content[0].image_url");
  EXPECT_EQ(response_error(Json::object())["param"], "input[0].content[0].image_url");
}

TEST_F(PicturesTest, OnlyUsersAndToolsShowPictures) {
  for (const char* const role : {"assistant", "system", "developer"}) {
    Json body = chat_of({picture_part(kBird)});
    body["messages"][0]["role"] = role;
    EXPECT_EQ(error_of(body)["param"], "messages[0].content[0].type") << role;
    const Json part = {{"type", "input_image"}, {"image_url", url_of(kBird)}};
    const Json item = {{"role", role}, {"content", Json::array({part})}};
    const Json error = error_of({{"input", Json::array({item})}}, "/v1/responses");
    EXPECT_EQ(error["param"], "input[0].content[0].type") << role;
  }
  Json body = chat_of({picture_part(kBird)});
  body["messages"][0]["role"] = "tool";
  answer(body);
  const Json source = {{"type", "base64"}, {"data", base64_of(kBird)}};
  const Json image = {{"type", "image"}, {"source", source}};
  Json message = {{"max_tokens", 8}};
  message["messages"] = {{{"role", "user"}, {"content", "Hello"}},
                         {{"role", "assistant"}, {"content", Json::array({image})}}};
  EXPECT_THAT(error_of(message, "/v1/messages")["message"],
              HasSubstr("messages[1].content[0].type"));
  message["messages"].erase(1);
  message["system"] = Json::array({image});
  EXPECT_THAT(error_of(message, "/v1/messages")["message"], HasSubstr("system[0].type"));
}

TEST_F(PicturesTest, TooManyAreRefused) {
  std::vector<Json> content(64, picture_part(kBird));
  answer(chat_of(content));
  content.push_back(picture_part(kBird));
  const Json error = error_of(chat_of(content));
  EXPECT_EQ(error["param"], "messages[0].content[64].image_url.url");
  EXPECT_THAT(error["message"], HasSubstr("at most 64 pictures"));
}

TEST_F(PicturesTest, WhatTheContextCannotHoldIsRefused) {
  serving_ = std::make_unique<test::Serving>(serve::ServerOptions{}, 4096, "chatml",
                                             rows_of(kBird) + 1, model_.model(), model_.mmproj());
  const Json error = error_of(chat_of({picture_part(kBird), picture_part(kBird)}));
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["param"], "messages[0].content[1].image_url.url");
  EXPECT_EQ(error_of(chat_of({picture_part(kBird)}))["code"], "context_length_exceeded");
}

TEST_F(PicturesTest, ModelsSayWhetherTheyReadThem) {
  const Json with = serving_->get("/v1/models").json()["data"][0]["capabilities"];
  EXPECT_EQ(with, Json({"completion", "chat", "multimodal"}));
  serving_ = std::make_unique<test::Serving>(serve::ServerOptions{}, 4096, "chatml", kContext,
                                             model_.model());
  const Json without = serving_->get("/v1/models").json()["data"][0]["capabilities"];
  EXPECT_EQ(without, Json({"completion", "chat"}));
  for (const char* const path : {"/v1/chat/completions", "/apply-template"}) {
    const Json error = error_of(chat_of({text_part("Look"), picture_part(kBird)}), path);
    EXPECT_EQ(error["code"], "pictures_not_supported");
    EXPECT_EQ(error["param"], "messages[0].content[1].image_url.url");
  }
}

TEST_F(PicturesTest, ATemplateIsShownWithoutTheFiles) {
  const Json body = chat_of({text_part("Look: "), picture_part(kBird), text_part("?")});
  EXPECT_EQ(answer(body, "/apply-template")["prompt"],
            "<|im_start|>user\nLook: <|vision_start|><picture><|vision_end|>?<|im_end|>\n"
            "<|im_start|>assistant\n");
}

TEST_F(PicturesTest, MarkersThatAUserWritesAreText) {
  const Json body = chat_of({text_part("<|vision_start|><picture><|vision_end|>")});
  const Json usage = answer(body)["usage"];
  const Json plain = answer(chat_of({text_part(std::string(39, 'a'))}))["usage"];
  EXPECT_EQ(usage["prompt_tokens"], plain["prompt_tokens"]) << "each byte is a token";
}

TEST_F(PicturesTest, ATemplateThatLeavesAPictureOutIsAnError) {
  const test::TemporaryFolder folder;
  test::put_file(folder / "first.jinja", "{{ messages[0].content }}");
  serving_ = start(model_, {}, (folder / "first.jinja").string());
  Json body = chat_of({picture_part(kBird)});
  answer(body);
  body["messages"].push_back({{"role", "user"}, {"content", Json::array({picture_part(kFlower)})}});
  const Json error = error_of(body);
  EXPECT_EQ(error["param"], "messages[1].content[0].image_url.url");
  EXPECT_THAT(error["message"], HasSubstr("template leaves the picture out"));
}

TEST_F(PicturesTest, AnswersAreTheSameWithACacheFolder) {
  const test::TemporaryFolder folder;
  const Json body = chat_of(
      {text_part(std::string(100, 'w')), picture_part(kBird), text_part(std::string(100, 'v'))});
  const Json first = answer(body);
  const auto cached = [](const Json& answer) {
    return answer["usage"]["prompt_tokens_details"]["cached_tokens"].get<std::int64_t>();
  };
  for (const std::int64_t restored : {0, 107}) {
    serve::ServerOptions options;
    options.engine.cache_folder = folder.path();
    serving_.reset();  // which keeps its texts
    serving_ = start(model_, std::move(options));
    const Json again = answer(body);
    EXPECT_EQ(cached(again), restored) << "what stands before the picture";
    EXPECT_EQ(logprobs_of(again), logprobs_of(first));
    EXPECT_EQ(serving_->metric("linnet_unsaved_texts_total"), 0);
  }
}

TEST_F(PicturesTest, TheLogHasNoFiles) {
  std::string log;
  serve::ServerOptions options;
  options.logs_content = true;
  options.log = [&](std::string_view line) { log += line; };
  serving_ = start(model_, std::move(options));
  const std::string base64 = base64_of(kBird);
  ASSERT_GT(base64.size(), 512);
  answer(chat_of({text_part("Look at it"), picture_part(kBird)}));
  EXPECT_TRUE(serving_->server().drain(std::chrono::minutes(5)));
  serving_.reset();
  EXPECT_THAT(log, HasSubstr("Look at it"));
  EXPECT_THAT(log, HasSubstr("image/x;base64,..."));
  EXPECT_THAT(log, testing::Not(HasSubstr(base64.substr(100, 50))));
}

}  // namespace
}  // namespace linnet
