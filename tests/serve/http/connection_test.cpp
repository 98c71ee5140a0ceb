// Who may use the server, and what an operator sees of it.

#include <gmock/gmock.h>

#include <mutex>
#include <thread>

#include "serve/serving.hpp"
#include "support/reranker_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

const Json kShort = {{"prompt", "In the beginning"}, {"max_tokens", 4}, {"temperature", 0}};

// The lines that the server wrote to its log.
class Log {
 public:
  std::function<void(std::string_view)> writer() {
    return [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(Json::parse(line));
    };
  }
  // The next line; a reply can be there before its line is.
  Json take() {
    for (int i = 0; i < 500; ++i, std::this_thread::sleep_for(10ms)) {
      const std::lock_guard lock(mutex_);
      if (lines_.empty()) continue;
      Json line = lines_.front();
      lines_.erase(lines_.begin());
      return line;
    }
    return nullptr;
  }

 private:
  std::mutex mutex_;
  std::vector<Json> lines_;
};

TEST(Access, WithoutAKeyNoBodyIsRead) {
  serve::ServerOptions options;
  options.api_keys = {{"secret", "", {}}};
  const test::Serving serving(options);
  test::TcpClient client(serving.port());
  client.send(
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(test::parse_reply(client.receive_all()).status, 401);
}

TEST(Access, AQuotaIsA429WithTheTimeToWait) {
  serve::ServerOptions options;
  options.api_keys = {{"small", "", {.requests_per_minute = 1}}, {"large", "", {}}};
  const test::Serving serving(options);
  const auto ask = [&](const std::string& key) {
    return serving.post("/v1/completions", kShort, "Authorization: Bearer " + key + "\r\n");
  };
  EXPECT_EQ(ask("small").status, 200);
  const auto refused = ask("small");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.json()["error"]["code"], "rate_limit_exceeded");
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: "));
  EXPECT_EQ(ask("large").status, 200);
  EXPECT_EQ(serving.get("/v1/models", "Authorization: Bearer small\r\n").status, 200);
}

TEST(Access, TokensCountAgainstTheQuota) {
  serve::ServerOptions options;
  options.api_keys = {{"key", "", {.tokens_per_minute = 5}}};
  const test::Serving serving(options);
  EXPECT_EQ(serving.post("/v1/completions", kShort, "x-api-key: key\r\n").status, 200);
  const auto refused = serving.post("/v1/completions", kShort, "x-api-key: key\r\n");
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.json()["error"]["message"].get<std::string>(), HasSubstr("tokens a minute"));
}

TEST(Access, KeysCanBeReplaced) {
  serve::ServerOptions options;
  options.api_keys = {{"old", "", {}}};
  test::Serving serving(options);
  ASSERT_TRUE(serving.server().reload({{"new", "", {}}}));
  for (int i = 0; i < 500; ++i, std::this_thread::sleep_for(10ms)) {
    if (serving.get("/v1/models", "x-api-key: old\r\n").status == 401) break;
  }
  EXPECT_EQ(serving.get("/v1/models", "x-api-key: old\r\n").status, 401);
  EXPECT_EQ(serving.get("/v1/models", "x-api-key: new\r\n").status, 200);
  ASSERT_TRUE(serving.server().reload({}));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(serving.get("/v1/models").status, 401) << "a server with keys never opens itself";
}

TEST(Access, PagesOfOthers) {
  serve::ServerOptions options;
  options.cors_origins = {"https://app.example.com"};
  const test::Serving serving(options);
  const auto refused = serving.get("/v1/models", "Origin: https://evil.example.com\r\n");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.head, Not(HasSubstr("Access-Control")));
  const auto allowed = serving.get("/v1/models", "Origin: https://app.example.com\r\n");
  EXPECT_EQ(allowed.status, 200);
  EXPECT_THAT(allowed.head, HasSubstr("Access-Control-Allow-Origin: https://app.example.com\r\n"));
  const auto preflight =
      test::http(serving.port(), "OPTIONS", "/v1/chat/completions", "",
                 "Origin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(preflight.head, HasSubstr("Access-Control-Allow-Methods: GET, POST"));
}

TEST(Access, RequestIds) {
  const test::Serving serving;
  EXPECT_THAT(serving.get("/health").head, HasSubstr("X-Request-Id: req-"));
  EXPECT_THAT(serving.get("/health", "X-Request-Id: trace-7.a\r\n").head,
              HasSubstr("X-Request-Id: trace-7.a\r\n"));
  EXPECT_THAT(serving.get("/health", "X-Request-Id: a\"b\r\n").head,
              HasSubstr("X-Request-Id: req-"));
}

TEST(Access, HeadIsGetWithoutItsBody) {
  const test::Serving serving;
  const auto reply = test::http(serving.port(), "HEAD", "/health");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("Content-Length: 15"));
  EXPECT_EQ(reply.body, "");
}

TEST(Access, TheLogTellsWhatWasUsedButNotWhatWasSaid) {
  Log log;
  serve::ServerOptions options;
  options.api_keys = {{"secret", "team", {}}};
  options.log = log.writer();
  const test::Serving serving(options);
  for (const bool streams : {false, true}) {
    Json body = kShort;
    body["stream"] = streams;
    EXPECT_EQ(serving.post("/v1/completions?a=b", body, "x-api-key: secret\r\n").status, 200);
    const Json line = log.take();
    EXPECT_EQ(line["path"], "/v1/completions");
    EXPECT_EQ(line["status"], 200);
    EXPECT_EQ(line["key"], "team");
    EXPECT_EQ(line["peer"], "127.0.0.1");
    EXPECT_EQ(line["completion_tokens"], 4);
    EXPECT_GT(line["prompt_tokens"], 0);
    EXPECT_THAT(line.dump(), Not(HasSubstr("beginning")));
    EXPECT_THAT(line.dump(), Not(HasSubstr("secret")));
  }
  EXPECT_EQ(serving.get("/v1/models").status, 401);
  EXPECT_EQ(log.take()["status"], 401);
}

TEST(Access, TheLogHasContentsWhereItIsAskedTo) {
  Log log;
  serve::ServerOptions options;
  options.log = log.writer();
  options.logs_content = true;
  const test::Serving serving(options);
  const auto reply = serving.post("/v1/completions", kShort);
  const Json line = log.take();
  EXPECT_EQ(Json::parse(line["request"].get<std::string>()), kShort);
  EXPECT_EQ(Json::parse(line["reply"].get<std::string>())["choices"], reply.json()["choices"]);
}

TEST(Access, WholeAnswersAreLoggedAsTheyWereSent) {
  const test::TemporaryFolder folder;
  const std::string model = (folder / "reranker.gguf").string();
  ASSERT_TRUE(test::write_reranker(model));
  Log log;
  serve::ServerOptions options;
  options.log = log.writer();
  options.logs_content = true;
  const test::Serving serving(options, 256, "", 128, model);
  const auto reply = serving.post(
      "/rerank", {{"query", "a"}, {"documents", {"a linnet"}}, {"return_documents", true}});
  EXPECT_EQ(reply.json()["results"][0]["document"]["text"], "a linnet") << reply.body;
  EXPECT_EQ(log.take()["reply"], reply.body);
}

TEST(Access, AClientThatLeavesBehindUnreadBytesEndsItsWork) {
  const test::Serving serving;
  const Json body = {{"prompt", "And"}, {"max_tokens", 500}, {"ignore_eos", true}, {"n", 8}};
  {
    test::TcpClient client(serving.port());
    client.send(test::http_request("POST", "/v1/completions", body.dump()) + "GET /more");
    std::this_thread::sleep_for(50ms);
  }
  for (int i = 0; i < 300 && serving.metric("linnet_cancelled_total") < 8; ++i) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(serving.metric("linnet_cancelled_total"), 8);
}

TEST(WebPage, IsThereForEveryoneAndLoadsNothingFromElsewhere) {
  serve::ServerOptions options;
  options.api_keys = {{"secret", "", {}}};
  const test::Serving serving(options);
  const auto page = serving.get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.head, HasSubstr("Content-Type: text/html"));
  EXPECT_THAT(page.head,
              HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self'"));
  EXPECT_THAT(page.head, HasSubstr("img-src 'self' data:; media-src data:; connect-src 'self';"));
  EXPECT_THAT(page.body, Not(HasSubstr("http")));
  EXPECT_THAT(serving.get("/app.js").head, HasSubstr("Content-Type: text/javascript"));
  EXPECT_GT(serving.get("/marked.js").body.size(), 10000u);
}

TEST(WebPage, IsNotSentAgainToWhoHasIt) {
  const test::Serving serving;
  const auto page = serving.get("/app.js");
  const std::size_t at = page.head.find("ETag: ") + 6;
  const std::string tag = page.head.substr(at, page.head.find('\r', at) - at);
  const auto again = serving.get("/app.js", "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(serving.get("/app.js", "If-None-Match: \"other\"\r\n").body, page.body);
}

}  // namespace
}  // namespace linnet
