#include "library/local_api.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "base/blocked_signals.hpp"

namespace linnet::library {
namespace {

// How often one who waits for news is asked whether he still does.
constexpr std::chrono::milliseconds kPatience{100};
// As nginx has it for clients that have gone.
constexpr int kCancelledStatus = 499;

// Wakes the thread that waits for an answer.
class News {
 public:
  void tell() {
    const std::lock_guard lock(mutex_);
    is_there_ = true;
    changed_.notify_one();
  }
  // False if there is none after `most`.
  bool wait_for(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [&] { return is_there_; });
    return std::exchange(is_there_, false);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_there_ = false;
};

std::vector<serve::ModelToServe> only(serve::ModelToServe model) {
  std::vector<serve::ModelToServe> models;
  models.push_back(std::move(model));
  return models;
}

void tell_all(const serve::Notices& notices) {
  for (const serve::Notice& notice : notices) notice.generation->notify();
}

// The JSON in a line of server-sent events (https://html.spec.whatwg.org/#server-sent-events), or
// of a stream of JSON objects; empty if it has none.
std::string_view json_in(std::string_view line) {
  constexpr std::string_view kData = "data: ";
  if (line.starts_with(kData)) line.remove_prefix(kData.size());
  return line.starts_with('{') ? line : std::string_view();
}

// False if `on_event` wants no more.
bool give_events(std::string_view events, const OnEvent& on_event) {
  while (!events.empty()) {
    const std::size_t end = std::min(events.find('\n'), events.size());
    const std::string_view json = json_in(events.substr(0, end));
    if (!json.empty() && !on_event(json)) return false;
    events.remove_prefix(std::min(end + 1, events.size()));
  }
  return true;
}

}  // namespace

LocalApi::LocalApi(serve::ModelToServe model, const serve::EngineLimits& limits)
    : models_(only(std::move(model)), limits, tell_all),
      api_(models_, metrics_, /*takes_any_model=*/true),
      client_(std::make_shared<serve::ClientAccount>(0, "", serve::Quota{})) {}

LocalApi::~LocalApi() { models_.stop(); }

Result<std::unique_ptr<LocalApi>> LocalApi::start(serve::ModelToServe model,
                                                  const serve::EngineLimits& limits) {
  std::unique_ptr<LocalApi> api;
  {
    const BlockedSignals blocked;  // for the threads that begin here: the program's are its own
    api.reset(new LocalApi(std::move(model), limits));
  }
  if (Status s = api->models_.first().engine->wait_until_loaded(); !s) return s.error();
  return api;
}

Result<Reply> LocalApi::handle(serve::ApiRequest request, const OnEvent& on_event) {
  // The engine's thread may still hold a text whose answer is not wanted any more.
  const auto news = std::make_shared<News>();
  request.client = client_;
  request.notify = [news] { news->tell(); };
  serve::ApiReply reply = api_.handle(request);
  if (!reply.pending) return Reply{reply.status, std::move(reply.body)};
  const serve::ErrorShape errors = serve::Api::error_shape(request.path);
  request = {};  // a large body is not kept while the answer is made
  serve::PendingAnswer& answer = *reply.pending;
  if (answer.streams() && !on_event) return Error{"the answer is streamed, but on_event is NULL"};
  const Reply cancelled{.status = kCancelledStatus, .is_cancelled = true};
  while (true) {
    const std::string events = answer.take_events();
    if (answer.streams() && !give_events(events, on_event)) return cancelled;
    if (answer.finished()) break;
    while (!news->wait_for(kPatience)) {
      if (on_event && !on_event({})) return cancelled;
    }
  }
  if (answer.streams()) return Reply{.error = answer.error()};
  if (!answer.error()) return Reply{.body = json_text(answer.whole())};
  reply = serve::error_reply(*answer.error(), metrics_, errors);
  return Reply{reply.status, std::move(reply.body)};
}

}  // namespace linnet::library
