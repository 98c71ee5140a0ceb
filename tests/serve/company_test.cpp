// What a request gives does not depend on what else is served.

#include <gmock/gmock.h>

#include <thread>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;

struct Asked {
  std::string path;
  Json body;
};

const Json kSchema = Json::parse(R"({"type": "object", "properties": {
  "name": {"enum": ["Adam", "Eve", "Cain", "Abel"]}, "years": {"type": "integer"}},
  "required": ["name", "years"], "additionalProperties": false})");

Json tool(const char* name) {
  return {{"type", "function"}, {"function", {{"name", name}, {"parameters", kSchema}}}};
}

// Of each kind some, with prompts and lengths of many sizes; all at temperature 0 or with a seed.
std::vector<Asked> mixed_requests(int count) {
  std::vector<Asked> requests;
  const std::vector<std::string> texts = {"In the beginning", "And God said", "Blessed are",
                                          "The words of the preacher, the son of David"};
  for (int i = 0; i < count; ++i) {
    std::string text = texts[static_cast<std::size_t>(i) % texts.size()];
    for (int k = 0; k < i % 7; ++k) text += ", and the sons of the men of the city";
    const Json messages = {{{"role", "user"}, {"content", text}}};
    const int tokens = 10 + 7 * (i % 9);
    Json draws = {{"temperature", i % 2}, {"seed", i}};
    Asked asked;
    switch (i % 8) {
      case 0:
        asked = {"/v1/completions", {{"prompt", text}, {"n", 2}, {"max_tokens", tokens}}};
        break;
      case 1:
        asked = {"/v1/chat/completions",
                 {{"messages", messages}, {"max_tokens", tokens}, {"logprobs", true}}};
        break;
      case 2:
        asked = {"/v1/embeddings", {{"input", {text, "And"}}}};
        break;
      case 3:
        asked = {"/v1/chat/completions",
                 {{"messages", messages},
                  {"max_tokens", 80},
                  {"response_format",
                   {{"type", "json_schema"}, {"json_schema", {{"schema", kSchema}}}}}}};
        break;
      case 4:
        asked = {"/v1/messages",
                 {{"messages", messages}, {"max_tokens", tokens}, {"stop_sequences", {" of"}}}};
        break;
      case 5:
        asked = {"/v1/responses", {{"input", text}, {"max_output_tokens", tokens}}};
        break;
      case 6:
        asked = {"/v1/chat/completions",
                 {{"messages", messages},
                  {"max_tokens", 120},
                  {"tools", {tool("find"), tool("count")}},
                  {"tool_choice", "required"},
                  {"parallel_tool_calls", false}}};
        break;
      default:
        asked = {"/v1/completions",
                 {{"prompt", {text, "And God"}},
                  {"max_tokens", tokens},
                  {"top_p", 0.9},
                  {"repeat_penalty", 1.3},
                  {"frequency_penalty", 0.5}}};
    }
    asked.body.update(draws);
    requests.push_back(std::move(asked));
  }
  return requests;
}

// What must be the same: the answer without ids, times and what the cache held.
Json essence(Json json) {
  if (json.is_object()) {
    for (const char* const key : {"id", "created", "created_at", "timings", "usage"})
      json.erase(key);
    for (auto& [key, value] : json.items()) value = essence(value);
  } else if (json.is_array()) {
    for (Json& value : json) value = essence(value);
  }
  return json;
}

TEST(Company, ThirtyTwoMixedRequestsGiveWhatEachGivesAlone) {
  const std::vector<Asked> requests = mixed_requests(32);
  std::vector<test::HttpReply> together(requests.size());
  {
    const test::Serving serving({}, 4096, test::kToolTemplate, 2048);
    std::vector<std::thread> clients;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      clients.emplace_back(
          [&, i] { together[i] = serving.post(requests[i].path, requests[i].body); });
    }
    for (std::thread& client : clients) client.join();
  }
  const test::Serving serving({}, 16384, test::kToolTemplate, 2048);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(together[i].status, 200) << together[i].body;
    const auto alone = serving.post(requests[i].path, requests[i].body);
    EXPECT_EQ(essence(together[i].json()), essence(alone.json())) << requests[i].body;
  }
}

}  // namespace
}  // namespace linnet
