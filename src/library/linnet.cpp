#include "linnet/linnet.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "generate/engine.hpp"
#include "generate/grammar_vocabulary.hpp"
#include "generate/text_output.hpp"

struct linnet_model {
  std::unique_ptr<linnet::ModelFile> file;
  std::unique_ptr<linnet::Engine> engine;
  std::int64_t context = 0;
  std::atomic_flag is_generating;
};

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
    tell("on_text threw an exception", error);
  }
  return LINNET_FAILED;
}

// An Error where one of these arguments is NULL.
Status check_given(std::initializer_list<std::pair<const char*, bool>> arguments) {
  for (const auto& [name, is_given] : arguments) {
    if (!is_given) return Error{fmt::format("{} is NULL", name)};
  }
  return {};
}

Status check_range(const char* name, std::int64_t value, std::int64_t most) {
  if (value >= 0 && value <= most) return {};
  return Error{fmt::format("{} is {}, expected 0 to {}", name, value, most)};
}

Result<std::unique_ptr<linnet_model>> load(const char* path, const linnet_model_options& asked) {
  constexpr std::int64_t kMostThreads = 1024, kMostContext = std::int64_t{1} << 30;
  if (Status s = check_given({{"path", path != nullptr}}); !s) return s.error();
  if (Status s = check_range("threads", asked.threads, kMostThreads); !s) return s.error();
  if (Status s = check_range("context", asked.context, kMostContext); !s) return s.error();
  auto file = ModelFile::open(path);
  if (!file) return file.error();
  EngineOptions options;
  options.threads = asked.threads;
  options.context = asked.context;
  const auto plan = (*file)->plan(options);
  if (!plan) return plan.error();
  auto engine = Engine::load(**file, options, plan->context);
  if (!engine) return engine.error();
  auto model = std::make_unique<linnet_model>();
  model->file = std::move(*file);
  model->engine = std::move(*engine);
  model->context = plan->context;
  return model;
}

Status generate(linnet_model& model, std::string_view prompt,
                const linnet_generate_options& options, linnet_on_text on_text, void* user,
                linnet_finish_reason& finish) {
  if (!std::isfinite(options.temperature) || options.temperature < 0.0f) {
    return Error{
        fmt::format("temperature is {}, expected a number from 0 on", options.temperature)};
  }
  if (options.max_tokens < 1) {
    return Error{fmt::format("max_tokens is {}, expected at least 1", options.max_tokens)};
  }
  const auto tokenizer = model.file->need_tokenizer();
  if (!tokenizer) return tokenizer.error();
  auto tokens = (*tokenizer)->encode(prompt, {.add_special = true});
  if (!tokens) return tokens.error();
  TextOutput output(**tokenizer, {});
  bool wanted = true;
  const auto emit = [&](const std::string& text) {
    if (wanted && !text.empty()) wanted = on_text(text.data(), text.size(), user) != 0;
    return wanted;
  };
  GenerateRequest request;
  request.prompt = std::move(*tokens);
  request.max_tokens = options.max_tokens;
  request.sampling.temperature = options.temperature;
  request.sampling.seed = options.seed;
  request.stop_tokens = end_tokens(**tokenizer);
  request.on_token = [&](TokenId token) { return emit(output.push(token)); };
  Status ended;
  request.on_finish = [&](const Result<FinishReason>& ending) {
    if (ending) {
      finish = static_cast<linnet_finish_reason>(*ending);
    } else {
      ended = ending.error();
    }
  };
  if (Status status = model.engine->submit(std::move(request)); !status) return status;
  if (Status status = model.engine->run(); !status) return status;
  emit(output.finish());
  if (!ended) return ended;
  return model.file->file().check_unchanged();
}

// A second text would be put among the steps of the first, whose memory goes with it.
Status generate_alone(linnet_model& model, std::string_view prompt,
                      const linnet_generate_options& options, linnet_on_text on_text, void* user,
                      linnet_finish_reason& finish) {
  if (model.is_generating.test_and_set()) {
    return Error{"the model is generating a text, and makes one at a time"};
  }
  struct Ending {
    std::atomic_flag& is_generating;
    ~Ending() { is_generating.clear(); }
  };
  const Ending ending{model.is_generating};
  return generate(model, prompt, options, on_text, user, finish);
}

static_assert(static_cast<int>(FinishReason::kStop) == LINNET_STOP);
static_assert(static_cast<int>(FinishReason::kLength) == LINNET_LENGTH);
static_assert(static_cast<int>(FinishReason::kCancelled) == LINNET_CANCELLED);

}  // namespace
}  // namespace linnet

const char* linnet_version(void) { return LINNET_VERSION; }

linnet_model_options linnet_default_model_options(void) { return {}; }

linnet_generate_options linnet_default_generate_options(void) { return {100, 0.0f, 0}; }

linnet_model* linnet_open(const char* path, const linnet_model_options* options, char** error) {
  linnet_model* opened = nullptr;
  linnet::guarded(error, [&]() -> linnet::Status {
    auto model = linnet::load(path, options ? *options : linnet_default_model_options());
    if (!model) return model.error();
    opened = model->release();
    return {};
  });
  return opened;
}

void linnet_close(linnet_model* model) { delete model; }

int64_t linnet_context(const linnet_model* model) { return model ? model->context : 0; }

int64_t linnet_vocabulary(const linnet_model* model) {
  return model ? model->file->spec().vocabulary : 0;
}

int linnet_tokenize(const linnet_model* model, const char* text, size_t bytes, int add_special,
                    int32_t** ids, size_t* count, char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status status = linnet::check_given({{"model", model != nullptr},
                                                     {"text", text || bytes == 0},
                                                     {"ids", ids != nullptr},
                                                     {"count", count != nullptr}});
        !status) {
      return status;
    }
    const auto tokenizer = model->file->need_tokenizer();
    if (!tokenizer) return tokenizer.error();
    const auto tokens = (*tokenizer)->encode({text, bytes}, {.add_special = add_special != 0});
    if (!tokens) return tokens.error();
    const std::size_t size = tokens->size() * sizeof(int32_t);
    auto* copy = static_cast<int32_t*>(std::malloc(size + 1));
    if (!copy) throw std::bad_alloc();
    if (size > 0) std::memcpy(copy, tokens->data(), size);
    *ids = copy;
    *count = tokens->size();
    return {};
  });
}

int linnet_detokenize(const linnet_model* model, const int32_t* ids, size_t count, char** text,
                      size_t* bytes, char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status status = linnet::check_given(
            {{"model", model != nullptr}, {"ids", ids || count == 0}, {"text", text != nullptr}});
        !status) {
      return status;
    }
    const auto tokenizer = model->file->need_tokenizer();
    if (!tokenizer) return tokenizer.error();
    linnet::Detokenizer detokenizer(**tokenizer);
    std::string result;
    for (size_t i = 0; i < count; ++i) result += detokenizer.push(ids[i]);
    result += detokenizer.finish();
    char* copy = linnet::copy_of(result);
    if (!copy) throw std::bad_alloc();
    *text = copy;
    if (bytes) *bytes = result.size();
    return {};
  });
}

int linnet_generate(linnet_model* model, const char* prompt, size_t prompt_bytes,
                    const linnet_generate_options* options, linnet_on_text on_text, void* user,
                    enum linnet_finish_reason* finish, char** error) {
  return linnet::guarded(error, [&]() -> linnet::Status {
    if (linnet::Status status = linnet::check_given({{"model", model != nullptr},
                                                     {"prompt", prompt || prompt_bytes == 0},
                                                     {"on_text", on_text != nullptr}});
        !status) {
      return status;
    }
    linnet_finish_reason reason = LINNET_STOP;
    const auto chosen = options ? *options : linnet_default_generate_options();
    linnet::Status status =
        linnet::generate_alone(*model, {prompt, prompt_bytes}, chosen, on_text, user, reason);
    if (finish) *finish = reason;
    return status;
  });
}

void linnet_free(void* memory) { std::free(memory); }
