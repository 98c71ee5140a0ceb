#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "linnet/linnet.h"

namespace linnet {

/// A model in memory: the C functions of linnet.h with the types of C++. Errors are values: a call
/// that fails returns nothing and puts one sentence into `error`. Any number of threads may use a
/// model at the same time.
///
///     std::string error;
///     auto model = linnet::LanguageModel::open("model.gguf", error);
///     if (!model) return fail(error);
///     model->generate("Once upon a time", print_piece, error);
///     model->chat({{"user", "What is a linnet?"}}, print_piece, error);
class LanguageModel {
 public:
  /// Receives the text as it comes, whole characters, and nothing now and then before it does;
  /// false ends it. What it throws is the error of the call. See linnet_on_text.
  using OnText = std::function<bool(std::string_view text)>;

  /// See linnet_message.
  struct Message {
    std::string role, text;
  };

  /// What a request came to. See linnet_request().
  struct Reply {
    int http_status = 200;
    std::string body;
  };

  /// See linnet_open().
  static std::optional<LanguageModel> open(const std::string& path, std::string& error,
                                           const linnet_model_options& options = {}) {
    char* message = nullptr;
    linnet_model* model = linnet_open(path.c_str(), &options, &message);
    if (!model) return fail(message, error);
    return LanguageModel(model);
  }

  /// Tokens that prompt and answer may have together.
  std::int64_t context() const { return linnet_context(model_.get()); }
  /// Token ids go from 0 to below this.
  std::int64_t vocabulary() const { return linnet_vocabulary(model_.get()); }

  /// See linnet_tokenize().
  std::optional<std::vector<std::int32_t>> tokenize(std::string_view text, std::string& error,
                                                    bool add_special = true) const {
    char* message = nullptr;
    std::int32_t* ids = nullptr;
    std::size_t count = 0;
    const int status = linnet_tokenize(model_.get(), text.data(), text.size(), add_special, &ids,
                                       &count, &message);
    if (status != LINNET_OK) return fail(message, error);
    const std::unique_ptr<std::int32_t, Release> owner(ids);
    return std::vector<std::int32_t>(ids, ids + count);
  }

  /// See linnet_detokenize().
  std::optional<std::string> detokenize(const std::vector<std::int32_t>& ids,
                                        std::string& error) const {
    char* message = nullptr;
    char* text = nullptr;
    std::size_t bytes = 0;
    const int status =
        linnet_detokenize(model_.get(), ids.data(), ids.size(), &text, &bytes, &message);
    if (status != LINNET_OK) return fail(message, error);
    const std::unique_ptr<char, Release> owner(text);
    return std::string(text, bytes);
  }

  /// See linnet_generate(). Returns why the text ended.
  std::optional<linnet_finish_reason> generate(std::string_view prompt, const OnText& on_text,
                                               std::string& error,
                                               const linnet_generate_options& options = {}) {
    char* message = nullptr;
    int finish = LINNET_STOP;
    const int status = linnet_generate(model_.get(), prompt.data(), prompt.size(), &options,
                                       call_of(on_text), user_of(on_text), &finish, &message);
    if (status != LINNET_OK) return fail(message, error);
    return static_cast<linnet_finish_reason>(finish);
  }

  /// See linnet_chat(). Returns why the answer ended.
  std::optional<linnet_finish_reason> chat(const std::vector<Message>& messages,
                                           const OnText& on_text, std::string& error,
                                           const linnet_generate_options& options = {}) {
    std::vector<linnet_message> given;
    for (const Message& said : messages) {
      if (said.text.find('\0') != said.text.npos) {
        error = "a message has a NUL character, expected text in UTF-8";
        return std::nullopt;
      }
      given.push_back({said.role.c_str(), said.text.c_str()});
    }
    char* message = nullptr;
    int finish = LINNET_STOP;
    const int status = linnet_chat(model_.get(), given.data(), given.size(), &options,
                                   call_of(on_text), user_of(on_text), &finish, &message);
    if (status != LINNET_OK) return fail(message, error);
    return static_cast<linnet_finish_reason>(finish);
  }

  /// See linnet_embed().
  std::optional<std::vector<float>> embed(std::string_view text, std::string& error) {
    char* message = nullptr;
    float* values = nullptr;
    std::size_t count = 0;
    const int status =
        linnet_embed(model_.get(), text.data(), text.size(), &values, &count, &message);
    if (status != LINNET_OK) return fail(message, error);
    const std::unique_ptr<float, Release> owner(values);
    return std::vector<float>(values, values + count);
  }

  /// See linnet_request(). Without a body it is a request with GET.
  std::optional<Reply> request(const std::string& path, const std::optional<std::string>& body,
                               std::string& error, const OnText& on_event = nullptr) {
    char* message = nullptr;
    char* text = nullptr;
    std::size_t bytes = 0;
    Reply reply;
    const int status = linnet_request(model_.get(), path.c_str(), body ? body->data() : nullptr,
                                      body ? body->size() : 0, call_of(on_event), user_of(on_event),
                                      &reply.http_status, &text, &bytes, &message);
    if (status != LINNET_OK) return fail(message, error);
    const std::unique_ptr<char, Release> owner(text);
    reply.body.assign(text, bytes);
    return reply;
  }

 private:
  struct Close {
    void operator()(linnet_model* model) const { linnet_close(model); }
  };
  struct Release {
    void operator()(void* memory) const { linnet_free(memory); }
  };

  explicit LanguageModel(linnet_model* model) : model_(model) {}

  // The C callback and its `user` argument.
  static int call(const char* text, std::size_t bytes, void* user) {
    return (*static_cast<const OnText*>(user))({text, bytes});
  }
  static linnet_on_text call_of(const OnText& on_text) { return on_text ? &call : nullptr; }
  static void* user_of(const OnText& on_text) { return const_cast<OnText*>(&on_text); }

  static std::nullopt_t fail(char* message, std::string& error) {
    error = message ? message : "there is not enough memory";
    linnet_free(message);
    return std::nullopt;
  }

  std::unique_ptr<linnet_model, Close> model_;
};

}  // namespace linnet
