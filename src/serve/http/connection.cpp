#include "serve/http/connection.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/machine.hpp"

namespace linnet::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

// How often a stream without news says that it is alive.
constexpr std::chrono::seconds kAliveInterval{15};
// How often to look for the end of a connection whose client has already sent more.
constexpr std::chrono::milliseconds kWatchInterval{250};
// Bytes of a body that are read at once.
constexpr std::size_t kReadBytes = 64 << 10;

asio::awaitable<std::optional<ApiReply>> quick_reply(Api& api, ApiRequest& request) {
  co_return api.handle_quickly(request);
}

// A body of this many bytes may have become hundreds of MiB of JSON.
constexpr std::size_t kLargeBody = 1 << 20;

// What the request was read into goes here, not on the thread of all connections: that takes long,
// too.
asio::awaitable<ApiReply> any_reply(Api& api, ApiRequest& request) {
  ApiReply reply = api.handle(request);
  request.json.reset();
  if (request.body.size() >= kLargeBody) give_memory_back();
  co_return reply;
}

auto awaiting(beast::error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

ApiError unreadable(beast::error_code error) {
  ApiError answer = invalid_request("the request is not valid HTTP: " + error.message());
  if (error == http::error::header_limit) {
    answer = invalid_request("the header of the request is too large", "", "header_too_large");
    answer.status = 431;
  } else if (error == http::error::body_limit) {
    answer = invalid_request("the body of the request is too large", "", "request_too_large");
    answer.status = 413;
  } else if (error == http::error::buffer_overflow) {
    answer = invalid_request("an extension of a chunk, or the trailer of the request, is too large",
                             "", "header_too_large");
    answer.status = 431;
  }
  return answer;
}

// Else nobody knows where the body ends, and what is in it would be taken for the next request:
// https://www.rfc-editor.org/rfc/rfc9112#section-6.3
bool has_known_codings(const http::fields& fields) {
  const std::size_t codings = fields.count(http::field::transfer_encoding);
  return codings == 0 ||
         (codings == 1 && beast::iequals(fields[http::field::transfer_encoding], "chunked"));
}

bool is_http_error(beast::error_code error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

void RequestReaders::stop() {
  for (asio::thread_pool* const pool : {&quick, &patient}) pool->stop();
  for (asio::thread_pool* const pool : {&quick, &patient}) pool->join();
}

Connection::Connection(asio::ip::tcp::socket socket, TlsContext tls, Peer peer,
                       ConnectionPlaces::Place place, ConnectionContext& context)
    : transport_(std::move(socket), std::move(tls)),
      context_(context),
      buffer_(context.limits.header_bytes + kReadBytes),
      news_(transport_.get_executor()),
      watch_(transport_.get_executor()),
      peer_(std::move(peer)),
      place_(std::move(place)) {
  ++context_.metrics.connections;
}

Connection::~Connection() { --context_.metrics.connections; }

asio::awaitable<void> Connection::run(std::shared_ptr<Connection> self) {
  bool goes_on = !(co_await self->transport_.open());
  while (goes_on && !self->context_.draining) goes_on = co_await self->serve_one();
  co_await self->transport_.end();
  self->transport_.close();
}

void Connection::close_if_idle() {
  if (idle_) transport_.close();
}

// One request and its answer; false if the connection is to end.
asio::awaitable<bool> Connection::serve_one() {
  Parser parser;
  parser.header_limit(context_.limits.header_bytes);
  parser.body_limit(context_.limits.body_bytes);
  transport_.tcp().expires_after(context_.limits.header_time);
  idle_ = true;
  beast::error_code error;
  co_await http::async_read_header(transport_, buffer_, parser, awaiting(error));
  idle_ = false;
  begin_exchange(parser);
  if (is_http_error(error)) {
    co_return co_await refuse(unreadable_reply(error), true);
  }
  if (error) co_return false;
  // Of two, one would be checked, perhaps; https://www.rfc-editor.org/rfc/rfc9112#section-3.2
  const std::size_t hosts = parser.get().count(http::field::host);
  if (hosts > 1 || (hosts == 0 && exchange_.version >= 11)) {
    co_return co_await refuse(unreadable_reply(http::error::bad_field), true);
  }
  if (!has_known_codings(parser.get())) {
    co_return co_await refuse(unreadable_reply(http::error::bad_transfer_encoding), true);
  }
  co_return co_await finish_exchange(parser);
}

ApiReply Connection::unreadable_reply(beast::error_code error) const {
  return error_reply(unreadable(error), context_.metrics, Api::error_shape(exchange_.request.path));
}

void Connection::begin_exchange(const Parser& parser) {
  exchange_ = read_head(parser.get());
  exchange_.peer = peer_;
  exchange_.keep_alive = parser.get().keep_alive() && !context_.draining;
  exchange_.request.notify = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->take_news();
  };
  exchange_.request.is_given_up = [weak = weak_from_this()] {
    const auto self = weak.lock();
    return !self || self->client_gone_ || self->context_.ended;
  };
  answer_text_.clear();
}

asio::awaitable<bool> Connection::finish_exchange(Parser& parser) {
  const std::uint64_t body_bytes =
      parser.is_done() ? 0 : parser.content_length().value_or(context_.limits.body_bytes);
  auto entered = context_.gate.enter(exchange_, body_bytes);
  if (auto* const reply = std::get_if<ApiReply>(&entered)) {
    co_return co_await refuse(std::move(*reply), !parser.is_done());
  }
  auto& pass = std::get<Gate::Pass>(entered);
  if (const beast::error_code error = co_await read_body(parser); error) {
    if (!is_http_error(error)) co_return false;
    co_return co_await refuse(unreadable_reply(error), true);
  }
  exchange_.request.body = std::move(parser.get().body());
  pass.set_body_bytes(exchange_.request.body.size());
  const bool is_answered = co_await answer();
  pass.set_tokens(exchange_.usage.prompt_tokens + exchange_.usage.completion_tokens);
  const bool goes_on = is_answered && exchange_.keep_alive;
  co_return goes_on;
}

asio::awaitable<beast::error_code> Connection::read_body(Parser& parser) {
  beast::error_code error;
  transport_.tcp().expires_after(context_.limits.body_time);
  const bool is_asked = exchange_.version >= 11 && !parser.is_done();
  if (is_asked && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(transport_, asio::buffer(kContinue.data(), kContinue.size()),
                               awaiting(error));
    if (error) co_return error;
  }
  co_await http::async_read(transport_, buffer_, parser, awaiting(error));
  co_return error;
}

// Sends a reply that needs no body of the request. What still comes of it is read and dropped for a
// moment, because closing with unread data would take the reply away from the client.
asio::awaitable<bool> Connection::refuse(ApiReply reply, bool has_unread_body) {
  if (has_unread_body) exchange_.keep_alive = false;
  const bool sent = co_await send(std::move(reply));
  record(nullptr);
  const bool goes_on = sent && exchange_.keep_alive;
  if (!has_unread_body) co_return goes_on;
  beast::error_code end;
  transport_.tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, end);
  transport_.tcp().expires_after(std::chrono::seconds(2));
  std::array<char, 4096> dropped;
  while (!end) co_await transport_.async_read_some(asio::buffer(dropped), awaiting(end));
  co_return false;
}

// The answer has something new: writes it, or wakes the coroutine if that can't be done at once.
void Connection::take_news() {
  if (stream_) stream_->pump();
  if (!stream_ || stream_->needs_coroutine()) news_.cancel();
}

asio::awaitable<ApiReply> Connection::handle() {
  ApiRequest& request = exchange_.request;
  if (request.method == "GET") co_return context_.api.handle(request);
  transport_.tcp().expires_never();
  auto reply = co_await asio::co_spawn(context_.readers.quick.get_executor(),
                                       quick_reply(context_.api, request), asio::use_awaitable);
  if (!reply || reply->pending) watch_for_end();
  if (reply) co_return std::move(*reply);
  co_return co_await asio::co_spawn(context_.readers.patient.get_executor(),
                                    any_reply(context_.api, request), asio::use_awaitable);
}

asio::awaitable<bool> Connection::answer() {
  ApiReply reply = co_await handle();
  // A large body is not kept while the answer is made.
  exchange_.request.json.reset();
  if (!context_.logs_content) exchange_.request.body = {};
  if (!reply.pending) {
    watch_.cancel();
    const bool sent = co_await send(std::move(reply));
    record(nullptr);
    co_return sent;
  }
  bool sent = false;
  if (reply.pending->streams()) {
    sent = co_await send_events(*reply.pending);
    record(reply.pending.get());
  } else {
    sent = co_await answer_whole(std::move(reply.pending));
  }
  watch_.cancel();
  co_return sent;
}

asio::awaitable<bool> Connection::answer_whole(std::unique_ptr<PendingAnswer> pending) {
  co_await wait_until_finished(*pending);
  bool sent = false;
  if (!client_gone_) {
    ApiReply reply;
    if (pending->error()) {
      reply = error_reply(*pending->error(), context_.metrics,
                          Api::error_shape(exchange_.request.path));
    } else {
      reply.body = json_text(pending->whole());
    }
    sent = co_await send(std::move(reply));
  }
  record(pending.get());
  co_return sent;
}

void Connection::set_common_headers(http::fields& fields) const {
  fields.set(http::field::date, http_date());
  fields.set("X-Request-Id", exchange_.id);
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : context_.gate.reply_headers(exchange_)) fields.set(name, value);
}

asio::awaitable<bool> Connection::send(ApiReply reply) {
  exchange_.status = reply.status;
  Response response{static_cast<http::status>(reply.status), exchange_.version};
  set_common_headers(response);
  if (!reply.body.empty()) response.set(http::field::content_type, reply.content_type);
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.keep_alive(exchange_.keep_alive);
  const bool is_of_page = !reply.content_type.starts_with("application/json");
  if (context_.logs_content && !is_of_page) answer_text_ = logged_content(reply.body);
  response.body() = std::move(reply.body);
  response.prepare_payload();
  // These have no body whose length could be told.
  if (reply.status == 204 || reply.status == 304) response.content_length(boost::none);
  http::response_serializer<http::string_body> serializer(response);
  beast::error_code error;
  if (exchange_.head_only) {
    transport_.tcp().expires_after(context_.limits.write_time);
    co_await http::async_write_header(transport_, serializer, awaiting(error));
    co_return !error;
  }
  while (!error && !serializer.is_done()) {
    transport_.tcp().expires_after(context_.limits.write_time);
    co_await http::async_write_some(transport_, serializer, awaiting(error));
  }
  co_return !error;
}

asio::awaitable<bool> Connection::send_events(PendingAnswer& answer) {
  const bool chunked = exchange_.version >= 11;
  exchange_.status = 200;
  exchange_.keep_alive = exchange_.keep_alive && chunked;
  http::response<http::empty_body> head{http::status::ok, exchange_.version};
  set_common_headers(head);
  head.set(http::field::content_type, std::string(answer.content_type()));
  head.set("X-Accel-Buffering", "no");  // nginx is to hand events on at once
  head.keep_alive(exchange_.keep_alive);
  head.chunked(chunked);
  http::response_serializer<http::empty_body> serializer(head);
  transport_.tcp().expires_after(context_.limits.write_time);
  beast::error_code error;
  co_await http::async_write_header(transport_, serializer, awaiting(error));
  bool open = !error;
  EventStream stream(answer, transport_, chunked);
  stream_ = &stream;
  while (open && !client_gone_) {
    stream.pump();
    if (!stream.unsent().empty()) {
      open = co_await send_rest(stream);
    } else if (stream.is_complete()) {
      break;
    } else {
      co_await wait_for_news(stream.last_write() + kAliveInterval);
      stream.keep_alive(std::chrono::steady_clock::now() - kAliveInterval);
    }
  }
  stream_ = nullptr;
  // The status has been sent long before.
  if (answer.error()) context_.metrics.count_error(answer.error()->code);
  co_return open && !client_gone_;
}

asio::awaitable<bool> Connection::send_rest(EventStream& stream) {
  std::string_view rest = stream.unsent();
  beast::error_code error;
  while (!error && !rest.empty()) {
    transport_.tcp().expires_after(context_.limits.write_time);
    const std::size_t written = co_await transport_.async_write_some(
        asio::buffer(rest.data(), rest.size()), awaiting(error));
    rest.remove_prefix(written);
  }
  stream.set_sent();
  co_return !error;
}

asio::awaitable<void> Connection::wait_until_finished(PendingAnswer& answer) {
  while (!client_gone_) {
    answer.take_events();
    if (answer.finished()) break;
    co_await wait_for_news(std::chrono::steady_clock::time_point::max());
  }
}

asio::awaitable<void> Connection::wait_for_news(std::chrono::steady_clock::time_point most) {
  transport_.tcp().expires_never();
  news_.expires_at(most);
  beast::error_code woken;
  co_await news_.async_wait(awaiting(woken));
}

// While an answer is made nothing is read, so the end of the connection must be looked for: when
// something comes, and again and again if that was not the end.
void Connection::watch_for_end() {
  transport_.tcp().socket().async_wait(asio::ip::tcp::socket::wait_read,
                                       [weak = weak_from_this()](beast::error_code error) {
                                         const auto self = weak.lock();
                                         if (self && !error && !self->idle_) self->look_for_end();
                                       });
}

void Connection::look_for_end() {
  if (transport_.ended_by_peer()) {
    client_gone_ = true;
    news_.cancel();
    return;
  }
  watch_.expires_after(kWatchInterval);
  watch_.async_wait([weak = weak_from_this()](beast::error_code error) {
    const auto self = weak.lock();
    if (self && !error && !self->idle_) self->look_for_end();
  });
}

// The exchange has ended: counts it, and writes it to the log.
void Connection::record(PendingAnswer* answer) {
  if (client_gone_) exchange_.status = 499;  // nginx' word for a client that did not wait
  if (answer) exchange_.usage = answer->usage();
  context_.metrics.count_reply(Api::route_name(exchange_.request.path), exchange_.status);
  if (!context_.log) return;
  Json line = access_line(exchange_);
  if (answer && answer->error()) line["error"] = answer->error()->message;
  if (answer && !answer->warnings().empty()) line["warnings"] = answer->warnings();
  if (context_.logs_content) {
    line["request"] = logged_content(exchange_.request.body);
    // What was sent as a whole is there already.
    if (answer && answer->streams() && answer->finished()) {
      answer_text_ = json_text(answer->whole());
    }
    line["reply"] = logged_content(answer_text_);
  }
  context_.log(json_text(line));
}

}  // namespace linnet::serve
