// One server with several models.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "serve/serving.hpp"
#include "support/adapter_file.hpp"
#include "support/becomes.hpp"
#include "support/paths.hpp"
#include "support/scripted_model.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using test::becomes;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

const std::string kBundled = test::kBundledModel;

// The memory of a machine in which each model takes what a test says.
struct FakeMemory {
  std::int64_t bytes = 100;

  Status check(std::int64_t need, const serve::EnginesInMemory& others) const {
    if (others.bytes + need <= bytes) return {};
    return Error{fmt::format("{} needed, {} left", need, bytes - others.bytes), serve::kNoMemory};
  }
};

// Writes down which engine multiplies, a letter a product. Closed, it holds all of them.
class Log {
 public:
  class Of : public ProductObserver {
   public:
    Of(Log& log, char name) : log_(log), name_(name) {}
    void see(const Product&) override {
      while (log_.is_closed) std::this_thread::sleep_for(1ms);
      const std::lock_guard lock(log_.mutex_);
      log_.text_ += name_;
    }

   private:
    Log& log_;
    const char name_;
  };
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

  std::atomic<bool> is_closed{false};

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

// A server with models in this process.
class SeveralModels : public testing::Test {
 protected:
  // Before start(): a model that is loaded from `path` and takes so much of the fake memory.
  void add(const std::string& id, const std::string& path, std::int64_t bytes = 1,
           const std::string& adapter = "") {
    observers_.try_emplace(id, log_, id.front());
    files_.push_back(std::move(*ModelFile::open(path)));
    if (!adapter.empty()) {
      ASSERT_TRUE(files_.back()->add_adapter(adapter, 1.0f));
    }
    const ModelFile& file = *files_.back();
    auto model = serve::describe_model(file, id, "", 512);
    ASSERT_TRUE(model) << model.error().message;
    serve::EngineSource source;
    source.load = [this, id, &file]() -> Result<std::unique_ptr<Engine>> {
      if (before_load) {
        if (Status s = before_load(id); !s) return s.error();
      }
      EngineOptions options;
      options.threads = 1;
      options.observer = &observers_.at(id);
      return Engine::load(file, options, 4096);
    };
    source.bytes = bytes;
    source.path = path;
    source.check_memory = [this, bytes](const serve::EnginesInMemory& others) {
      return memory_.check(bytes, others);
    };
    models_.push_back({std::move(*model), std::move(source)});
  }
  // One that answers `answer` to a chat.
  void add_scripted(const std::string& id, std::vector<std::string> answer, bool endless = false,
                    std::int64_t bytes = 1) {
    const std::string path = (folder_ / (id + ".gguf")).string();
    const Status written =
        test::ScriptedModel{.answer = std::move(answer), .endless = endless}.write(path);
    ASSERT_TRUE(written) << written.error().message;
    add(id, path, bytes);
  }
  void start() {
    options_.port = 0;
    auto server = serve::Server::start(std::move(models_), options_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    const Status loaded = server_->wait_until_loaded();
    ASSERT_TRUE(loaded) << loaded.error().message;
  }
  // For 2 of 3 models: the first one is loaded.
  void start_three() {
    add_scripted("a", {"one"});
    add_scripted("b", {"two"});
    add_scripted("c", {"three"});
    memory_.bytes = 2;
    start();
  }

  test::HttpReply get(std::string_view path) const {
    return test::http(server_->port(), "GET", path);
  }
  test::HttpReply post(std::string_view path, const Json& body) const {
    return test::http(server_->port(), "POST", path, body.dump());
  }
  static Json question(const std::string& model) {
    return {{"model", model},
            {"messages", {{{"role", "user"}, {"content", "?"}}}},
            {"temperature", 0},
            {"max_tokens", 400}};
  }
  test::HttpReply ask(const std::string& model) const {
    return post("/v1/chat/completions", question(model));
  }
  // The text of a whole answer.
  std::string answer_of(const std::string& model) const {
    const auto reply = ask(model);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.status == 200 ? reply.json()["choices"][0]["message"]["content"].get<std::string>()
                               : "";
  }
  std::string state_of(const std::string& model) const {
    return get("/v1/models/" + model).json()["state"];
  }
  std::vector<std::string> states() const {
    std::vector<std::string> states;
    const Json list = get("/v1/models").json();
    for (const Json& model : list["data"]) states.push_back(model["state"]);
    return states;
  }
  double metric(const std::string& name) const {
    const std::string text = get("/metrics").body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  // A text of the first model that does not end before log_ is open.
  std::unique_ptr<test::TcpClient> begin_endless() {
    log_.is_closed = true;
    auto client = begin_stream("a");
    EXPECT_TRUE(becomes([this] { return metric("linnet_running{model=\"a\"}") == 1; }));
    return client;
  }
  std::unique_ptr<test::TcpClient> begin_stream(const std::string& model) const {
    Json body = question(model);
    body["stream"] = true;
    auto client = std::make_unique<test::TcpClient>(server_->port());
    client->send(test::http_request("POST", "/v1/chat/completions", body.dump()));
    return client;
  }

  test::TemporaryFolder folder_;
  FakeMemory memory_;
  serve::ServerOptions options_;
  std::function<Status(const std::string& id)> before_load;
  Log log_;
  std::map<std::string, Log::Of> observers_;
  std::vector<std::unique_ptr<ModelFile>> files_;
  std::vector<serve::ModelToServe> models_;
  std::unique_ptr<serve::Server> server_;
};

// Both called style, in two folders.
TEST_F(SeveralModels, EachHasItsOwnAdapters) {
  const auto model = std::move(*gguf::File::open(kBundled));
  test::AdapterFile adapter{.tensors = {"blk.1.attn_v.weight", "blk.1.ffn_up.weight"}};
  for (const char* const id : {"a", "b"}) {
    std::filesystem::create_directory(folder_ / id);
    const std::string path = folder_ / id / "style.gguf";
    adapter.salt += 5;
    adapter.write(path, model);
    add(id, kBundled, 1, path);
  }
  start();
  const auto text_of = [&](const std::string& name, const Json& fields = Json::object()) {
    Json body = {{"model", name}, {"prompt", "In the beginning"}, {"max_tokens", 16}};
    body["temperature"] = 0;
    body.update(fields);
    const auto reply = post("/v1/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["choices"][0]["text"];
  };
  const Json off = {{"lora", Json::array()}};
  EXPECT_EQ(text_of("a", off), text_of("b", off));
  const Json of_a = text_of("a"), of_b = text_of("b");
  EXPECT_NE(of_a, of_b);
  EXPECT_EQ(text_of("style"), of_a) << "the first one of the name";
  const Json models = get("/v1/models").json()["data"];
  ASSERT_EQ(models.size(), 3u);
  EXPECT_EQ(models[1]["parent"], "a");
  EXPECT_EQ(post("/lora-adapters?model=b", Json::array()).status, 200);
  EXPECT_EQ(text_of("b"), text_of("b", off));
  EXPECT_EQ(text_of("a"), of_a);
  EXPECT_EQ(get("/lora-adapters?model=b").json()[0]["scale"], 0.0);
  EXPECT_EQ(get("/lora-adapters").json()[0]["scale"], 1.0);
}

TEST_F(SeveralModels, ARequestChoosesItsModel) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two", " three"});
  start();
  EXPECT_EQ(answer_of("a"), "one");
  EXPECT_EQ(answer_of("b"), "two three");
  EXPECT_EQ(answer_of(""), "one");
  EXPECT_EQ(ask("b").json()["model"], "b");
  Json unnamed = question("");
  unnamed.erase("model");
  EXPECT_EQ(post("/v1/chat/completions", unnamed).json()["model"], "a");
  const Json message = post("/v1/messages", question("b")).json();
  EXPECT_EQ(message["model"], "b");
  EXPECT_EQ(message["content"][0]["text"], "two three");
  EXPECT_EQ(post("/v1/completions", {{"prompt", "\n"}, {"model", "b"}, {"max_tokens", 1}})
                .json()["choices"][0]["text"],
            "two");
}

TEST_F(SeveralModels, AModelMayHaveSeveralNames) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  models_[1].model.aliases = {"gpt-4o", "gpt-4o-mini"};
  start();
  EXPECT_EQ(answer_of("gpt-4o-mini"), "two");
  EXPECT_EQ(ask("gpt-4o").json()["model"], "b");
  const Json model = get("/v1/models/gpt-4o").json();
  EXPECT_EQ(model["id"], "b");
  EXPECT_THAT(model["aliases"], ElementsAre("gpt-4o", "gpt-4o-mini"));
  EXPECT_EQ(ask("gpt-3.5").status, 404);
}

TEST_F(SeveralModels, NoNameIsThatOfTwo) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  models_[1].model.aliases = {"c", "a"};
  const Status status = serve::ModelSet::check_ids(models_);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("two models are called a;"));
}

TEST_F(SeveralModels, AnyNameMayBeTakenForTheFirstOne) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  options_.takes_any_model = true;
  start();
  EXPECT_EQ(answer_of("gpt-4o"), "one");
  EXPECT_EQ(ask("gpt-4o").json()["model"], "a");
  EXPECT_EQ(answer_of("b"), "two");
  EXPECT_EQ(get("/v1/models/gpt-4o").status, 404);
}

TEST_F(SeveralModels, UnknownOnesAreErrorsThatNameThoseThatThereAre) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  start();
  const std::string message = "the model x does not exist here; this server runs a, b";
  for (const char* const path :
       {"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/rerank",
        "/tokenize", "/detokenize", "/apply-template"}) {
    const auto reply = post(path, question("x"));
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(reply.json()["error"], Json({{"message", message},
                                           {"type", "invalid_request_error"},
                                           {"param", "model"},
                                           {"code", "model_not_found"}}));
  }
  for (const char* const path : {"/v1/messages", "/v1/messages/count_tokens"}) {
    const auto reply = post(path, question("x"));
    EXPECT_EQ(reply.status, 404) << path;
    EXPECT_EQ(
        reply.json(),
        Json({{"type", "error"},
              {"error",
               {{"type", "not_found_error"}, {"message", message}, {"code", "model_not_found"}}}}));
  }
  EXPECT_EQ(get("/v1/models/x").json()["error"]["message"], message);
  Json wrong = question("");
  wrong["model"] = 1;
  EXPECT_EQ(post("/v1/chat/completions", wrong).json()["error"]["param"], "model");
}

TEST_F(SeveralModels, TheyAreListedWithTheirStates) {
  start_three();
  const Json list = get("/v1/models").json();
  ASSERT_EQ(list["data"].size(), 3u);
  EXPECT_EQ(list["data"][1]["id"], "b");
  EXPECT_EQ(list["data"][1]["display_name"], "b");
  EXPECT_EQ(list["first_id"], "a");
  EXPECT_EQ(list["last_id"], "c");
  EXPECT_THAT(states(), ElementsAre("loaded", "unloaded", "unloaded"));
  EXPECT_EQ(get("/v1/models/c").json()["id"], "c");
  EXPECT_EQ(answer_of("b"), "two");
  EXPECT_THAT(states(), ElementsAre("loaded", "loaded", "unloaded"));
}

TEST_F(SeveralModels, TextsAndTokensAreOfTheModelThatIsNamed) {
  add("kjv", kBundled);
  add_scripted("b", {"two", " three"});
  start();
  const auto tokens = [&](const char* model) {
    return post("/tokenize", {{"content", "two three"}, {"model", model}}).json()["tokens"];
  };
  EXPECT_EQ(tokens(""), tokens("kjv"));
  EXPECT_NE(tokens("b"), tokens("kjv"));
  EXPECT_EQ(post("/detokenize", {{"tokens", tokens("b")}, {"model", "b"}}).json()["content"],
            "two three");
  EXPECT_THAT(post("/apply-template", question("b")).json()["prompt"], HasSubstr("<|im_start|>"));
  EXPECT_EQ(post("/apply-template", question("kjv")).json()["error"]["code"], "no_chat_template");
  EXPECT_EQ(post("/v1/messages/count_tokens", question("b")).status, 200);
  EXPECT_EQ(state_of("b"), "unloaded") << "nothing of this needs its weights";
}

TEST_F(SeveralModels, TheLogSaysTheModel) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  std::mutex mutex;
  std::vector<Json> lines;
  options_.log = [&](std::string_view line) {
    const std::lock_guard lock(mutex);
    lines.push_back(Json::parse(line));
  };
  start();
  EXPECT_EQ(answer_of("b"), "two");
  EXPECT_EQ(answer_of(""), "one");
  server_.reset();  // after which all is written
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["model"], "b");
  EXPECT_EQ(lines[1]["model"], "a");
}

TEST_F(SeveralModels, TwoOfTheSameNameAreRefused) {
  add_scripted("a", {"one"});
  add("a", kBundled);
  const auto server = serve::Server::start(std::move(models_), options_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().message, "two models are called a; --alias gives them other names");
}

TEST_F(SeveralModels, TheLeastRecentlyUsedOneMakesRoom) {
  start_three();
  EXPECT_EQ(answer_of("b"), "two");
  EXPECT_EQ(answer_of("a"), "one");
  EXPECT_EQ(answer_of("c"), "three");
  EXPECT_THAT(states(), ElementsAre("loaded", "unloaded", "loaded"));
  EXPECT_EQ(answer_of("b"), "two");
  EXPECT_THAT(states(), ElementsAre("unloaded", "loaded", "loaded"));
  EXPECT_EQ(metric("linnet_loads_total{model=\"b\"}"), 2);
  EXPECT_EQ(metric("linnet_loaded{model=\"a\"}"), 0);
  EXPECT_EQ(metric("linnet_loaded{model=\"b\"}"), 1);
  EXPECT_EQ(get("/health").status, 200) << "although the first model is not there";
}

TEST_F(SeveralModels, OneForWhichThereIsNoMemoryIsAnError) {
  add_scripted("a", {"one"});
  add_scripted("large", {"two"}, false, /*bytes=*/200);
  start();
  const auto reply = ask("large");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json()["error"]["message"], "200 needed, 100 left");
  EXPECT_EQ(reply.json()["error"]["code"], "out_of_memory");
  EXPECT_THAT(reply.head, HasSubstr("\r\nRetry-After: "));
  const auto message = post("/v1/messages", question("large"));
  EXPECT_EQ(message.status, 503);
  EXPECT_EQ(message.json()["error"]["type"], "overloaded_error");
  Json streamed = question("large");
  streamed["stream"] = true;
  EXPECT_THAT(post("/v1/chat/completions", streamed).body, HasSubstr("200 needed, 100 left"));
  EXPECT_EQ(state_of("large"), "failed");
  EXPECT_EQ(answer_of("a"), "one");
  EXPECT_EQ(get("/health").status, 200);
}

TEST_F(SeveralModels, OneThatCannotBeLoadedIsTriedAgain) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  std::atomic<bool> is_broken = true;
  before_load = [&](const std::string& id) -> Status {
    if (id == "b" && is_broken) return Error{(folder_ / "b.gguf").string() + ": it is away"};
    return {};
  };
  start();
  const auto reply = ask("b");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json()["error"]["code"], "load_failed");
  EXPECT_EQ(reply.json()["error"]["message"], "b.gguf: it is away");  // and not its folder
  EXPECT_EQ(state_of("b"), "failed");
  is_broken = false;
  EXPECT_EQ(answer_of("b"), "two");
}

TEST_F(SeveralModels, OneThatTakesTheMemoryAtItsLoadingIsAnError) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  before_load = [&](const std::string& id) -> Status {
    if (id == "b") throw std::bad_alloc();
    return {};
  };
  start();
  EXPECT_EQ(ask("b").json()["error"]["message"], "out of memory");
  EXPECT_EQ(answer_of("a"), "one");
}

// Requests for it wait, as far as the queue goes; others don't.
TEST_F(SeveralModels, WhileOneIsLoadedOthersGoOn) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  options_.engine.most_running = 1;
  options_.engine.most_waiting = 1;
  std::atomic<bool> is_free = false;
  before_load = [&](const std::string& id) -> Status {
    while (id == "b" && !is_free) std::this_thread::sleep_for(1ms);
    return {};
  };
  start();
  const auto first = begin_stream("b"), second = begin_stream("b");
  const std::string waiting = "linnet_waiting{model=\"b\"}";
  EXPECT_TRUE(becomes([&] { return state_of("b") == "loading" && metric(waiting) == 2; }));
  EXPECT_EQ(ask("b").status, 429);
  EXPECT_EQ(answer_of("a"), "one");
  const Json sequences = get("/v1/sequences").json()["data"];
  ASSERT_EQ(sequences.size(), 2u);
  EXPECT_EQ(sequences[0]["model"], "b");
  EXPECT_EQ(sequences[0]["state"], "waiting");
  is_free = true;
  EXPECT_THAT(first->receive_all(), HasSubstr("two"));
  EXPECT_THAT(second->receive_all(), HasSubstr("two"));
}

TEST_F(SeveralModels, WhoLeavesWhileHisModelWaitsIsForgotten) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  memory_.bytes = 1;
  start();
  const auto busy = begin_endless();
  {
    const auto leaving = begin_stream("b");
    EXPECT_TRUE(becomes([&] { return state_of("b") == "loading"; }));
  }
  EXPECT_TRUE(becomes([&] { return state_of("b") == "unloaded"; }));
  EXPECT_EQ(metric("linnet_loads_total{model=\"b\"}"), 0);
  EXPECT_EQ(metric("linnet_cancelled_total{model=\"b\"}"), 1);
  log_.is_closed = false;
}

// Neither starves: each comes into memory again and again, and nothing of a text is lost.
TEST_F(SeveralModels, TwoThatAreBusyTakeTurnsInMemory) {
  add_scripted("a", {"one", " two "}, /*endless=*/true);
  add_scripted("b", {"three", " four "}, /*endless=*/true);
  memory_.bytes = 1;
  options_.engine.most_running = 1;
  options_.engine.room.least_stay = 0ms;
  start();
  std::vector<std::string> answers(6);
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    clients.emplace_back([&, i] { answers[i] = answer_of(i % 2 == 0 ? "a" : "b"); });
  }
  for (std::thread& client : clients) client.join();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_TRUE(answers[i].starts_with(i % 2 == 0 ? "one two one" : "three four three"));
    EXPECT_EQ(answers[i], answers[i % 2]);
  }
  EXPECT_GE(metric("linnet_loads_total{model=\"b\"}"), 1);
}

TEST_F(SeveralModels, ThoseThatAreBusyForTooLongAreSaid) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  memory_.bytes = 1;
  options_.engine.room.most_wait = 50ms;
  start();
  const auto busy = begin_endless();
  const auto reply = ask("b");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json()["error"]["code"], "models_busy");
  EXPECT_THAT(reply.json()["error"]["message"],
              testing::MatchesRegex("1 needed, 0 left; .* busy for .*: a"));
  log_.is_closed = false;
}

TEST_F(SeveralModels, WhatTheCacheHeldIsThereAgainAfterwards) {
  add("kjv", kBundled);
  add_scripted("b", {"two"});
  memory_.bytes = 1;
  options_.engine.cache_folder = folder_ / "cache";
  start();
  const Json body = {{"model", "kjv"},
                     {"prompt",
                      "In the beginning God created the heaven and the earth, and the "
                      "spirit of God moved upon the face of the waters, and the man and "
                      "the woman and all the beasts of the field"},
                     {"max_tokens", 40},
                     {"temperature", 0}};
  const Json before = post("/v1/completions", body).json();
  EXPECT_EQ(answer_of("b"), "two");
  EXPECT_EQ(state_of("kjv"), "unloaded");
  const Json after = post("/v1/completions", body).json();
  EXPECT_EQ(after["choices"], before["choices"]);
  EXPECT_EQ(before["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
  EXPECT_GT(after["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
}

TEST_F(SeveralModels, DrainWaitsForThoseThatWait) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  std::atomic<bool> is_free = false;
  before_load = [&](const std::string& id) -> Status {
    while (id == "b" && !is_free) std::this_thread::sleep_for(1ms);
    return {};
  };
  start();
  const auto client = begin_stream("b");
  EXPECT_TRUE(becomes([&] { return state_of("b") == "loading"; }));
  std::atomic<bool> has_drained = false;
  std::thread drain([&] { has_drained = server_->drain(5min); });
  is_free = true;
  EXPECT_THAT(client->receive_all(), HasSubstr("two"));
  drain.join();
  EXPECT_TRUE(has_drained);
}

TEST_F(SeveralModels, TheServerEndsWhileModelsWait) {
  add_scripted("a", {"one"});
  add_scripted("b", {"two"});
  add_scripted("c", {"three"});
  memory_.bytes = 1;
  start();
  const auto busy = begin_endless(), second = begin_stream("b"), third = begin_stream("c");
  EXPECT_TRUE(becomes([&] { return state_of("b") == "loading" && state_of("c") == "loading"; }));
  log_.is_closed = false;
  server_.reset();
}

// The lengths of the runs of `letter`.
std::vector<std::size_t> runs_of(char letter, const std::string& text) {
  std::vector<std::size_t> runs;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != letter) continue;
    if (i == 0 || text[i - 1] != letter) runs.push_back(0);
    ++runs.back();
  }
  return runs;
}

// Each step has all cores, so that no product of another engine is in the middle of it, and no text
// becomes another one.
TEST_F(SeveralModels, EnginesStepInTurnsAndGiveWhatTheyGiveAlone) {
  add("a", kBundled);
  add_scripted("b", {"one", " two "}, /*endless=*/true);
  start();
  const Json to_a = {{"model", "a"},      {"prompt", "In the beginning"},
                     {"max_tokens", 300}, {"ignore_eos", true},
                     {"logprobs", 2},     {"temperature", 0}};
  const Json alone = post("/v1/completions", to_a).json()["choices"];
  const std::string text_of_b = answer_of("b");
  // A step of one token has as many products as its prompt's.
  const std::string before = log_.text();
  const auto in_a_step = [&](char letter, std::size_t steps) {
    const auto products = static_cast<std::size_t>(std::ranges::count(before, letter));
    EXPECT_EQ(products % steps, 0u);
    return products / steps;
  };
  const std::size_t step_a = in_a_step('a', 300), step_b = in_a_step('b', 400);
  log_.is_closed = true;  // until both have work
  test::HttpReply of_a;
  std::string of_b;
  std::thread first([&] { of_a = post("/v1/completions", to_a); });
  std::thread second([&] { of_b = answer_of("b"); });
  EXPECT_TRUE(becomes([&] {
    return metric("linnet_running{model=\"a\"}") == 1 && metric("linnet_running{model=\"b\"}") == 1;
  }));
  log_.is_closed = false;
  first.join();
  second.join();
  EXPECT_EQ(of_a.json()["choices"], alone);
  EXPECT_EQ(of_b, text_of_b);
  const std::string together = log_.text().substr(before.size());
  for (const std::size_t run : runs_of('a', together)) EXPECT_EQ(run % step_a, 0u) << run;
  for (const std::size_t run : runs_of('b', together)) EXPECT_EQ(run % step_b, 0u) << run;
  EXPECT_GT(runs_of('a', together).size() + runs_of('b', together).size(), 2u) << "no turns";
}

}  // namespace
}  // namespace linnet
