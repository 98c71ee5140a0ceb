#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "serve/api.hpp"
#include "serve/model_set.hpp"

namespace linnet::library {

/// What a request came to.
struct Reply {
  int status = 200;
  std::string body{};                      ///< empty if the answer came as events
  std::optional<serve::ApiError> error{};  ///< of such an answer that could not be finished
  bool is_cancelled = false;               ///< on_event has ended it
};

/// Receives the events of an answer that is streamed, the JSON of one each time; nothing now and
/// then while there is no news of an answer. False ends it.
using OnEvent = std::function<bool(std::string_view json)>;

/// The API of `linnet serve` in this process. All members may be called from any thread; must
/// outlive what they do.
class LocalApi {
 public:
  /// Loads the model and waits for that; an Error says why it can't be.
  static Result<std::unique_ptr<LocalApi>> start(serve::ModelToServe model,
                                                 const serve::EngineLimits& limits);
  ~LocalApi();
  LocalApi(const LocalApi&) = delete;
  LocalApi& operator=(const LocalApi&) = delete;

  /// Answers `request` (its method, path and body or json are set) and waits for the answer.
  /// `on_event` is called on this thread; what it throws ends the answer and comes out. An Error if
  /// an answer that is streamed has nobody to take it.
  Result<Reply> handle(serve::ApiRequest request, const OnEvent& on_event = {});

  const serve::ServedModel& model() const { return models_.first().model; }

 private:
  LocalApi(serve::ModelToServe model, const serve::EngineLimits& limits);

  serve::Metrics metrics_;
  serve::ModelSet models_;
  serve::Api api_;
  const std::shared_ptr<serve::ClientAccount> client_;
};

}  // namespace linnet::library
