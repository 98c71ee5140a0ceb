#include "serve/http/unix_socket.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/serving.hpp"
#include "support/becomes.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

// What a server at `path` says to a request; empty where there is none.
std::string ask(const std::filesystem::path& path, const std::string& request) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  std::string reply;
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    EXPECT_EQ(send(socket, request.data(), request.size(), MSG_NOSIGNAL), std::ssize(request));
    char bytes[4096];
    for (ssize_t count = 1; count > 0;) {
      count = recv(socket, bytes, sizeof bytes, 0);
      if (count > 0) reply.append(bytes, static_cast<std::size_t>(count));
    }
  }
  close(socket);
  return reply;
}

TEST(UnixSocket, IsNamedByItsPath) {
  EXPECT_EQ(serve::socket_path("unix:/run/linnet"), "/run/linnet");
  EXPECT_EQ(serve::socket_path("/run/linnet.sock"), "/run/linnet.sock");
  EXPECT_EQ(serve::socket_path("127.0.0.1"), "");
  EXPECT_EQ(serve::socket_path("localhost"), "");
}

TEST(UnixSocket, AServerAnswersAndRemovesIt) {
  const test::TemporaryFolder folder;
  const auto path = folder / "socket";
  {
    serve::ServerOptions options;
    options.host = "unix:" + path.string();
    const test::Serving serving(options);
    EXPECT_EQ(serving.port(), 0);
    const std::string headers = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    EXPECT_THAT(ask(path, "GET /health" + headers + "\r\n"), HasSubstr("{\"status\":\"ok\"}"));
    const std::string body = R"({"prompt": "In the", "max_tokens": 4, "stream": true})";
    EXPECT_THAT(ask(path, "POST /v1/completions" + headers +
                              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body),
                HasSubstr("data: [DONE]"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

// A browser's page reaches no path, so there is nothing to guard against there.
TEST(UnixSocket, AServerMayHaveAnyName) {
  const test::TemporaryFolder folder;
  serve::ServerOptions options;
  options.host = "unix:" + (folder / "socket").string();
  const test::Serving serving(options);
  EXPECT_THAT(
      ask(folder / "socket", "GET /health HTTP/1.1\r\nHost: linnet\r\nConnection: close\r\n\r\n"),
      HasSubstr("{\"status\":\"ok\"}"));
}

// The earlier one's end took the socket from the later one.
TEST(UnixSocket, TheNextServerKeepsIts) {
  const test::TemporaryFolder folder;
  const auto path = folder / "socket";
  serve::ServerOptions options;
  options.host = "unix:" + path.string();
  auto first = std::make_unique<test::Serving>(options);
  EXPECT_TRUE(first->server().drain(std::chrono::seconds(10)));
  const auto is_gone = [&] { return !std::filesystem::exists(path); };
  EXPECT_TRUE(test::becomes(is_gone));
  const test::Serving second(options);
  first.reset();
  EXPECT_THAT(ask(path, "GET /health HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\r\n"),
              HasSubstr("{\"status\":\"ok\"}"));
}

TEST(UnixSocket, OnlyTheOwnFileIsRemoved) {
  const test::TemporaryFolder folder;
  const auto path = folder / "socket";
  const auto listening = serve::listen_at(path);
  ASSERT_TRUE(listening) << listening.error().message;
  serve::SocketFile file(path), moved(path);
  std::filesystem::rename(path, folder / "elsewhere");
  test::write_file(path, "text");
  file.remove();
  EXPECT_EQ(test::read_file(path), "text");
  std::filesystem::rename(folder / "elsewhere", path);
  file.remove();
  EXPECT_TRUE(std::filesystem::exists(path)) << "it was to be removed once";
  moved.remove();
  EXPECT_FALSE(std::filesystem::exists(path));
  close(*listening);
}

TEST(UnixSocket, OneThatIsLeftOverIsReplacedAndNothingElse) {
  const test::TemporaryFolder folder;
  const auto path = folder / "socket";
  const auto first = serve::listen_at(path);
  ASSERT_TRUE(first) << first.error().message;
  const auto error_of = [](const auto& listening) {
    return listening ? std::string() : listening.error().message;
  };
  EXPECT_THAT(error_of(serve::listen_at(path)), HasSubstr("cannot listen at " + path.string()));
  close(*first);
  const auto second = serve::listen_at(path);
  ASSERT_TRUE(second) << second.error().message;
  close(*second);
  test::write_file(folder / "file", "text");
  EXPECT_THAT(error_of(serve::listen_at(folder / "file")), HasSubstr("a file that is no socket"));
  EXPECT_EQ(test::read_file(folder / "file"), "text");
  EXPECT_THAT(error_of(serve::listen_at(folder / std::string(200, 'a'))),
              HasSubstr("expected at most 107"));
}

}  // namespace
}  // namespace linnet
