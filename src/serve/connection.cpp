#include "serve/connection.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <ctime>
#include <random>

namespace linnet::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

// How often a stream without news says that it is alive.
constexpr std::chrono::seconds kAliveInterval{15};

auto awaiting(beast::error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::string key_of(const http::fields& fields) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view value = view(fields[http::field::authorization]);
  if (value.starts_with(kBearer)) return std::string(value.substr(kBearer.size()));
  return std::string(view(fields["x-api-key"]));
}

std::string random_request_id() {
  std::random_device device;
  return fmt::format("req-{:08x}{:08x}", device(), device());
}

ApiError unreadable(beast::error_code error) {
  ApiError answer = invalid_request("the request is not valid HTTP: " + error.message());
  if (error == http::error::header_limit) {
    answer = invalid_request("the header of the request is too large", "", "header_too_large");
    answer.status = 431;
  } else if (error == http::error::body_limit) {
    answer = invalid_request("the body of the request is too large", "", "request_too_large");
    answer.status = 413;
  }
  return answer;
}

bool is_http_error(beast::error_code error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, ConnectionContext& context)
    : stream_(std::move(socket)), context_(context), news_(stream_.get_executor()) {
  ++context_.metrics.connections;
}

Connection::~Connection() { --context_.metrics.connections; }

asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  bool goes_on = true;
  while (goes_on && !self->context_.draining) goes_on = co_await self->serve_one();
  beast::error_code ignored;
  self->stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  self->stream_.close();
}

void Connection::close_if_idle() {
  if (idle_) stream_.close();
}

// One request and its answer; false where the connection is to end.
asio::awaitable<bool> Connection::serve_one() {
  Parser parser;
  parser.header_limit(context_.limits.header_bytes);
  parser.body_limit(context_.limits.body_bytes);
  stream_.expires_after(context_.limits.header_time);
  idle_ = true;
  beast::error_code error;
  co_await http::async_read_header(stream_, buffer_, parser, awaiting(error));
  idle_ = false;
  request_id_ = random_request_id();
  request_start_ = std::chrono::steady_clock::now();
  if (!error) error = co_await read_body(parser);
  if (error) {
    if (is_http_error(error)) co_await refuse_unread(error);
    co_return false;
  }
  const Request request = parser.release();
  co_return co_await answer(request);
}

asio::awaitable<beast::error_code> Connection::read_body(Parser& parser) {
  beast::error_code error;
  stream_.expires_after(context_.limits.body_time);
  if (view(parser.get()[http::field::expect]) == "100-continue") {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                               awaiting(error));
    if (error) co_return error;
  }
  co_await http::async_read(stream_, buffer_, parser, awaiting(error));
  co_return error;
}

// Tells why a request was not read. What still comes is read and dropped for a moment, because
// closing with unread data would take the reply away from the client.
asio::awaitable<void> Connection::refuse_unread(beast::error_code error) {
  ApiReply reply = error_reply(unreadable(error), context_.metrics);
  co_await send(std::move(reply), 11, /*keep_alive=*/false);
  beast::error_code end;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, end);
  stream_.expires_after(std::chrono::seconds(2));
  std::array<char, 4096> dropped;
  while (!end) co_await stream_.async_read_some(asio::buffer(dropped), awaiting(end));
}

ApiRequest Connection::api_request(const Request& request) {
  ApiRequest asked;
  asked.method = std::string(view(request.method_string()));
  const std::string_view target = view(request.target());
  asked.path = std::string(target.substr(0, target.find('?')));
  asked.body = request.body();
  asked.key = key_of(request);
  asked.notify = [weak = weak_from_this(), executor = stream_.get_executor()] {
    asio::post(executor, [weak] {
      if (const auto self = weak.lock()) self->news_.cancel();
    });
  };
  return asked;
}

asio::awaitable<bool> Connection::answer(const Request& request) {
  const ApiRequest asked = api_request(request);
  const bool keep_alive = request.keep_alive() && !context_.draining;
  ApiReply reply = context_.api.handle(asked);
  bool sent = false;
  int status = reply.status;
  if (!reply.pending) {
    sent = co_await send(std::move(reply), request.version(), keep_alive);
  } else if (watch_for_end(); reply.pending->streams()) {
    sent = co_await send_events(*reply.pending, request.version(), keep_alive);
  } else {
    const auto pending = std::move(reply.pending);
    co_await wait_until_finished(*pending);
    if (!pending->error().empty()) {
      reply = error_reply(unavailable(500, pending->error(), "engine_failed"), context_.metrics,
                          Api::error_shape(asked.path));
    } else if (pending->finished()) {
      reply.body = dump(pending->whole());
    }
    status = client_gone_ ? 499 : reply.status;
    if (!client_gone_) sent = co_await send(std::move(reply), request.version(), keep_alive);
  }
  context_.metrics.count_reply(Api::route_name(asked.path), status);
  log_reply(asked, status);
  co_return sent&& keep_alive;
}

void Connection::set_common_headers(http::fields& fields) const {
  fields.set("X-Request-Id", request_id_);
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set(http::field::cache_control, "no-store");
}

asio::awaitable<bool> Connection::send(ApiReply reply, unsigned version, bool keep_alive) {
  Response response{static_cast<http::status>(reply.status), version};
  set_common_headers(response);
  response.set(http::field::content_type, reply.content_type);
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.keep_alive(keep_alive);
  response.body() = std::move(reply.body);
  response.prepare_payload();
  stream_.expires_after(context_.limits.write_time);
  beast::error_code error;
  co_await http::async_write(stream_, response, awaiting(error));
  co_return !error;
}

asio::awaitable<bool> Connection::send_events(PendingAnswer& answer, unsigned version,
                                              bool keep_alive) {
  const bool chunked = version >= 11;
  http::response<http::empty_body> head{http::status::ok, version};
  set_common_headers(head);
  head.set(http::field::content_type, "text/event-stream");
  head.keep_alive(keep_alive && chunked);
  head.chunked(chunked);
  http::response_serializer<http::empty_body> serializer(head);
  stream_.expires_after(context_.limits.write_time);
  beast::error_code error;
  co_await http::async_write_header(stream_, serializer, awaiting(error));
  bool open = !error;
  while (open && !client_gone_ && !answer.finished()) {
    std::string events = answer.take_events();
    if (events.empty()) {
      const auto before = std::chrono::steady_clock::now();
      co_await wait_for_news(kAliveInterval);
      if (std::chrono::steady_clock::now() - before < kAliveInterval) continue;
      events = ": still at work\n\n";
    }
    open = co_await send_part(std::move(events), chunked, answer.finished());
  }
  co_return open && !client_gone_ && chunked;
}

asio::awaitable<bool> Connection::send_part(std::string text, bool chunked, bool is_last) {
  stream_.expires_after(context_.limits.write_time);
  // One write a part: a chunk's size, its text and its end.
  if (chunked)
    text = fmt::format("{:x}\r\n{}\r\n{}", text.size(), text, is_last ? "0\r\n\r\n" : "");
  beast::error_code error;
  co_await asio::async_write(stream_, asio::buffer(text), awaiting(error));
  co_return !error;
}

asio::awaitable<void> Connection::wait_until_finished(PendingAnswer& answer) {
  while (!client_gone_) {
    answer.take_events();
    if (answer.finished()) break;
    co_await wait_for_news(kAliveInterval);
  }
}

asio::awaitable<void> Connection::wait_for_news(std::chrono::seconds most) {
  stream_.expires_never();
  news_.expires_after(most);
  beast::error_code woken;
  co_await news_.async_wait(awaiting(woken));
}

// While an answer is made nothing is read, so the end of the connection must be looked for.
void Connection::watch_for_end() {
  stream_.socket().async_wait(
      asio::ip::tcp::socket::wait_read, [weak = weak_from_this()](beast::error_code error) {
        const auto self = weak.lock();
        if (!self || error) return;
        char next = 0;
        const auto read =
            recv(self->stream_.socket().native_handle(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
        if (read > 0 || (read < 0 && (errno == EAGAIN || errno == EINTR))) return;
        self->client_gone_ = true;
        self->news_.cancel();
      });
}

void Connection::log_reply(const ApiRequest& request, int status) const {
  if (!context_.log) return;
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - request_start_;
  const Json line = {
      {"time_s", std::time(nullptr)}, {"request_id", request_id_}, {"method", request.method},
      {"path", request.path},         {"status", status},          {"took_ms", took.count()}};
  context_.log(dump(line));
}

}  // namespace linnet::serve
