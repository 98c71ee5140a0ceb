// What of a request does nothing is said in the answer.

#include <gmock/gmock.h>

#include <array>
#include <fstream>

#include "serve/serving.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

struct Endpoint {
  const char* path;
  const char* asked;  ///< the text
  bool streams = true;
};

constexpr std::array kEndpoints = {
    Endpoint{"/v1/chat/completions", "messages"},
    Endpoint{"/v1/messages", "messages"},
    Endpoint{"/v1/responses", "input"},
    Endpoint{"/v1/completions", "prompt"},
    Endpoint{"/completion", "prompt"},
    Endpoint{"/api/chat", "messages"},
    Endpoint{"/api/generate", "prompt"},
    Endpoint{"/v1/embeddings", "input", /*streams=*/false},
    Endpoint{"/api/embed", "input", /*streams=*/false},
};

class Warnings : public testing::Test {
 protected:
  static Json body_of(const Endpoint& endpoint) {
    Json body = Json::object();
    body[endpoint.asked] = "And God";
    if (endpoint.asked == std::string("messages")) {
      body["messages"] = Json::array({{{"role", "user"}, {"content", "And God"}}});
    }
    if (!endpoint.streams) return body;
    body["stream"] = false;
    if (std::string_view(endpoint.path).starts_with("/api/")) {
      body["options"] = {{"num_predict", 4}};
    } else {
      body[endpoint.asked == std::string("input") ? "max_output_tokens" : "max_tokens"] = 4;
    }
    return body;
  }
  Json warnings_of(const char* path, const Json& body) const {
    const auto reply = serving.post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json().value("warnings", Json::array());
  }
  test::Serving serving;
};

TEST_F(Warnings, NameTheFieldsThatDoNothing) {
  for (const Endpoint& endpoint : kEndpoints) {
    Json body = body_of(endpoint);
    EXPECT_EQ(warnings_of(endpoint.path, body), Json::array()) << endpoint.path;
    body.update({{"temprature", 0}, {"max_tokns", 3}, {"absent", nullptr}});
    EXPECT_EQ(warnings_of(endpoint.path, body),
              Json::array({"fields that do nothing here: max_tokns, temprature"}))
        << endpoint.path;
    if (!endpoint.streams) continue;
    body["stream"] = true;
    const std::string events = serving.post(endpoint.path, body).body;
    const std::size_t at = events.find("do nothing here: max_tokns, temprature");
    EXPECT_NE(at, std::string::npos) << endpoint.path << ": " << events;
    EXPECT_EQ(events.find("do nothing here", at + 1), std::string::npos) << "twice: " << events;
  }
}

TEST_F(Warnings, NameAFewOfManyFields) {
  Json body = body_of(kEndpoints[0]);
  for (int i = 0; i < 20; ++i) body["field_" + std::to_string(10 + i)] = std::string(5000, 'a');
  const std::string warning = warnings_of(kEndpoints[0].path, body)[0];
  EXPECT_THAT(warning, HasSubstr("field_10, field_11"));
  EXPECT_THAT(warning, testing::EndsWith("field_17 and 12 more"));
}

TEST_F(Warnings, AreOfOptionsToo) {
  Json body = body_of(kEndpoints[5]);
  body["options"].update({{"num_gpu", 9}, {"num_predicts", 3}});
  EXPECT_EQ(warnings_of("/api/chat", body),
            Json::array({"fields that do nothing here: options.num_predicts"}));
}

TEST_F(Warnings, AreOfEffortsThatTheTemplateDoesNotRead) {
  const test::Serving thinking({}, 4096, test::kThinkingTemplate);
  const auto warned = [](const test::Serving& by, const char* path, Json body, const Json& fields) {
    body.update(fields);
    return by.post(path, body).json().contains("warnings");
  };
  const Json chat = body_of(kEndpoints[0]), response = body_of(kEndpoints[2]);
  for (const char* const effort : {"low", "high", "bogus"}) {
    const Json fields = {{"reasoning_effort", effort}};
    EXPECT_TRUE(warned(serving, "/v1/chat/completions", chat, fields)) << effort;
    EXPECT_FALSE(warned(thinking, "/v1/chat/completions", chat, fields)) << effort;
    EXPECT_TRUE(warned(serving, "/v1/responses", response, {{"reasoning", {{"effort", effort}}}}));
  }
  for (const char* const effort : {"none", "medium"}) {
    EXPECT_FALSE(warned(serving, "/v1/chat/completions", chat, {{"reasoning_effort", effort}}));
  }
}

TEST_F(Warnings, AreOfTheVerbosity) {
  Json body = body_of(kEndpoints[0]);
  body["verbosity"] = "low";
  EXPECT_THAT(warnings_of("/v1/chat/completions", body)[0].get<std::string>(),
              testing::StartsWith("verbosity does nothing here"));
  body["verbosity"] = "medium";
  EXPECT_EQ(warnings_of("/v1/chat/completions", body), Json::array());
  body = body_of(kEndpoints[2]);
  body["text"] = {{"verbosity", "high"}};
  EXPECT_THAT(warnings_of("/v1/responses", body)[0].get<std::string>(),
              testing::StartsWith("text.verbosity does nothing here"));
}

TEST_F(Warnings, AreOfDocumentsThatTheTemplateDoesNotRead) {
  Json body = body_of(kEndpoints[0]);
  body["documents"] = Json::array({{{"title", "Lily"}, {"text", "A girl."}}});
  EXPECT_EQ(warnings_of("/v1/chat/completions", body),
            Json::array({"fields that do nothing here: documents"}));
  const test::TemporaryFolder folder;
  const std::string path = (folder.path() / "documents.jinja").string();
  std::ofstream(path) << "{% for d in documents %}[{{ d.title }}: {{ d.text }}]{% endfor %}"
                         "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
  const test::Serving reading({}, 4096, path);
  EXPECT_THAT(reading.post("/apply-template", body).json()["prompt"].get<std::string>(),
              testing::StartsWith("[Lily: A girl.]user: And God"));
  EXPECT_FALSE(reading.post("/v1/chat/completions", body).json().contains("warnings"));
}

// Which clients send with each request.
TEST_F(Warnings, AreNotOfFieldsThatChangeNoAnswerAnywhere) {
  Json body = body_of(kEndpoints[0]);
  body.update({{"model", ""},
               {"user", "me"},
               {"store", true},
               {"metadata", {{"a", "b"}}},
               {"service_tier", "auto"},
               {"cache_prompt", true},
               {"id_slot", -1},
               {"stop", Json::array()},
               {"use_beam_search", false},
               {"tool_choice", "auto"},
               {"stream_options", {{"include_usage", true}}}});
  EXPECT_EQ(warnings_of("/v1/chat/completions", body), Json::array());
}

}  // namespace
}  // namespace linnet
