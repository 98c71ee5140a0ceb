#include "library/open_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ranges>
#include <span>
#include <string_view>
#include <utility>

#include "generate/loading/device_choice.hpp"
#include "serve/engines/cache_folder.hpp"
#include "serve/engines/engine_source.hpp"

namespace linnet::library {
namespace {

// Texts: a program knows what it asks for.
constexpr std::size_t kMostWaiting = 1 << 20;

Status check_range(const char* name, std::int64_t value, std::int64_t most) {
  if (value >= 0 && value <= most) return {};
  return Error{fmt::format("{} is {}, expected 0 to {}", name, value, most)};
}

Status check_numbers(const linnet_model_options& options) {
  constexpr std::int64_t kMostThreads = 1024, kMostContext = std::int64_t{1} << 30;
  if (Status s = check_range("threads", options.threads, kMostThreads); !s) return s;
  if (Status s = check_range("context", options.context, kMostContext); !s) return s;
  if (Status s = check_range("cache_tokens", options.cache_tokens, 2 * kMostContext); !s) return s;
  return check_range("gpu_layers", options.gpu_layers, Hyperparameters::kMostLayers);
}

bool is_none(const char* text) { return !text || *text == '\0'; }

std::string text_or_empty(const char* text) { return text ? text : ""; }

// The index in `names` of the option; the first if it is NULL.
Result<std::size_t> choose(const char* option, const char* given,
                           std::span<const std::string_view> names) {
  if (is_none(given)) return std::size_t{0};
  const auto found = std::ranges::find(names, given);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  return Error{fmt::format("{} is {}, expected one of {}", option, given, fmt::join(names, ", "))};
}

Result<KvType> choose_kv_type(const char* given) {
  if (is_none(given)) return KvType::kF16;
  std::array<std::string_view, std::size(kKvTypes)> names;
  std::ranges::transform(kKvTypes, names.begin(), &KvTypeInfo::name);
  const auto type = choose("kv_type", given, names);
  if (!type) return type.error();
  return static_cast<KvType>(*type);
}

Status choose_device(const char* given, const ModelFile& file, EngineOptions& options) {
  enum Device { kCpu, kCuda, kAuto };
  static constexpr std::array<std::string_view, 3> kNames = {"cpu", "cuda", "auto"};
  const auto device = choose("device", given, kNames);
  if (!device) return device.error();
  if (*device == kCpu && options.gpu_layers) {
    return Error{fmt::format("gpu_layers is {}, but device is cpu", *options.gpu_layers)};
  }
  if (*device == kCuda) use_gpu(file, options);
  // That it stays on the CPU then is what was asked for.
  if (*device == kAuto) static_cast<void>(try_gpu(file, options));
  return {};
}

Result<std::unique_ptr<ModelFile>> open_file(const std::string& path,
                                             const linnet_model_options& options) {
  if (options.adapter_count > 0 && !options.adapters) return Error{"adapters is NULL"};
  auto file = ModelFile::open(path);
  if (!file) return file.error();
  for (const linnet_adapter& adapter : std::span(options.adapters, options.adapter_count)) {
    if (!adapter.path) return Error{"the path of an adapter is NULL"};
    if (!(std::abs(adapter.strength) <= gguf::kLargestStrength)) {  // nor is it no number
      return Error{fmt::format("the strength of {} is {}, expected {} to {}", adapter.path,
                               adapter.strength, -gguf::kLargestStrength, gguf::kLargestStrength)};
    }
    if (Status s = (*file)->add_adapter(adapter.path, adapter.strength); !s) return s.error();
  }
  if (!is_none(options.mmproj)) {
    const PictureLimits limits{.context = options.context};
    const bool is_on_cpu = is_none(options.device) || std::string_view(options.device) == "cpu";
    const BackendKind backend = is_on_cpu ? BackendKind::kCpu : BackendKind::kCuda;
    if (Status s = (*file)->add_encoders(options.mmproj, limits, backend); !s) return s.error();
  }
  return file;
}

Result<EngineOptions> engine_options(const ModelFile& file, const linnet_model_options& given) {
  EngineOptions options;
  options.threads = given.threads;
  options.context = given.context;
  const auto kv_type = choose_kv_type(given.kv_type);
  if (!kv_type) return kv_type.error();
  options.kv_type = *kv_type;
  options.draft_model = text_or_empty(given.draft_model);
  options.speculate = given.speculate != 0 || !options.draft_model.empty();
  options.force = given.force != 0;
  if (given.gpu_layers > 0) options.gpu_layers = given.gpu_layers;
  if (Status s = choose_device(given.device, file, options); !s) return s.error();
  return options;
}

WeightLoader::Progress progress_to(linnet_on_progress on_progress, void* user) {
  if (!on_progress) return {};
  return [=](std::int64_t done_bytes, std::int64_t total_bytes) {
    const double total = static_cast<double>(std::max<std::int64_t>(total_bytes, 1));
    on_progress(static_cast<double>(done_bytes) / total, user);
  };
}

// The model with what is known of it, for the API.
Result<serve::ModelToServe> describe(const ModelFile& file, const linnet_model_options& given) {
  const auto options = engine_options(file, given);
  if (!options) return options.error();
  const auto plan = file.plan(*options);
  if (!plan) return plan.error();
  auto described = serve::describe_model(file, file.file().path().stem().string(),
                                         text_or_empty(given.chat_template), plan->context);
  if (!described) return described.error();
  const std::int64_t kv_tokens = given.cache_tokens > 0 ? given.cache_tokens : plan->context;
  if (Status s = serve::check_cache(*plan, kv_tokens, options->force); !s) {
    return Error{fmt::format("cache_tokens is {}: {}", kv_tokens, s.error().message)};
  }
  return serve::ModelToServe{std::move(*described),
                             serve::engine_source(file, *options, *plan, kv_tokens,
                                                  progress_to(given.on_progress, given.user))};
}

}  // namespace

Result<std::unique_ptr<linnet_model>> open_model(const std::string& path,
                                                 const linnet_model_options& options) {
  if (Status s = check_numbers(options); !s) return s.error();
  auto file = open_file(path, options);
  if (!file) return file.error();
  auto described = describe(**file, options);
  if (!described) return described.error();
  serve::EngineLimits limits;
  limits.most_waiting = kMostWaiting;
  limits.cache_folder = text_or_empty(options.cache_folder);
  if (!limits.cache_folder.empty()) {
    if (Status s = serve::CacheFolder::prepare(limits.cache_folder); !s) return s.error();
  }
  auto api = LocalApi::start(std::move(*described), limits);
  if (!api) return api.error();
  auto model = std::make_unique<linnet_model>();
  model->file = std::move(*file);
  model->api = std::move(*api);
  model->process = getpid();
  return model;
}

}  // namespace linnet::library
