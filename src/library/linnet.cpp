#include "linnet/linnet.h"

#include <cxxabi.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/requests.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {
namespace {

char* copy_of(std::string_view text) {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) return nullptr;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

void tell(std::string_view message, char** error) {
  if (error) *error = copy_of(message);
}

// No exception goes through a C function: those of the standard library, of libraries that we call
// and of callbacks end here.
template <class Body>
int guarded(char** error, Body body) {
  try {
    const Status status = body();
    if (status) return LINNET_OK;
    tell(status.error().message, error);
  } catch (const std::bad_alloc&) {
    tell("there is not enough memory", error);
  } catch (const std::exception& exception) {
    tell(exception.what(), error);
  } catch (...) {
    if (!abi::__cxa_current_exception_type()) throw;  // the thread ends, and must
    tell("a callback threw an exception", error);
  }
  return LINNET_FAILED;
}

// An Error if one of these arguments is NULL.
Status check_given(std::initializer_list<std::pair<const char*, bool>> arguments) {
  for (const auto& [name, is_given] : arguments) {
    if (!is_given) return Error{fmt::format("{} is NULL", name)};
  }
  return {};
}

// A copy of some numbers that linnet_free() releases.
template <class Number>
Number* copy_of(const std::vector<Number>& numbers) {
  const std::size_t bytes = numbers.size() * sizeof(Number);
  auto* copy = static_cast<Number*>(std::malloc(bytes + 1));
  if (!copy) throw std::bad_alloc();
  if (bytes > 0) std::memcpy(copy, numbers.data(), bytes);
  return copy;
}

void give_text(std::string_view text, char** to, size_t* bytes) {
  char* copy = copy_of(text);
  if (!copy) throw std::bad_alloc();
  *to = copy;
  if (bytes) *bytes = text.size();
}

library::OnText callback(linnet_on_text on_text, void* user) {
  return [=](std::string_view text) { return on_text(text.data(), text.size(), user) != 0; };
}

// What generate() and chat() give, in the terms of C.
Status tell_finish(const Result<linnet_finish_reason>& finish, int* to) {
  if (!finish) return finish.error();
  if (to) *to = *finish;
  return {};
}

}  // namespace
}  // namespace linnet

const char* linnet_version(void) { return LINNET_VERSION; }

linnet_model* linnet_open(const char* path, const linnet_model_options* options, char** error) {
  linnet_model* opened = nullptr;
  linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status s = linnet::check_given({{"path", path != nullptr}}); !s) return s;
    auto model = linnet::library::open_model(path, options ? *options : linnet_model_options{});
    if (!model) return model.error();
    opened = model->release();
    return {};
  });
  return opened;
}

void linnet_close(linnet_model* model) {
  if (model && model->process != getpid()) return;  // its threads are not here to be waited for
  delete model;
}

int64_t linnet_context(const linnet_model* model) {
  return model ? model->api->model().context : 0;
}

int64_t linnet_vocabulary(const linnet_model* model) {
  return model ? model->file->spec().vocabulary : 0;
}

int linnet_tokenize(const linnet_model* model, const char* text, size_t bytes, int add_special,
                    int32_t** ids, size_t* count, char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status s = linnet::check_given({{"model", model != nullptr},
                                                {"text", text || bytes == 0},
                                                {"ids", ids != nullptr},
                                                {"count", count != nullptr}});
        !s) {
      return s;
    }
    const auto tokens =
        model->file->tokenizer()->encode({text, bytes}, {.add_special = add_special != 0});
    if (!tokens) return tokens.error();
    *ids = linnet::copy_of(*tokens);
    *count = tokens->size();
    return {};
  });
}

int linnet_detokenize(const linnet_model* model, const int32_t* ids, size_t count, char** text,
                      size_t* bytes, char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status s = linnet::check_given(
            {{"model", model != nullptr}, {"ids", ids || count == 0}, {"text", text != nullptr}});
        !s) {
      return s;
    }
    linnet::Detokenizer detokenizer(*model->file->tokenizer());
    std::string result;
    for (size_t i = 0; i < count; ++i) result += detokenizer.push(ids[i]);
    linnet::give_text(result + detokenizer.finish(), text, bytes);
    return {};
  });
}

int linnet_generate(linnet_model* model, const char* prompt, size_t prompt_bytes,
                    const linnet_generate_options* options, linnet_on_text on_text, void* user,
                    int* finish, char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status s = linnet::check_given({{"model", model != nullptr},
                                                {"prompt", prompt || prompt_bytes == 0},
                                                {"on_text", on_text != nullptr}});
        !s) {
      return s;
    }
    const auto chosen = options ? *options : linnet_generate_options{};
    return linnet::tell_finish(linnet::library::generate(*model, {prompt, prompt_bytes}, chosen,
                                                         linnet::callback(on_text, user)),
                               finish);
  });
}

int linnet_chat(linnet_model* model, const linnet_message* messages, size_t count,
                const linnet_generate_options* options, linnet_on_text on_text, void* user,
                int* finish, char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status s = linnet::check_given({{"model", model != nullptr},
                                                {"messages", messages || count == 0},
                                                {"on_text", on_text != nullptr}});
        !s) {
      return s;
    }
    const auto chosen = options ? *options : linnet_generate_options{};
    return linnet::tell_finish(
        linnet::library::chat(*model, {messages, count}, chosen, linnet::callback(on_text, user)),
        finish);
  });
}

int linnet_embed(linnet_model* model, const char* text, size_t bytes, float** values, size_t* count,
                 char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status s = linnet::check_given({{"model", model != nullptr},
                                                {"text", text || bytes == 0},
                                                {"values", values != nullptr},
                                                {"count", count != nullptr}});
        !s) {
      return s;
    }
    const auto vector = linnet::library::embed(*model, {text, bytes});
    if (!vector) return vector.error();
    *values = linnet::copy_of(*vector);
    *count = vector->size();
    return {};
  });
}

int linnet_request(linnet_model* model, const char* path, const char* body, size_t body_bytes,
                   linnet_on_text on_event, void* user, int* http_status, char** reply,
                   size_t* bytes, char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status s = linnet::check_given({{"model", model != nullptr},
                                                {"path", path != nullptr},
                                                {"body", body || body_bytes == 0},
                                                {"reply", reply != nullptr}});
        !s) {
      return s;
    }
    std::optional<std::string> text;
    if (body) text.emplace(body, body_bytes);
    const auto answer = linnet::library::answer(
        *model, linnet::library::to_request(path, std::move(text)),
        on_event ? linnet::callback(on_event, user) : linnet::library::OnEvent());
    if (!answer) return answer.error();
    if (http_status) *http_status = answer->status;
    linnet::give_text(answer->body, reply, bytes);
    return {};
  });
}

void linnet_free(void* memory) { std::free(memory); }
