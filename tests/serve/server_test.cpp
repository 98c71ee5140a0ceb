#include "serve/server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <new>
#include <thread>

#include "serve/serving.hpp"
#include "support/becomes.hpp"
#include "support/model_copy.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using test::becomes;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Json kLongStream = {{"prompt", "And"},
                          {"max_tokens", 500},
                          {"temperature", 0},
                          {"ignore_eos", true},
                          {"stream", true}};

TEST(Server, HealthAndModels) {
  const test::Serving serving;
  EXPECT_EQ(serving.get("/health").json()["status"], "ok");
  const Json models = serving.get("/v1/models").json();
  EXPECT_EQ(models["data"][0]["id"], "linnet-kjv");
  EXPECT_EQ(models["data"][0]["context_length"], 512);
  EXPECT_EQ(models["data"][0]["capabilities"], Json::array({"completion", "chat"}));
  EXPECT_EQ(models["data"][0]["recommended"], Json::object());
  EXPECT_EQ(serving.get("/v1/models/linnet-kjv").json()["id"], "linnet-kjv");
  EXPECT_EQ(serving.get("/v1/models/other").status, 404);
}

TEST(Server, AModelTellsWhatItsMakersRecommend) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "model.gguf").string();
  const auto written = test::ModelCopy()
                           .set_number("general.sampling.temp", 1.0)
                           .set_number("general.sampling.penalty_repeat", 1.5)
                           .set("general.sampling.top_k", gguf::ValueType::kInt32, 20)
                           .write(path);
  ASSERT_TRUE(written) << written.error().message;
  const test::Serving serving({}, 4096, "chatml", 512, path);
  EXPECT_EQ(serving.get("/v1/models").json()["data"][0]["recommended"],
            Json({{"temperature", 1.0}, {"repeat_penalty", 1.5}, {"top_k", 20}}));
}

TEST(Server, SequencesTellWhatRuns) {
  const test::Serving serving;
  EXPECT_TRUE(serving.get("/v1/sequences").json()["data"].empty());
  Json body = kLongStream;
  body["n"] = 2;
  test::TcpClient client(serving.port());
  client.send(test::http_request("POST", "/v1/completions", body.dump()));
  ASSERT_TRUE(client.receive_until("data: "));
  const Json data = serving.get("/v1/sequences").json()["data"];
  ASSERT_EQ(data.size(), 2u);
  EXPECT_EQ(data[0]["endpoint"], "/v1/completions");
  EXPECT_EQ(data[0]["state"], "running");
  EXPECT_EQ(data[1]["choice"], 1);
  EXPECT_GT(data[0]["prompt_tokens"], 0);
  EXPECT_EQ(data.dump().find("And"), std::string::npos);
}

TEST(Server, UnknownPathsAndMethods) {
  const test::Serving serving;
  EXPECT_EQ(serving.get("/v2/models").status, 404);
  EXPECT_EQ(serving.get("/v1/completions").status, 405);
  EXPECT_EQ(serving.post("/health", Json::object()).status, 405);
  EXPECT_THAT(serving.get("/v1/completions").head, HasSubstr("\r\nAllow: POST\r\n"));
  EXPECT_THAT(serving.post("/health", Json::object()).head, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_EQ(serving.post("/messages", Json::object()).json()["error"]["message"],
            "there is no /messages, but /v1/messages");
}

TEST(Server, PathsOfOtherServersAreToldWhatToUseInstead) {
  const test::Serving serving;
  const auto message_of = [&](const char* path) {
    const auto reply = serving.post(path, Json::object());
    EXPECT_EQ(reply.status, 404) << path;
    const Json error = reply.json()["error"];
    return error.is_string() ? error.get<std::string>() : error["message"].get<std::string>();
  };
  EXPECT_EQ(message_of("/api/pull"),
            "there is no /api/pull: linnet pull brings models here, and linnet serve names them");
  EXPECT_THAT(message_of("/slots/0"), HasSubstr("--cache-dir"));
  EXPECT_THAT(message_of("/models/unload"), HasSubstr("--idle-minutes"));
  EXPECT_THAT(message_of("/v1/responses/compact"), HasSubstr("nothing is ever left out"));
}

// As clients have them whose address does not end in /v1.
TEST(Server, PathsOfOpenAiAreThereWithoutTheVersion) {
  const test::Serving serving;
  const Json messages = {{{"role", "user"}, {"content", "Who?"}}};
  const std::vector<std::pair<const char*, Json>> requests = {
      {"/completions", {{"prompt", "And"}, {"max_tokens", 2}, {"temperature", 0}}},
      {"/chat/completions", {{"messages", messages}, {"max_tokens", 2}, {"temperature", 0}}},
      {"/chat/completions/input_tokens", {{"messages", messages}}},
      {"/responses", {{"input", "Who?"}, {"max_output_tokens", 2}, {"temperature", 0}}},
      {"/responses/input_tokens", {{"input", "Who?"}}},
      {"/embeddings", {{"input", "And"}}},
  };
  for (const auto& [path, body] : requests) {
    const auto reply = serving.post(path, body);
    EXPECT_EQ(reply.status, 200) << path << reply.body;
    const Json own = serving.post(std::string("/v1") + path, body).json();
    EXPECT_EQ(reply.json().size(), own.size()) << path;
    EXPECT_EQ(reply.json()["object"], own["object"]) << path;
  }
}

TEST(Server, PathsMayBePercentEncoded) {
  const test::Serving serving;
  EXPECT_EQ(serving.get("/v1/models/linnet%2dkjv").json()["id"], "linnet-kjv");
  for (const char* const path : {"/v1/models/%2", "/v1/models/%zz", "/v1/models/a%"}) {
    EXPECT_EQ(serving.get(path).status, 404) << path;
  }
}

TEST(Server, RepliesAreDated) {
  const test::Serving serving;
  EXPECT_THAT(serving.get("/health").head,
              testing::ContainsRegex("Date: [A-Z][a-z][a-z], [0-9 ]+[A-Z][a-z][a-z] [0-9: ]+GMT"));
}

TEST(Server, ConnectionsAreBounded) {
  serve::ServerOptions options;
  options.most_connections = 2;
  const test::Serving serving(options);
  {
    const test::TcpClient first(serving.port()), second(serving.port());
    test::TcpClient third(serving.port());
    EXPECT_EQ(third.receive(), "");  // it is closed
  }
  ASSERT_TRUE(becomes([&] {
    test::TcpClient client(serving.port());
    client.send(test::http_request("GET", "/health", ""));
    return client.receive_until("ok");
  }));
  EXPECT_GE(serving.metric("linnet_refused_connections_total"), 1);
}

TEST(Server, BadBodiesAreRefused) {
  const test::Serving serving;
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string("{\"prompt\": \"\xff\"}"),
        std::string("{\"a\":") + std::string(100000, '['), std::string("\"text\"")}) {
    const auto reply = test::http(serving.port(), "POST", "/v1/completions", body);
    EXPECT_EQ(reply.status, 400) << body.substr(0, 20);
    EXPECT_EQ(reply.json()["error"]["type"], "invalid_request_error");
  }
  const auto message_of = [&](const char* body) {
    return test::http(serving.port(), "POST", "/v1/completions", body).json()["error"]["message"];
  };
  EXPECT_EQ(message_of(""), "the request has no body, expected a JSON object");
  EXPECT_EQ(message_of("{\"a\": 1"), "the body is not valid JSON: it ends too early");
  EXPECT_EQ(message_of("{a}"), "the body is not valid JSON: byte 2 was not expected");
  EXPECT_EQ(test::http(serving.port(), "POST", "/v1/completions",
                       R"({"a": )" + std::string(63, '[') + std::string(63, ']') + "}")
                .json()["error"]["param"],
            "prompt");  // which is not too deep
}

TEST(Server, TargetsMayNameTheHost) {
  const test::Serving serving;
  for (const char* const target :
       {"http://localhost/health", "HTTP://localhost:80/health?a=b", "https://127.0.0.1/health"}) {
    EXPECT_EQ(serving.get(target).status, 200) << target;
  }
  EXPECT_EQ(serving.get("http://localhost").status, 200) << "the page";
  EXPECT_EQ(serving.get("http://localhost/nothing").status, 404);
  // Which then goes before the header: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
  EXPECT_EQ(serving.get("http://evil.example.com/health").status, 403);
}

// They come before and behind the bytes that the limit of bodies counts.
TEST(Server, ExtensionsAndTrailersOfChunksAreBounded) {
  const test::Serving serving;
  for (const char* const beginning : {"1;", "2\r\n{}\r\n0\r\nX-Trailer: "}) {
    test::TcpClient client(serving.port());
    client.send("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(beginning);
    client.send(std::string(200'000, 'a'));  // and so on
    EXPECT_EQ(test::parse_reply(client.receive_all()).status, 431) << beginning;
  }
  const std::string small =
      "Transfer-Encoding: chunked\r\n\r\n10;name=value\r\n"
      "{\"content\": \"a\"}\r\n0\r\nX-Trailer: a\r\n\r\n";
  test::TcpClient client(serving.port());
  client.send("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + small);
  EXPECT_EQ(test::parse_reply(client.receive_all()).status, 200);
}

// What is in such a body is no request of its own.
TEST(Server, UnknownTransferCodingsAreRefused) {
  const test::Serving serving;
  const std::string hidden = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const char* const codings :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"}) {
    test::TcpClient client(serving.port());
    client.send(std::string("POST /tokenize HTTP/1.1\r\nHost: localhost\r\n") + codings + "\r\n" +
                hidden);
    const std::string replies = client.receive_all();
    EXPECT_EQ(test::parse_reply(replies).status, 400) << codings;
    EXPECT_EQ(replies.find("\"ok\""), std::string::npos) << codings;
    EXPECT_THAT(replies, HasSubstr("bad Transfer-Encoding")) << codings;
  }
}

TEST(Server, RepliesWithoutABodyHaveNoLength) {
  serve::ServerOptions options;
  options.cors_origins = {"https://app.example.com"};
  const test::Serving serving(options);
  const std::string page = serving.get("/").head;
  const std::size_t tag = page.find("ETag: ") + 6;
  const auto unchanged =
      serving.get("/", "If-None-Match: " + page.substr(tag, page.find('\r', tag) - tag) + "\r\n");
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_THAT(unchanged.head, testing::Not(HasSubstr("Content-Length")));
  const auto preflight =
      test::http(serving.port(), "OPTIONS", "/v1/models", "",
                 "Origin: https://app.example.com\r\nAccess-Control-Request-Method: GET\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(preflight.head, testing::Not(HasSubstr("Content-Length")));
}

// https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
TEST(Server, OnlyWhoWaitsToSendABodyIsToldToGoOn) {
  const test::Serving serving;
  const auto reply_to = [&](std::string_view version, std::string_view body) {
    test::TcpClient client(serving.port());
    client.send(
        fmt::format("POST /tokenize HTTP/{}\r\nHost: localhost\r\nConnection: close\r\n"
                    "Expect: 100-continue\r\nContent-Length: {}\r\n\r\n{}",
                    version, body.size(), body));
    return client.receive_all();
  };
  constexpr std::string_view kBody = R"({"content": "a"})";
  EXPECT_THAT(reply_to("1.1", kBody), testing::StartsWith("HTTP/1.1 100 Continue\r\n"));
  EXPECT_THAT(reply_to("1.0", kBody), testing::StartsWith("HTTP/1.0 200 OK\r\n"));
  EXPECT_THAT(reply_to("1.1", ""), testing::StartsWith("HTTP/1.1 400 Bad Request\r\n"));
}

TEST(Server, LargeHeadersAndBodiesAreRefused) {
  serve::ServerOptions options;
  options.body_bytes = 1000;
  const test::Serving serving(options);
  const auto body = test::http(serving.port(), "POST", "/v1/completions", std::string(2000, ' '));
  EXPECT_EQ(body.status, 413);
  EXPECT_EQ(body.json()["error"]["code"], "request_too_large");
  const std::string header = "X-Large: " + std::string(20000, 'a') + "\r\n";
  EXPECT_EQ(serving.get("/health", header).status, 431);
}

TEST(Server, WhatIsNotHttpIsRefused) {
  const test::Serving serving;
  test::TcpClient client(serving.port());
  client.send("this is not HTTP\r\n\r\n");
  EXPECT_EQ(test::parse_reply(client.receive_all()).status, 400);
}

TEST(Server, TwoHostsAndNoneAreRefused) {
  const test::Serving serving;
  EXPECT_EQ(serving.get("/health", "Host: other\r\n").status, 400);
  const auto status_of = [&](const char* request) {
    test::TcpClient client(serving.port());
    client.send(request);
    return test::parse_reply(client.receive_all()).status;
  };
  EXPECT_EQ(status_of("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /health HTTP/1.0\r\n\r\n"), 200);
}

TEST(Server, CompressedBodiesAreRefused) {
  const test::Serving serving;
  const auto reply = serving.post("/tokenize", {{"content", "a"}}, "Content-Encoding: gzip\r\n");
  EXPECT_EQ(reply.status, 415);
  EXPECT_EQ(reply.json()["error"]["message"],
            "the body is encoded as gzip, expected JSON as it is");
  EXPECT_EQ(serving.post("/tokenize", {{"content", "a"}}, "Content-Encoding: identity\r\n").status,
            200);
}

// The memory for bodies is then spoken for.
TEST(Server, LargeBodiesThatComeSlowlyHoldUpTheirLikeOnly) {
  const test::Serving serving;
  std::vector<std::unique_ptr<test::TcpClient>> slow;
  for (int i = 0; i < 16; ++i) {
    slow.push_back(std::make_unique<test::TcpClient>(serving.port()));
    slow.back()->send(
        "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554432\r\n\r\n{");
  }
  const Json large = {{"content", std::string(100'000, 'a')}};
  EXPECT_TRUE(becomes([&] { return serving.post("/tokenize", large).status == 429; }));
  EXPECT_EQ(serving.post("/tokenize", {{"content", "a"}}).status, 200);
  slow.clear();
  EXPECT_TRUE(becomes([&] { return serving.post("/tokenize", large).status == 200; }));
}

// Such bodies do not say how long they are, but once they have come it is known.
TEST(Server, ChunkedBodiesCountAsWhatTheyAre) {
  serve::ServerOptions options;
  options.body_bytes = 1 << 20;
  const test::Serving serving(options, 32768);
  const std::string body = kLongStream.dump();
  const std::string request = fmt::format(
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
      "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
      body.size(), body);
  std::vector<std::unique_ptr<test::TcpClient>> streams;
  for (int i = 0; i < 20; ++i) {
    streams.push_back(std::make_unique<test::TcpClient>(serving.port()));
    streams.back()->send(request);
    EXPECT_TRUE(streams.back()->receive_until("data: ")) << i;
  }
}

TEST(Server, ASlowHeaderEndsTheConnection) {
  serve::ServerOptions options;
  options.header_time = std::chrono::seconds(1);
  const test::Serving serving(options);
  test::TcpClient client(serving.port());
  client.send("GET /health HT");
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_TRUE(becomes([&] { return serving.metric("linnet_connections") == 1; }));
}

TEST(Server, ASlowBodyEndsTheConnection) {
  serve::ServerOptions options;
  options.body_time = std::chrono::seconds(1);
  const test::Serving serving(options);
  test::TcpClient client(serving.port());
  client.send("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"cont");
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_TRUE(becomes([&] { return serving.metric("linnet_connections") == 1; }));
}

TEST(Server, SeveralRequestsOnAConnection) {
  const test::Serving serving;
  test::TcpClient client(serving.port());
  const std::string request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    client.send(request);
    EXPECT_TRUE(client.receive_until("\"ok\""));
  }
  client.send(request + request + test::http_request("GET", "/health", ""));  // pipelined
  const std::string replies = client.receive_all();
  EXPECT_EQ(std::count(replies.begin(), replies.end(), '{'), 3);
}

TEST(Server, ASlowReaderGetsEverything) {
  const test::Serving serving({}, 32768);
  Json body = kLongStream;
  body["n"] = 16;
  body["logprobs"] = 20;  // more than the system's buffers of a connection hold
  body["max_tokens"] = 300;
  test::TcpClient slow(serving.port());
  const int buffer_bytes = 64 << 10;
  setsockopt(slow.descriptor(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  slow.send(test::http_request("POST", "/v1/completions", body.dump()));
  ASSERT_TRUE(slow.receive_until("data: "));
  ASSERT_TRUE(becomes([&] { return serving.metric("linnet_running") == 0; }));
  const std::string rest = slow.receive_all();
  EXPECT_GT(rest.size(), 2u << 20);
  EXPECT_THAT(rest.substr(rest.size() - 100), HasSubstr("data: [DONE]"));
  EXPECT_TRUE(rest.ends_with("\r\n0\r\n\r\n"));
}

// All that comes, of which little is taken for `time`, and then the rest.
std::string receive_slowly(test::TcpClient& client, std::chrono::seconds time) {
  const int buffer_bytes = 64 << 10;
  setsockopt(client.descriptor(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  const auto end = std::chrono::steady_clock::now() + time;
  std::string all;
  for (std::string part = client.receive(); !part.empty(); part = client.receive()) {
    all += part;
    if (std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(2500us);
  }
  return all;
}

// The time is that of a part of an answer, not of all of it.
TEST(Server, AReaderMayTakeLongForAllOfAnAnswer) {
  serve::ServerOptions options;
  options.write_time = std::chrono::seconds(2);
  const test::Serving serving(options, 32768, "chatml", 2048);
  const auto reply_to = [&](const char* path, const Json& body) {
    test::TcpClient client(serving.port());
    client.send(test::http_request("POST", path, body.dump()));
    const std::string reply = receive_slowly(client, 5s);
    EXPECT_GT(reply.size(), 8u << 20) << "more than the system's buffers of a connection hold";
    return reply;
  };
  std::string text;
  for (int i = 0; i < 700'000; ++i) text += static_cast<char>('0' + i * 7 % 10);
  EXPECT_TRUE(reply_to("/tokenize", {{"content", text}, {"with_pieces", true}}).ends_with("\"}]}"));
  Json body = kLongStream;
  body["n"] = 16;
  body["logprobs"] = 20;
  body["max_tokens"] = 1500;
  EXPECT_TRUE(reply_to("/v1/completions", body).ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
}

TEST(Server, AReaderThatStopsEndsTheConnection) {
  serve::ServerOptions options;
  options.write_time = std::chrono::seconds(1);
  const test::Serving serving(options, 32768);
  Json body = kLongStream;
  body["n"] = 16;
  body["logprobs"] = 20;  // more than the system's buffers of a connection hold
  test::TcpClient client(serving.port());
  client.send(test::http_request("POST", "/v1/completions", body.dump()));
  ASSERT_TRUE(client.receive_until("data: "));
  EXPECT_TRUE(becomes([&] { return serving.metric("linnet_connections") == 1; }));
  EXPECT_TRUE(becomes([&] { return serving.metric("linnet_running") == 0; }));
  EXPECT_THAT(client.receive_all(), testing::Not(HasSubstr("[DONE]")));
}

// Requests are read beside the thread that serves connections, and quick ones do not wait for it.
TEST(Server, OthersAreServedWhileASchemaIsCompiled) {
  const test::Serving serving;
  Json schema = {{"type", "object"}};
  for (int i = 0; i < 60; ++i) {
    schema["properties"]["field" + std::to_string(i)] = {
        {"type", "string"}, {"pattern", "^[a-z]{1,200}x[0-9]{1,200}$"}};
  }
  const Json body = {{"prompt", "a"}, {"max_tokens", 1}, {"json_schema", schema}, {"stream", true}};
  const Json free = {{"prompt", "a"}, {"max_tokens", 1}};
  Json known = free;
  known["grammar"] = "root ::= \" yes\"";
  EXPECT_EQ(serving.post("/v1/completions", known).status, 200);
  test::TcpClient client(serving.port());
  client.send(test::http_request("POST", "/v1/completions", body.dump()));
  EXPECT_EQ(serving.get("/health").status, 200);
  EXPECT_EQ(serving.post("/v1/completions", free).status, 200);
  EXPECT_EQ(serving.post("/v1/completions", known).status, 200);
  pollfd reply{client.descriptor(), POLLIN, 0};
  EXPECT_EQ(poll(&reply, 1, 0), 0);  // nothing has come of it yet
  EXPECT_TRUE(client.receive_until("[DONE]"));
}

TEST(Server, AClientThatLeavesEndsItsWork) {
  const test::Serving serving;
  for (const bool streams : {true, false}) {
    Json body = kLongStream;
    body["stream"] = streams;
    body["n"] = 8;
    {
      test::TcpClient client(serving.port());
      client.send(test::http_request("POST", "/v1/completions", body.dump()));
      ASSERT_TRUE(becomes([&] { return serving.metric("linnet_running") == 8; }));
    }
    EXPECT_TRUE(becomes([&] { return serving.metric("linnet_running") == 0; }));
  }
  EXPECT_EQ(serving.metric("linnet_cancelled_total"), 16);
  EXPECT_LT(serving.metric("linnet_generated_tokens_total"), 16 * 500);
  EXPECT_EQ(serving.metric("linnet_kv_free_pages"), serving.metric("linnet_kv_pages"));
}

TEST(Server, AFullQueueIsRefusedWithRetryAfter) {
  serve::ServerOptions options;
  options.engine.most_running = 1;
  options.engine.most_waiting = 1;
  const test::Serving serving(options);
  std::vector<std::unique_ptr<test::TcpClient>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(std::make_unique<test::TcpClient>(serving.port()));
    clients.back()->send(test::http_request("POST", "/v1/completions", kLongStream.dump()));
    ASSERT_TRUE(becomes([&] {
      return serving.metric("linnet_running") + serving.metric("linnet_waiting") == i + 1;
    }));
  }
  const auto reply = serving.post("/v1/completions", kLongStream);
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.json()["error"]["code"], "rate_limit_exceeded");
  EXPECT_THAT(reply.head, HasSubstr("Retry-After: "));
}

// To try again later would not help.
TEST(Server, MoreTextsThanMayWaitAreNoFullQueue) {
  serve::ServerOptions options;
  options.engine.most_running = 2;
  options.engine.most_waiting = 3;
  const test::Serving serving(options);
  Json body = {{"prompt", "a"}, {"max_tokens", 1}, {"n", 5}};
  EXPECT_EQ(serving.post("/v1/completions", body).status, 200);
  body["n"] = 6;
  const auto reply = serving.post("/v1/completions", body);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["message"], "the request asks for 6 texts, expected at most 5");
}

TEST(Server, KeysAreAskedFor) {
  serve::ServerOptions options;
  options.api_keys = {{"first", "", {}}, {"second", "", {}}};
  const test::Serving serving(options);
  EXPECT_EQ(serving.get("/health").status, 200);
  EXPECT_EQ(serving.get("/health?model=which").status, 200) << "it would name the models";
  const auto none = serving.get("/v1/models");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.json()["error"]["code"], "invalid_api_key");
  EXPECT_EQ(serving.get("/v1/models", "Authorization: Bearer third\r\n").status, 401);
  EXPECT_EQ(serving.get("/v1/models", "Authorization: Bearer firs\r\n").status, 401);
  EXPECT_EQ(serving.get("/v1/models", "Authorization: Bearer second\r\n").status, 200);
  EXPECT_EQ(serving.get("/v1/models", "x-api-key: first\r\n").status, 200);
  // https://www.rfc-editor.org/rfc/rfc9110#section-11.1
  EXPECT_EQ(serving.get("/v1/models", "Authorization: bearer second\r\n").status, 200);
}

std::vector<serve::ModelToServe> one_model(const ModelFile& file,
                                           std::function<Result<std::unique_ptr<Engine>>()> load) {
  std::vector<serve::ModelToServe> models;
  models.push_back({std::move(*serve::describe_model(file, "m", "", 512)), {std::move(load)}});
  return models;
}

TEST(Server, TheLogHasNoFilesOfThePage) {
  std::string log;
  serve::ServerOptions options;
  options.logs_content = true;
  options.log = [&](std::string_view line) { log += line; };
  test::Serving serving(options);
  EXPECT_EQ(serving.get("/app.js").status, 200);
  EXPECT_EQ(serving.get("/health").status, 200);
  EXPECT_TRUE(serving.server().drain(std::chrono::minutes(5)));
  EXPECT_THAT(log, HasSubstr(R"("path":"/app.js")"));
  EXPECT_THAT(log, testing::Not(HasSubstr("function")));
  EXPECT_THAT(log, HasSubstr("ok"));
}

TEST(Server, OtherMachinesNeedAKey) {
  const auto file = ModelFile::open(test::kBundledModel);
  const auto start = [&](bool insecure) {
    serve::ServerOptions options;
    options.host = "0.0.0.0";
    options.port = 0;
    options.insecure = insecure;
    return serve::Server::start(one_model(**file, [&] { return Engine::load(**file, {}, 512); }),
                                options);
  };
  const auto refused = start(false);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("--api-key"));
  EXPECT_TRUE(start(true).ok());
}

TEST(Server, DrainFinishesWhatRuns) {
  test::Serving serving;
  test::TcpClient idle(serving.port());
  test::TcpClient busy(serving.port());
  busy.send(test::http_request("POST", "/v1/completions", kLongStream.dump()));
  ASSERT_TRUE(busy.receive_until("data: "));
  EXPECT_TRUE(serving.server().drain(5min));
  EXPECT_THAT(busy.receive_all(), HasSubstr("[DONE]"));
  EXPECT_THROW(test::TcpClient late(serving.port()), std::runtime_error);
}

// A server whose engine comes from `load`.
auto start_with(Result<std::unique_ptr<Engine>> (*load)()) {
  const auto file = ModelFile::open(test::kBundledModel);
  serve::ServerOptions options;
  options.port = 0;
  return serve::Server::start(one_model(**file, load), options);
}

TEST(Server, AModelForWhichThereIsNoMemoryIsSaid) {
  auto server = start_with([]() -> Result<std::unique_ptr<Engine>> { throw std::bad_alloc(); });
  ASSERT_TRUE(server.ok());
  EXPECT_EQ((*server)->wait_until_loaded().error().message, "out of memory");
}

TEST(Server, ATakenPortIsSaidBeforeAnyModelIsLoaded) {
  const test::Serving other;
  const auto file = ModelFile::open(test::kBundledModel);
  serve::ServerOptions options;
  options.port = other.port();
  std::atomic<bool> loads = false;
  const auto server = serve::Server::start(one_model(**file,
                                                     [&]() -> Result<std::unique_ptr<Engine>> {
                                                       loads = true;
                                                       return Error{"loaded"};
                                                     }),
                                           options);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error().message, HasSubstr("cannot listen at 127.0.0.1"));
  EXPECT_FALSE(loads);
}

TEST(Server, AModelThatCannotBeLoadedIsSaid) {
  auto server =
      start_with([]() -> Result<std::unique_ptr<Engine>> { return Error{"no engine today"}; });
  ASSERT_TRUE(server.ok());
  EXPECT_EQ((*server)->wait_until_loaded().error().message, "no engine today");
  EXPECT_EQ(test::http((*server)->port(), "GET", "/health").status, 500);
}

}  // namespace
}  // namespace linnet
