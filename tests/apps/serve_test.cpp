// The program `linnet serve` as an operator uses it: addresses, keys, signals.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "support/adapter_file.hpp"
#include "support/becomes.hpp"
#include "support/http_client.hpp"
#include "support/mmproj_file.hpp"
#include "support/paths.hpp"
#include "support/run_program.hpp"
#include "support/terminal.hpp"

namespace linnet {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

const std::string kModel = test::kBundledModel;

bool becomes(const std::function<bool()>& condition) { return test::becomes(condition, 10s); }

// A port of this machine that nobody listens at; 0 where there is none of this kind.
std::uint16_t bound_port(int family) {
  const int socket = ::socket(family, SOCK_STREAM, 0);
  sockaddr_storage address{};
  address.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  socklen_t size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  const bool is_bound = bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                        getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(socket);
  // The port stands at the same place in both.
  return is_bound ? ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port) : std::uint16_t{0};
}

// A server on a free port, which it tells on standard error.
class ServeTest : public testing::Test {
 protected:
  void start(std::vector<std::string> options, const std::vector<std::string>& models = {kModel}) {
    for (const std::string& model : models) {
      options.insert(options.end(), {"--gguf", model});
    }
    options.insert(options.begin(), {"serve", "--port", "0"});
    program_ = std::make_unique<test::Program>(
        options, test::Streams{.error_path = (folder_ / "err").string()});
    ASSERT_TRUE(becomes([this] { return said().find(" at http") != std::string::npos; })) << said();
    const std::string text = said();
    const std::size_t colon = text.rfind(':', text.find(" with a context", text.find(" at http")));
    port_ = static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1)));
  }
  // The bundled model under another name.
  std::string copy_of_model(const std::string& name) {
    const auto path = folder_ / (name + ".gguf");
    std::filesystem::copy_file(kModel, path);
    return path.string();
  }
  test::HttpReply complete(const std::string& model) const {
    const nlohmann::json body = {
        {"model", model}, {"prompt", "In the beginning"}, {"temperature", 0}, {"max_tokens", 8}};
    return test::http(port_, "POST", "/v1/completions", body.dump());
  }
  // Until its first event is there.
  static void begin_long_answer(test::TcpClient& client) {
    client.send(test::http_request(
        "POST", "/v1/completions",
        R"({"prompt": "And", "max_tokens": 400, "ignore_eos": true, "stream": true})"));
    ASSERT_TRUE(client.receive_until("data: "));
  }
  std::string state_of(const std::string& model) const {
    return test::http(port_, "GET", "/v1/models/" + model).json()["state"];
  }
  std::string said() const { return test::read_file(folder_ / "err"); }
  int status_with_key(const std::string& key) const {
    return test::http(port_, "GET", "/v1/models", "", "x-api-key: " + key + "\r\n").status;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<test::Program> program_;
  std::uint16_t port_ = 0;
};

TEST_F(ServeTest, KeysAreReadAgainAtSighup) {
  const auto keys = folder_ / "keys";
  test::write_file(keys, "old name=team parallel=2\n");
  start({"--api-key-file", keys.string(), "--api-key", "constant"});
  EXPECT_EQ(status_with_key("old"), 200);
  EXPECT_EQ(status_with_key("new"), 401);
  test::write_file(keys, "new\n");
  program_->signal(SIGHUP);
  ASSERT_TRUE(becomes([this] { return status_with_key("new") == 200; }));
  EXPECT_EQ(status_with_key("old"), 401);
  EXPECT_EQ(status_with_key("constant"), 200);
  test::write_file(keys, "broken parallel=many\n");
  program_->signal(SIGHUP);
  ASSERT_TRUE(becomes([this] { return said().find("nothing has changed") != std::string::npos; }));
  EXPECT_THAT(said(), HasSubstr("keys: line 1: after the key, expected name=TEXT"));
  EXPECT_EQ(status_with_key("new"), 200);
}

TEST_F(ServeTest, SighupEndsItWhereThereIsNothingToReadAgain) {
  start({"--api-key", "constant"});
  program_->signal(SIGHUP);
  EXPECT_EQ(program_->wait().status, 0);
  EXPECT_THAT(said(), testing::AllOf(HasSubstr("stopping"), Not(HasSubstr("read again"))));
}

// Of a window that is closed, the shell and the system send a signal each.
TEST_F(ServeTest, ASecondSighupDoesNotCutAnswers) {
  start({});
  test::TcpClient client(port_);
  begin_long_answer(client);
  program_->signal(SIGHUP);
  ASSERT_TRUE(becomes([this] { return said().find("stopping") != std::string::npos; }));
  program_->signal(SIGHUP);
  EXPECT_THAT(client.receive_all(), HasSubstr("[DONE]"));
  EXPECT_EQ(program_->wait().status, 0);
}

// With keys that could be read again, too.
TEST_F(ServeTest, ItEndsWhenItsTerminalIsClosed) {
  test::write_file(folder_ / "keys", "key\n");
  const auto keys = (folder_ / "keys").string();
  for (const auto& more : {std::vector<std::string>{}, {"--api-key-file", keys}}) {
    std::vector<std::string> arguments = {"serve", "--port", "0", "--gguf", kModel};
    arguments.insert(arguments.end(), more.begin(), more.end());
    test::Terminal terminal(arguments, {});
    terminal.wait_for(" at http");
    terminal.hang_up();
    EXPECT_EQ(terminal.wait(), 0) << more.size();
  }
}

// As nohup, or a shell with a job behind it, wants it: signals are ignored when the program begins.
TEST_F(ServeTest, IgnoredSignalsEndNothing) {
  for (const int signal : {SIGHUP, SIGINT}) std::signal(signal, SIG_IGN);
  start({});
  for (const int signal : {SIGHUP, SIGINT}) std::signal(signal, SIG_DFL);
  for (const int signal : {SIGHUP, SIGINT}) program_->signal(signal);
  EXPECT_EQ(complete("").status, 200);
  EXPECT_THAT(said(), Not(HasSubstr("stopping")));
  program_->signal(SIGTERM);
  EXPECT_EQ(program_->wait().status, 0);
}

TEST_F(ServeTest, SigtermLetsAnswersEnd) {
  start({});
  test::TcpClient client(port_);
  begin_long_answer(client);
  program_->signal(SIGTERM);
  EXPECT_THAT(client.receive_all(), HasSubstr("[DONE]"));
  EXPECT_EQ(program_->wait().status, 0);
}

// Many sessions like the one in `folder`, with texts that take no room on the disk, but some time
// to be summed up.
void write_slow_sessions(const std::filesystem::path& folder) {
  constexpr std::uint64_t kTextBytes = std::uint64_t{255} << 20;
  constexpr std::size_t kPlace = 56;  // where a session says how long its text is
  constexpr int kMostTexts = 32;
  std::string session = test::read_file(folder / "00.session");
  ASSERT_GT(session.size(), kPlace + sizeof kTextBytes);
  std::memcpy(&session[kPlace], &kTextBytes, sizeof kTextBytes);
  for (int i = 0; i < kMostTexts; ++i) {
    const auto path = folder / fmt::format("{:02}.session", i);
    test::write_file(path, session);
    std::filesystem::resize_file(path, session.size() + kTextBytes);
  }
}

// As on a full disk.
TEST_F(ServeTest, ATextThatCanNotBeKeptIsSaidOnce) {
  const auto cache = folder_ / "cache";
  start({"--cache-dir", cache.string()});
  std::filesystem::remove_all(cache);
  const std::string told = "a text is not kept for the next start";
  EXPECT_EQ(complete("").status, 200);
  ASSERT_TRUE(becomes([&] { return said().find(told) != std::string::npos; })) << said();
  test::http(port_, "POST", "/v1/completions", R"({"prompt": "Another", "max_tokens": 8})");
  program_->signal(SIGTERM);
  EXPECT_EQ(program_->wait().status, 0);
  EXPECT_EQ(said().find(told), said().rfind(told));
}

TEST_F(ServeTest, SigintEndsItAtOnceWhileItLoads) {
  const auto cache = folder_ / "cache";
  start({"--cache-dir", cache.string()});
  EXPECT_EQ(complete("").status, 200);
  program_->signal(SIGTERM);
  EXPECT_EQ(program_->wait().status, 0);
  const auto of_model = *std::filesystem::directory_iterator(cache);
  write_slow_sessions(of_model.path());
  const std::uint16_t port = bound_port(AF_INET);
  test::Program program(
      {"serve", "--gguf", kModel, "--port", std::to_string(port), "--cache-dir", cache.string()});
  int status = 0;
  EXPECT_TRUE(becomes([&] {
    try {
      status = test::http(port, "GET", "/health").status;
    } catch (const std::runtime_error&) {
      status = 0;  // it does not listen yet
    }
    return status != 0;
  }));
  ASSERT_EQ(status, 503) << "it has loaded";
  program.signal(SIGINT);
  EXPECT_EQ(program.wait().status, 128 + SIGINT);
}

TEST_F(ServeTest, SeveralModels) {
  const auto models = {copy_of_model("first"), copy_of_model("second")};
  start({"--models-loaded", "1", "--cache-dir", (folder_ / "cache").string()}, models);
  EXPECT_THAT(said(), HasSubstr("first at http://127.0.0.1:"));
  EXPECT_THAT(said(), HasSubstr("second with a context of 512 tokens and a cache for 4096, loaded "
                                "when it is asked for\n"));
  EXPECT_EQ(state_of("first"), "loaded");
  EXPECT_EQ(state_of("second"), "unloaded");
  const auto text_of = [&](const std::string& model) {
    const auto reply = complete(model);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json()["model"], model.empty() ? "first" : model);
    return reply.json()["choices"][0]["text"].get<std::string>();
  };
  const std::string text = text_of("");
  EXPECT_EQ(text_of("second"), text);
  EXPECT_EQ(state_of("first"), "unloaded");
  EXPECT_EQ(text_of("first"), text);
  EXPECT_THAT(complete("third").body, HasSubstr("this server runs first, second"));
  program_->signal(SIGTERM);
  EXPECT_EQ(program_->wait().status, 0);
}

TEST_F(ServeTest, AFolderStandsForItsModels) {
  const auto models = folder_ / "models";
  for (const char* const name : {"b.gguf", "a.gguf", "mmproj-a.gguf", "c-00002-of-00002.gguf"}) {
    std::filesystem::create_directory(models);
    std::filesystem::copy_file(kModel, models / name);
  }
  test::write_file(models / "broken.gguf", "GGUF");
  test::write_file(models / "notes.txt", "not for us");
  start({"--models-loaded", "1"}, {models.string()});
  EXPECT_THAT(said(), HasSubstr("left out: " + (models / "broken.gguf").string() + ": "));
  EXPECT_EQ(complete("").json()["model"], "a");
  EXPECT_EQ(complete("b").json()["model"], "b");
  EXPECT_THAT(complete("c").body, HasSubstr("this server runs a, b"));
}

TEST_F(ServeTest, AFolderMayHaveFoldersWithModels) {
  const auto models = folder_ / "models";
  const auto copy = [&](const std::string& name) {
    std::filesystem::create_directories((models / name).parent_path());
    std::filesystem::copy_file(kModel, models / name);
  };
  copy("a.gguf");
  copy("one/repo/b.gguf");
  copy("two/repo/b.gguf");
  copy("1/2/3/4/c.gguf");
  copy("1/2/3/4/5/too-deep.gguf");
  copy(".hidden/d.gguf");
  copy(".e.gguf");
  std::filesystem::create_directory_symlink(models, models / "one" / "round");
  start({"--models-loaded", "1"}, {models.string()});
  EXPECT_THAT(complete("nothing").body,
              HasSubstr("this server runs c, a, one/repo/b, two/repo/b\""));
  EXPECT_EQ(complete("two/repo/b").json()["model"], "two/repo/b");
}

// As the cache of Hugging Face has one file of two commits, and a link leads to a folder by a way
// that is too long for what is in it.
TEST_F(ServeTest, AModelInFoldersIsThereOnce) {
  const auto models = folder_ / "models";
  for (const char* const folder : {"hub/blobs", "hub/snapshots/1", "hub/snapshots/2", "z/y/x"}) {
    std::filesystem::create_directories(models / folder);
  }
  std::filesystem::copy_file(kModel, models / "hub" / "blobs" / "a1b2");
  std::filesystem::copy_file(kModel, models / "z" / "y" / "x" / "deep.gguf");
  for (const char* const snapshot : {"1", "2"}) {
    const auto link = models / "hub" / "snapshots" / snapshot / "a.gguf";
    std::filesystem::create_symlink("../../blobs/a1b2", link);
  }
  std::filesystem::create_directory_symlink("../../../z", models / "hub/snapshots/1/to-z");
  ASSERT_TRUE(test::write_mmproj(models / "hub/snapshots/2/mmproj-a.gguf", 256));
  start({"--models-loaded", "1"}, {models.string()});
  EXPECT_THAT(complete("nothing").body, HasSubstr("this server runs a, deep\""));
  EXPECT_THAT(said(), HasSubstr("mmproj-a.gguf goes with a")) << "the snapshot that has more";
}

TEST_F(ServeTest, ModelsOfOneNameInTwoFoldersHaveThoseOfTheFolders) {
  for (const char* const folder : {"one", "two"}) {
    std::filesystem::create_directory(folder_ / folder);
    std::filesystem::copy_file(kModel, folder_ / folder / "a.gguf");
  }
  start({"--models-loaded", "1"}, {(folder_ / "one").string(), (folder_ / "two" / "").string()});
  EXPECT_THAT(complete("nothing").body, HasSubstr("this server runs one/a, two/a\""));
  program_->signal(SIGTERM);
  EXPECT_EQ(program_->wait().status, 0);
  std::filesystem::copy_file(kModel, folder_ / "a.gguf");
  start({"--models-loaded", "1"}, {folder_.path().string()});
  EXPECT_THAT(complete("nothing").body, HasSubstr("this server runs a, one/a, two/a\""));
}

TEST_F(ServeTest, AnEncoderInAFolderGoesWithItsModel) {
  const auto models = folder_ / "models";
  std::filesystem::create_directory(models);
  for (const char* const name : {"a-Q4_0.gguf", "b.gguf", "c.gguf", "mmproj-c.gguf"}) {
    std::filesystem::copy_file(kModel, models / name);
  }
  ASSERT_TRUE(test::write_mmproj(models / "mmproj-a-F16.gguf", 256));
  start({"--models-loaded", "1"}, {models.string()});
  EXPECT_THAT(said(), HasSubstr("mmproj-a-F16.gguf goes with a-Q4_0"));
  EXPECT_THAT(said(), HasSubstr("mmproj-c.gguf is left out: "));  // it is a model of texts
  EXPECT_THAT(said(), Not(HasSubstr("goes with b")));
  EXPECT_EQ(complete("c").status, 200);
}

TEST_F(ServeTest, AnEncoderMayLieInAFolderOfItsOwn) {
  const auto models = folder_ / "models";
  for (const char* const name : {"", "encoders", "other"}) {
    std::filesystem::create_directory(models / name);
  }
  std::filesystem::copy_file(kModel, models / "a.gguf");
  std::filesystem::copy_file(kModel, models / "other" / "b.gguf");
  ASSERT_TRUE(test::write_mmproj(models / "other" / "mmproj-F16.gguf", 256));
  start({}, {models.string()});
  EXPECT_THAT(said(), HasSubstr("mmproj-F16.gguf goes with b"));
  EXPECT_THAT(said(), Not(HasSubstr("goes with a")));
  program_->signal(SIGTERM);
  EXPECT_EQ(program_->wait().status, 0);
  std::filesystem::remove_all(models / "other");
  ASSERT_TRUE(test::write_mmproj(models / "encoders" / "mmproj-F16.gguf", 256));
  start({"--chat-template", "chatml"}, {models.string()});
  EXPECT_THAT(said(), HasSubstr("mmproj-F16.gguf goes with a"));
  const auto model = test::http(port_, "GET", "/v1/models/a").json();
  EXPECT_THAT(model["architecture"]["input_modalities"].dump(), HasSubstr("image"));
}

TEST_F(ServeTest, ALinkOfAFolderThatLeadsNowhereIsLeftOut) {
  const auto models = folder_ / "models";
  std::filesystem::create_directory(models);
  std::filesystem::copy_file(kModel, models / "a.gguf");
  std::filesystem::create_symlink("nowhere", models / "b.gguf");
  start({}, {models.string()});
  EXPECT_THAT(said(), HasSubstr("left out: " + (models / "b.gguf").string() + ": "));
  EXPECT_EQ(complete("a").status, 200);
}

TEST_F(ServeTest, AModelThatIsNamedIsNotLeftOut) {
  copy_of_model("a");
  const std::string folder = folder_.path().string(), broken = (folder_ / "broken.gguf").string();
  test::write_file(broken, "GGUF");
  const auto ended =
      test::run_program({"serve", "--port", "0", "--gguf", broken, "--gguf", folder});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, Not(HasSubstr("left out")));
}

TEST_F(ServeTest, AFolderWithoutModelsIsAnError) {
  const auto serve = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"serve", "--port", "0", "--gguf", folder_.path().string()});
    return test::run_program(options);
  };
  EXPECT_THAT(serve({}).err, HasSubstr("the folder has no GGUF file of a model"));
  test::write_file(folder_ / "broken.gguf", "GGUF");
  const auto broken = serve({});
  EXPECT_EQ(broken.status, 1);
  EXPECT_THAT(broken.err, HasSubstr("none of the models in the folder can be served"));
  copy_of_model("one");
  const auto named = serve({"--alias", "a"});
  EXPECT_EQ(named.status, 2);
  EXPECT_THAT(named.err, HasSubstr("--alias is for models that are named one by one"));
}

TEST_F(ServeTest, AFileThatWasCutIsAnErrorOfItsModelOnly) {
  const std::string second = copy_of_model("second"), third = copy_of_model("third");
  start({}, {copy_of_model("first"), second, third});
  std::filesystem::resize_file(second, 1000);
  std::filesystem::remove(third);
  const auto reply = complete("second");
  EXPECT_EQ(reply.status, 503) << reply.body;
  EXPECT_EQ(reply.json()["error"]["code"], "load_failed");
  EXPECT_THAT(reply.json()["error"]["message"], HasSubstr("second.gguf: "));
  EXPECT_EQ(state_of("second"), "failed");
  EXPECT_EQ(complete("first").status, 200);
  EXPECT_EQ(complete("third").status, 200) << "it is open still";
}

TEST_F(ServeTest, AliasesNameTheModelsInTheirOrder) {
  start({"--alias", "b", "--alias", "a/c"}, {kModel, kModel});
  EXPECT_EQ(complete("").json()["model"], "b");
  EXPECT_EQ(complete("a/c").json()["model"], "a/c");
  EXPECT_EQ(complete("linnet-kjv").status, 404);
}

TEST_F(ServeTest, AnAdapterOfSeveralModelsIsThatOfOne) {
  const auto model = std::move(*gguf::File::open(kModel));
  const std::string style = folder_ / "style.gguf";
  test::AdapterFile{.tensors = {"blk.1.attn_v.weight"}}.write(style, model);
  start({"--alias", "one", "--alias", "two,other", "--lora", "other=" + style + ":0.5"},
        {kModel, kModel});
  EXPECT_EQ(test::http(port_, "GET", "/lora-adapters?model=one").body, "[]");
  EXPECT_THAT(test::http(port_, "GET", "/lora-adapters?model=two").body,
              HasSubstr(R"("name":"style","scale":0.5)"));
  EXPECT_EQ(complete("style").json()["model"], "style");
  const auto unknown = test::run_program({"serve", "--port", "0", "--gguf", kModel, "--gguf",
                                          copy_of_model("more"), "--lora", "none=" + style});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("there is no such model; the models are called linnet-kjv, "
                                     "more\n"));
}

TEST_F(ServeTest, OneModelMayHaveSeveralNames) {
  start({"--alias", "linnet,gpt-4o"});
  EXPECT_EQ(complete("gpt-4o").json()["model"], "linnet");
  EXPECT_EQ(complete("gpt-4").status, 404);
}

TEST_F(ServeTest, AnyNameMayBeTaken) {
  start({"--any-model"});
  EXPECT_EQ(complete("gpt-4").json()["model"], "linnet-kjv");
}

TEST_F(ServeTest, VariablesOfTheTemplateForAllRequests) {
  const std::string thinking = test::in_repository("tests/serve/thinking.jinja");
  start({"--chat-template", thinking, "--chat-template-kwargs", R"({"enable_thinking": true})"});
  EXPECT_THAT(test::http(port_, "GET", "/v1/models").body, HasSubstr(R"("enable_thinking":true)"));
}

TEST_F(ServeTest, ATemplateThatCannotThinkIsToldOf) {
  start({"--chat-template", "chatml", "--chat-template-kwargs", R"({"enable_thinking": true})"});
  EXPECT_THAT(said(), HasSubstr("the chat template does not know enable_thinking"));
}

TEST_F(ServeTest, SeveralModelsThatAreRefusedAtTheStart) {
  const auto serve = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"serve", "--port", "0"});
    return test::run_program(options);
  };
  const auto twice = serve({"--gguf", kModel, "--gguf", kModel});
  EXPECT_EQ(twice.status, 1);
  EXPECT_THAT(twice.err, HasSubstr("two models are called linnet-kjv; --alias gives them other"));
  test::write_file(folder_ / "broken.gguf", "GGUF");
  const auto broken = serve({"--gguf", kModel, "--gguf", (folder_ / "broken.gguf").string()});
  EXPECT_EQ(broken.status, 1);
  EXPECT_THAT(broken.err, HasSubstr("broken.gguf: "));
  EXPECT_THAT(broken.err, testing::Not(HasSubstr(" at http")));
}

TEST(Serve, WhatIsRefusedAtTheStart) {
  const auto serve = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"serve", "--gguf", kModel, "--port", "0"});
    return test::run_program(options);
  };
  const auto open = serve({"--host", "0.0.0.0"});
  EXPECT_EQ(open.status, 1);
  EXPECT_THAT(open.err, HasSubstr("give --api-key, or --insecure"));
  EXPECT_EQ(serve({"--tls-cert", "cert.pem"}).status, 2);
  const auto tls = serve({"--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.pem"});
  EXPECT_EQ(tls.status, 1);
  EXPECT_THAT(tls.err, HasSubstr("/nowhere.pem: there is no such file"));
  EXPECT_THAT(serve({"--cors-origin", "example.com"}).err, HasSubstr("expected scheme://host"));
  EXPECT_THAT(serve({"--api-key-file", "/nowhere"}).err, HasSubstr("/nowhere"));
  const auto cache = serve({"--cache-dir", "/dev/null/x"});
  EXPECT_EQ(cache.status, 1);
  EXPECT_THAT(cache.err, EndsWith("linnet: /dev/null/x: the cache folder cannot be made: Not a "
                                  "directory\n"));
  EXPECT_THAT(serve({"--chat-template-kwargs", "5"}).err, HasSubstr("expected a JSON object"));
  const std::string deep = R"({"a":)" + std::string(60'000, '[') + std::string(60'000, ']') + "}";
  const auto variables = serve({"--chat-template-kwargs", deep});
  EXPECT_EQ(variables.status, 2);
  EXPECT_THAT(variables.err, HasSubstr("JSON is nested more than 64 deep"));
  const auto small = serve({"--kv-tokens", "511"});
  EXPECT_EQ(small.status, 1);
  EXPECT_THAT(small.err, HasSubstr("linnet: --kv-tokens 511: one text may have 512 tokens, the "
                                   "context, and the cache must hold it; --ctx makes"));
  const auto kv = serve({"--kv-tokens", "2147483648"});
  EXPECT_EQ(kv.status, 1);
  EXPECT_THAT(kv.err, HasSubstr("linnet: --kv-tokens 2147483648: the model with a cache of that "
                                "size needs "));
}

// Signals are blocked already when they are read, so that nothing would end it.
TEST_F(ServeTest, CertificatesAreNotWaitedFor) {
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  test::write_file(folder_ / "file", "");
  const std::string file = (folder_ / "file").string();
  for (const auto& [certificate, key] : {std::pair{pipe, file}, std::pair{file, pipe}}) {
    const auto ended = test::run_program(
        {"serve", "--gguf", kModel, "--port", "0", "--tls-cert", certificate, "--tls-key", key});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr(pipe + ": is not a regular file"));
  }
}

TEST_F(ServeTest, TellsWhereTooFewFilesMayBeOpen) {
  const std::string command =
      fmt::format("ulimit -n 20; exec '{}' serve --gguf '{}' --port 0 2> '{}'", test::program(),
                  kModel, (folder_ / "err").string());
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 1);
  EXPECT_THAT(said(), HasSubstr(" open files, and one more for each connection, but the system "
                                "allows 20 (`ulimit -n`)"));
}

TEST_F(ServeTest, AnAddressOfIpV6IsInBrackets) {
  if (bound_port(AF_INET6) == 0) GTEST_SKIP() << "this machine has no IPv6";
  start({"--host", "::1"});
  EXPECT_THAT(said(), HasSubstr(" at http://[::1]:"));
}

TEST_F(ServeTest, ASocketInTheFileSystemIsNoUrl) {
  const std::string host = "unix:" + (folder_ / "linnet.sock").string();
  const test::Program program({"serve", "--host", host, "--gguf", kModel},
                              test::Streams{.error_path = (folder_ / "err").string()});
  ASSERT_TRUE(becomes([this] { return said().find("with a context") != std::string::npos; }));
  EXPECT_THAT(said(), HasSubstr("linnet-kjv at " + host + " with a context"));
}

}  // namespace
}  // namespace linnet
