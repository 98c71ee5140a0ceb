#include <gmock/gmock.h>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Chat : public testing::Test {
 protected:
  static Json question() {
    return {{"messages", Json::array({{{"role", "user"}, {"content", "Who made the heaven?"}}})},
            {"max_tokens", 16},
            {"temperature", 0}};
  }
  test::Serving serving;
};

TEST_F(Chat, AnswersAsTheAssistant) {
  const auto reply = serving.post("/v1/chat/completions", question());
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_EQ(json["object"], "chat.completion");
  EXPECT_EQ(json["choices"][0]["message"]["role"], "assistant");
  EXPECT_FALSE(json["choices"][0]["message"]["content"].get<std::string>().empty());
  EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(json["usage"]["completion_tokens"], 16);
}

TEST_F(Chat, StreamHasTheSameContent) {
  Json body = question();
  body["n"] = 2;
  const Json whole = serving.post("/v1/chat/completions", body).json()["choices"];
  body["stream"] = true;
  const auto reply = serving.post("/v1/chat/completions", body);
  std::vector<std::string> streamed(2);
  for (const Json& event : test::events_of(reply)) {
    EXPECT_EQ(event["object"], "chat.completion.chunk");
    for (const Json& choice : event["choices"]) {
      streamed[choice["index"]] += choice["delta"].value("content", "");
    }
  }
  EXPECT_EQ(streamed[0], whole[0]["message"]["content"]);
  EXPECT_EQ(streamed[1], whole[1]["message"]["content"]);
}

TEST_F(Chat, WrongMessagesAreNamed) {
  const auto param_of = [&](const Json& messages) {
    Json body = question();
    body["messages"] = messages;
    const auto reply = serving.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"]["param"].get<std::string>();
  };
  EXPECT_EQ(param_of("hello"), "messages");
  EXPECT_EQ(param_of(Json::array()), "messages");
  EXPECT_EQ(param_of(Json::array({"hello"})), "messages[0]");
  EXPECT_EQ(param_of(Json::array({{{"role", 1}, {"content", "a"}}})), "messages[0].role");
  EXPECT_EQ(param_of(Json::array({{{"role", "user"}, {"content", 5}}})), "messages");
}

TEST_F(Chat, ApplyTemplateShowsThePrompt) {
  const auto reply = serving.post("/apply-template", question());
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.json()["prompt"].get<std::string>(),
              HasSubstr("<|im_start|>user\nWho made the heaven?<|im_end|>"));
}

TEST_F(Chat, TokenizeAndBack) {
  const std::string text = "And God saw the light.";
  const Json ids = serving.post("/tokenize", {{"content", text}}).json()["tokens"];
  EXPECT_GT(ids.size(), 3u);
  EXPECT_EQ(serving.post("/detokenize", {{"tokens", ids}}).json()["content"], text);
}

}  // namespace
}  // namespace linnet
