#include "serve/requests/ollama_request.hpp"

#include <gtest/gtest.h>

#include "serve/engines/shared_by_engines.hpp"
#include "serve/requests/unanswered_calls.hpp"
#include "support/paths.hpp"
#include "support/processor_time.hpp"

namespace linnet::serve {
namespace {

// "id name" of each result of a tool in the conversation.
std::vector<std::string> results_of(const Json& messages) {
  const auto file = ModelFile::open(test::kBundledModel);
  EXPECT_TRUE(file);
  const auto model = describe_model(**file, "m", "", 512);
  EXPECT_TRUE(model);
  const Json body = {{"messages", messages}};
  Fields fields(body);
  const OllamaRequest request = read_ollama_chat(fields, *model);
  EXPECT_FALSE(fields.error());
  std::vector<std::string> results;
  for (const Json& message : request.chat.request.messages) {
    if (message["role"] != "tool") continue;
    results.push_back(message["tool_call_id"].get<std::string>() + " " +
                      message["name"].get<std::string>());
  }
  return results;
}

TEST(OllamaRequest, ModelsAreKeptForSecondsOrAsGoWritesTimes) {
  const auto kept = [](const Json& time) {
    const Json body = {{"keep_alive", time}};
    Fields fields(body);
    const auto read = read_keep_alive(fields);
    return read ? read->count() : fields.error() ? -1 : -2;
  };
  EXPECT_EQ(kept(nullptr), -2);
  for (const Json& wrong : {Json("soon"), Json(""), Json("5x"), Json("-"), Json("5m3"), Json("m"),
                            Json("nan"), Json("inf"), Json("infinity"), Json("-inf"), Json("infm"),
                            Json("0m5"), Json(true), Json::array()}) {
    EXPECT_EQ(kept(wrong), -1) << wrong;
  }
  EXPECT_EQ(kept(0), 0);
  EXPECT_EQ(kept("0"), 0);
  EXPECT_EQ(kept("0s"), 0);
  EXPECT_EQ(kept(90), 90'000);
  EXPECT_EQ(kept(1.5), 1500);
  EXPECT_EQ(kept("90"), 90'000);
  EXPECT_EQ(kept("5m"), 300'000);
  EXPECT_EQ(kept("1h30m"), 5'400'000);
  EXPECT_EQ(kept("250ms"), 250);
  for (const Json& always : {Json(-1), Json("-1"), Json("-1m"), Json(1e300)}) {
    EXPECT_EQ(kept(always), kForever.count()) << always;
  }
}

using Results = std::vector<std::string>;

TEST(OllamaRequest, ResultsFollowTheirCallsOrNameThem) {
  const Json calls = Json::parse(R"({"role": "assistant", "tool_calls": [
      {"id": "a", "function": {"name": "time"}}, {"id": "b", "function": {"name": "day"}}]})");
  const Json unnamed = {{"role", "tool"}, {"content", "1"}};
  const auto named = [](const char* id) {
    return Json({{"role", "tool"}, {"tool_call_id", id}, {"content", "1"}});
  };
  EXPECT_EQ(results_of({calls, unnamed, unnamed}), (Results{"a time", "b day"}));
  EXPECT_EQ(results_of({calls, named("b"), named("a")}), (Results{"b day", "a time"}));
  EXPECT_EQ(results_of({calls, named("b"), unnamed}), (Results{"b day", "a time"}));
  EXPECT_EQ(results_of({calls, named("c"), unnamed}), (Results{"c ", "a time"}));
  EXPECT_EQ(results_of({calls, calls, named("b"), unnamed, named("b"), unnamed, unnamed}),
            (Results{"b day", "a time", "b day", "a time", "call_0 "}));
}

// Each result was compared with each call: a body of 12 MiB took 7 s for that, in which no other
// large request was read.
TEST(OllamaRequest, ManyResultsAreFoundAmongManyCalls) {
  constexpr int kCalls = 400'000, kResults = 4096;
  const std::string id(64, 'a');
  UnansweredCalls calls;
  for (int i = 0; i < kCalls; ++i) calls.add({id + "1", "time"});
  calls.add({id + "2", "day"});
  const double start_s = test::processor_time_s();
  for (int i = 0; i < kResults; ++i) EXPECT_FALSE(calls.take(id + "3"));
  EXPECT_EQ(calls.take(id + "2")->name, "day");
  EXPECT_EQ(calls.take(std::nullopt)->name, "time");
  EXPECT_LT(test::processor_time_s() - start_s, 5);
}

}  // namespace
}  // namespace linnet::serve
