#include "generate/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <system_error>

#include "base/machine.hpp"
#include "base/mapped_file.hpp"
#include "generate/batch_rows.hpp"
#include "generate/session/model_hash.hpp"
#include "generate/speculation/draft_model.hpp"
#include "generate/speculation/prompt_lookup.hpp"

namespace linnet {
namespace {

// Pages are numbered with 32 bits, and so are the positions of a text, with some room behind them.
constexpr std::int64_t kMostKvTokens = std::int64_t{1} << 35;
constexpr std::int64_t kLongestText = Hyperparameters::kLargestCount;

Result<std::unique_ptr<Backend>> make_backend(BackendKind kind, const EngineOptions& options,
                                              int threads) {
  if (options.observer && kind != BackendKind::kCpu) {
    return Error{"only the CPU backend shows what is computed; choose --device cpu"};
  }
  if (kind == BackendKind::kCuda) return make_cuda_backend(threads, options.cuda);
  if (kind == BackendKind::kReference) return make_reference_backend();
  try {
    if (options.observer) {
      return make_observed_cpu_backend(threads, *options.observer, options.instruction_set);
    }
    return make_cpu_backend(threads, options.instruction_set);
  } catch (const std::system_error& error) {
    return Error{fmt::format("{} threads can't be started: {}", threads, error.code().message())};
  }
}

std::int64_t pages_for(std::int64_t tokens) { return (tokens + kPageTokens - 1) / kPageTokens; }

}  // namespace

Result<std::unique_ptr<Engine>> Engine::load(const ModelFile& file, const EngineOptions& options,
                                             std::int64_t kv_tokens,
                                             WeightLoader::Progress progress) {
  if (kv_tokens > kMostKvTokens) {
    return Error{fmt::format("a KV cache for {} tokens was asked for, expected at most {}",
                             kv_tokens, kMostKvTokens)};
  }
  if (options.backend == BackendKind::kCuda && !options.gpu_layers) {
    const auto plan = file.plan(options);
    if (!plan) return plan.error();
    EngineOptions chosen = options;
    chosen.gpu_layers = plan->gpu_layers(file.spec());
    return load(file, chosen, kv_tokens, std::move(progress));
  }
  std::unique_ptr<Engine> engine(new Engine(file));
  engine->threads_ = options.threads > 0 ? options.threads : usable_threads();
  engine->kv_type_ = options.kv_type;
  engine->kv_tokens_ = pages_for(kv_tokens) * kPageTokens;
  if (Status status = engine->make_backends(options); !status) return status.error();
  BatchLimits limits = batch_limits(file.spec(), options, file.vision());
  limits.rows = std::min(limits.rows, std::max<std::int64_t>(kv_tokens, 1));
  limits.outputs = std::min(limits.outputs, limits.rows);

  if (Status status = engine->load_model(limits, std::move(progress)); !status) {
    return status.error();
  }
  if (Status status = engine->load_vision(); !status) return status.error();
  if (Status status = engine->allocate_memory(); !status) return status.error();
  auto drafter = engine->load_drafter(options);
  if (!drafter) return drafter.error();
  if (Status status = engine->backend_->status(); !status) return status.error();
  engine->scheduler_ = std::make_unique<Scheduler>(*engine->model_, *engine->backend_,
                                                   engine->memory_, std::move(*drafter));
  if (engine->vision_) engine->scheduler_->encode_pictures_with(*engine->vision_);
  return engine;
}

Status Engine::make_backends(const EngineOptions& options) {
  parts_ = parts_of(file_.spec(), options);
  for (const ModelPart& part : parts_) {
    auto backend = make_backend(part.backend, options, threads_);
    if (!backend) return backend.error();
    const bool is_first = backends_.empty();
    backend_ = backends_.emplace_back(std::move(*backend)).get();
    backend_name_ += fmt::format("{}{}", is_first ? "" : " + ", backend_->name());
    memory_layout_ += is_first
                          ? std::string(backend_->memory_layout())
                          : fmt::format("/{}/{}", part.layers.first, backend_->memory_layout());
  }
  return {};
}

Status Engine::load_model(const BatchLimits& limits, WeightLoader::Progress progress) {
  std::vector<LayerPlace> places;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    places.push_back({backends_[i].get(), parts_[i].layers.end});
  }
  WeightLoader loader(file_.file(), *backend_, std::move(progress));
  loader.adapt(file_.adapters());
  auto model = Model::load(file_.spec(), loader, places, limits);
  if (!model) return model.error();
  model_ = std::move(*model);
  return file_.check_unchanged();
}

// Beside the first layers, which read its rows.
Status Engine::load_vision() {
  if (!file_.vision()) return {};
  WeightLoader loader(file_.vision()->file(), *backends_.front());
  auto vision = VisionModel::load(file_.vision()->spec(), loader, *backends_.front());
  if (!vision) return vision.error();
  vision_ = std::move(*vision);
  return file_.check_unchanged();
}

// Null where nothing is to be guessed.
Result<std::unique_ptr<Drafter>> Engine::load_drafter(const EngineOptions& options) {
  if (!options.speculate) return std::unique_ptr<Drafter>();
  if (!file_.spec().causal) {
    return Error{fmt::format("{}: its tokens see later ones, so that guesses can't be verified",
                             file_.file().path().string())};
  }
  if (options.draft_model.empty()) return std::unique_ptr<Drafter>(new PromptLookup());
  const std::int64_t promised =
      memory_.kv->size_bytes() + (memory_.states ? memory_.states->size_bytes() : 0);
  return DraftModel::load(options.draft_model, file_, *backend_, options, kv_tokens_, promised);
}

Status Engine::allocate_memory() {
  // One more: where two sequences part within a page, it is copied.
  memory_.pages = kv_tokens_ / kPageTokens + 1;
  auto kv = model_->make_kv_store(kv_type_, memory_.pages);
  if (!kv) return kv.error();
  memory_.kv = std::move(*kv);
  if (state_bytes(model_->spec()) == 0) return {};
  std::vector<MemoryShare> shares;
  for (const ModelPart& part : parts_) {
    const auto available = available_bytes(part.backend);
    if (!available) return available.error();
    shares.push_back({part});
    shares.back().available_bytes = *available;  // beside the weights, which are there already
  }
  memory_.slots = choose_state_slots(model_->spec(), shares);
  auto states = model_->make_state_store(memory_.slots);
  if (!states) return states.error();
  memory_.states = std::move(*states);
  return {};
}

std::int64_t Engine::longest_text() const {
  const std::int64_t rows = model_->spec().position_rows;
  const std::int64_t longest = std::min({rows > 0 ? rows : kLongestText, kLongestText, kv_tokens_});
  return model_->spec().causal ? longest : std::min(longest, model_->limits().rows);
}

Status Engine::check_tokens(std::span<const TokenId> tokens, const Pictures& pictures) const {
  if (tokens.empty()) return Error{"the prompt has no tokens"};
  return check_pictures(tokens, model_->spec().vocabulary, pictures);
}

Status Engine::check_input(std::span<const TokenId> input) const {
  const ModelSpec& spec = model_->spec();
  const bool needed = spec.input.layers > 0;
  if (needed != input.empty()) return needed ? check_tokens(input) : Status();
  return Error{fmt::format("{}: {} models {} beside the tokens of their text",
                           file_.file().path().string(), spec.architecture,
                           needed ? "need an input (--input)" : "have no input")};
}

Status Engine::check_rows(const Pictures& pictures) const {
  if (pictures.empty()) return {};
  if (!vision_) return Error{"the model reads no pictures: it was loaded without an encoder"};
  const bool come_at_once = vision_->spec().see_each_other != SeeEachOther::kNo;
  const auto is_too_large = [&](const MarkedTokens::Part& part) {
    return come_at_once && std::ssize(part.ids) > model_->limits().rows;
  };
  for (const auto& picture : pictures) {
    const auto large = std::ranges::find_if(picture->tokens.parts, is_too_large);
    if (large == picture->tokens.parts.end()) continue;
    return Error{fmt::format("a picture takes {} rows, which come at once, but a step holds {}",
                             large->ids.size(), model_->limits().rows)};
  }
  return {};
}

Status Engine::submit(GenerateRequest request) {
  if (Status status = check_rows(request.pictures); !status) return status;
  if (Status status = check_tokens(request.prompt, request.pictures); !status) return status;
  if (request.on_hidden) {
    request.max_tokens = 0;
  } else if (Status status = check_makes_text(file_); !status) {
    return status;
  }
  if (request.max_tokens < 1 && !request.on_hidden) {
    return Error{"max_tokens must be at least 1"};
  }
  const auto prompt_tokens = static_cast<std::int64_t>(request.prompt.size());
  if (Status status = check_context(prompt_tokens, request.max_tokens, longest_text()); !status) {
    return status;
  }
  scheduler_->submit(std::move(request));
  return {};
}

Status Engine::step() {
  if (Status status = scheduler_->step(); !status) return status;
  return file_.check_lazy_weights();
}

Status Engine::run(const std::function<void()>& after_step) {
  const DropRequests dropping(*this);
  while (!idle()) {
    if (Status status = step(); !status) return status;
    if (after_step) after_step();
  }
  return {};
}

std::uint64_t Engine::model_hash() {
  if (!model_hash_) model_hash_ = hash_model(file_.file(), file_.adapters());
  return *model_hash_;
}

SessionIdentity Engine::session_identity() {
  return {model_hash(), memory_layout_, std::string(info_of(kv_type_).name),
          memory_.kv->page_bytes(), memory_.states ? memory_.states->slot_bytes() : 0};
}

Result<std::int64_t> Engine::save_session(const std::filesystem::path& path,
                                          std::span<const TokenId> tokens, std::string_view text) {
  // Pictures have other ids in the next process.
  const auto picture = std::ranges::find_if(
      tokens, [&](TokenId token) { return token >= model_->spec().vocabulary; });
  tokens = tokens.first(static_cast<std::size_t>(picture - tokens.begin()));
  return write_session(path, session_identity(), scheduler_->cache(), tokens, text);
}

Result<Engine::Session> Engine::load_session(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  auto view = parse_session(file->bytes(), path.string());
  if (!view) return view.error();
  if (Status s = check_identity(view->identity, session_identity(), path.string()); !s) {
    return s.error();
  }
  Session session;
  session.cached_tokens = scheduler_->cache().restore(view->image);
  if (Status status = backend_->status(); !status) return status.error();
  session.tokens = std::move(view->image.tokens);
  session.text = view->text;
  return session;
}

StoredSequence Engine::whole_cache(std::int64_t tokens) {
  StoredSequence stored;
  stored.pages.resize(static_cast<std::size_t>(pages_for(tokens)));
  std::iota(stored.pages.begin(), stored.pages.end(), 0);
  if (memory_.states) {
    stored.slot = 0;
    memory_.states->clear_slot(*stored.slot);
  }
  return stored;
}

Status Engine::logits(std::span<const TokenId> tokens, std::span<const TokenId> input,
                      std::int64_t first, const TakeLogits& take) {
  if (Status status = check_tokens(tokens); !status) return status;
  if (Status status = check_makes_text(file_); !status) return status;
  if (Status status = check_input(input); !status) return status;
  std::vector<TokenId> all(input.begin(), input.end());
  all.insert(all.end(), tokens.begin(), tokens.end());
  const std::int64_t behind = std::ssize(input), count = std::ssize(all);
  if (Status status = check_context(count, 0, longest_text()); !status) return status;

  const StoredSequence stored = whole_cache(count);
  // Where every token sees all others, the rows of every batch are the whole sequence.
  const bool causal = model_->spec().causal;
  const BatchLimits& limits = model_->limits();
  const std::int64_t most = causal ? std::min(limits.rows, limits.outputs) : limits.outputs;
  const std::int64_t wanted = std::min(behind + first, count);
  BatchRows rows;
  std::vector<float> logits;
  for (std::int64_t next = causal ? behind : wanted, last = 0; next < count; next = last) {
    const bool is_wanted = next >= wanted;
    last = is_wanted ? std::min(next + most, count) : std::min(next + limits.rows, wanted);
    const std::int64_t begin = causal ? next : 0, end = causal ? last : count;
    rows.clear();
    rows.add_sequence(stored, begin, end - begin, behind);
    for (std::int64_t i = begin; i < end; ++i) {
      rows.add_row(all[i], is_wanted && i >= next && i < last);
    }
    const View results = model_->forward(rows.batch(), *memory_.kv, memory_.states.get());
    if (!is_wanted) continue;
    logits.resize(static_cast<std::size_t>((last - next) * model_->spec().vocabulary));
    backend_->download(results, logits.data());
    if (Status status = model_->status(); !status) return status;
    if (Status status = take(logits); !status) return status;
  }
  return {};
}

}  // namespace linnet
