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
/// that fails gives nothing and puts one sentence into `error`. Belongs to one thread at a time.
///
///     std::string error;
///     auto model = linnet::LanguageModel::open("model.gguf", error);
///     if (!model) return fail(error);
///     model->generate("Once upon a time", print_piece, error);
class LanguageModel {
 public:
  /// Receives the text as it comes, whole characters; false ends it. What it throws is the error of
  /// generate(). See linnet_on_text.
  using OnText = std::function<bool(std::string_view text)>;

  /// See linnet_open().
  static std::optional<LanguageModel> open(
      const std::string& path, std::string& error,
      const linnet_model_options& options = linnet_default_model_options()) {
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

  /// See linnet_generate(). Gives why the text ended.
  std::optional<linnet_finish_reason> generate(
      std::string_view prompt, const OnText& on_text, std::string& error,
      const linnet_generate_options& options = linnet_default_generate_options()) {
    const auto call = [](const char* text, std::size_t bytes, void* user) -> int {
      return (*static_cast<const OnText*>(user))({text, bytes});
    };
    char* message = nullptr;
    linnet_finish_reason finish = LINNET_STOP;
    const int status = linnet_generate(model_.get(), prompt.data(), prompt.size(), &options, call,
                                       const_cast<OnText*>(&on_text), &finish, &message);
    if (status != LINNET_OK) return fail(message, error);
    return finish;
  }

 private:
  struct Close {
    void operator()(linnet_model* model) const { linnet_close(model); }
  };
  struct Release {
    void operator()(void* memory) const { linnet_free(memory); }
  };

  explicit LanguageModel(linnet_model* model) : model_(model) {}

  static std::nullopt_t fail(char* message, std::string& error) {
    error = message ? message : "there is not enough memory";
    linnet_free(message);
    return std::nullopt;
  }

  std::unique_ptr<linnet_model, Close> model_;
};

}  // namespace linnet
