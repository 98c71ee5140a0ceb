#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "backend/kv_pages.hpp"
#include "base/machine.hpp"
#include "generate/engine.hpp"
#include "generate/speculation/assistant_drafter.hpp"
#include "generate/speculation/block_drafter.hpp"
#include "generate/speculation/draft_file.hpp"
#include "generate/speculation/draft_length.hpp"
#include "generate/speculation/draft_model.hpp"
#include "generate/speculation/draft_worth.hpp"
#include "generate/speculation/drafters.hpp"
#include "generate/speculation/guess_cost.hpp"
#include "generate/speculation/paced_drafter.hpp"
#include "generate/speculation/prediction_drafter.hpp"
#include "generate/speculation/prompt_lookup.hpp"

namespace linnet {
namespace {

// Pages are numbered with 32 bits, with some room after them.
constexpr std::int64_t kMostKvTokens = std::int64_t{1} << 35;

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
  engine->speculates_ = options.speculate;
  if (Status status = engine->open_draft_model(options); !status) return status.error();
  BatchLimits limits = batch_limits(file.spec(), options, file.vision());
  limits.rows = std::min(limits.rows, std::max<std::int64_t>(kv_tokens, 1));
  limits.outputs = std::min(limits.outputs, limits.rows);

  if (Status status = engine->load_model(limits, std::move(progress)); !status) {
    return status.error();
  }
  if (Status status = engine->load_encoders(); !status) return status.error();
  if (Status status = engine->allocate_memory(); !status) return status.error();
  auto drafter = engine->load_drafter(options, kv_tokens);
  if (!drafter) return drafter.error();
  if (Status status = engine->backend_->status(); !status) return status.error();
  engine->scheduler_ = std::make_unique<Scheduler>(*engine->model_, *engine->backend_,
                                                   engine->memory_, std::move(*drafter));
  engine->scheduler_->encode_media_with({engine->vision_.get(), engine->hearing_.get()});
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
  loader.steer(file_.control_vectors());
  ModelSpec spec = file_.spec();
  if (const ModelSpec* const guessing = guessing_spec()) {
    spec.kept_layers = guessing->prediction.target_layers;
  }
  auto model = Model::load(std::move(spec), loader, places, limits);
  if (!model) return model.error();
  model_ = std::move(*model);
  return file_.check_unchanged();
}

Status Engine::open_draft_model(const EngineOptions& options) {
  if (options.speculate && !options.draft_model.empty()) {
    auto draft = open_draft(options.draft_model, file_);
    if (!draft) return draft.error();
    draft_file_ = std::move(*draft);
  }
  if (parts_.size() == 1 || !draft_file_ || !draft_file_->spec().predicts()) return {};
  return Error{fmt::format(
      "{}: guesses from what layers of the model make, all of which must be on one device "
      "(--gpu-layers)",
      draft_file_->file().path().string())};
}

// The drafter; null without speculation.
const ModelSpec* Engine::guessing_spec() const {
  if (draft_file_) return &draft_file_->spec();
  const auto& own = file_.prediction();
  return speculates_ && own && *own ? &**own : nullptr;
}

// Beside the first layers, which read its rows.
Status Engine::load_encoders() {
  Backend& backend = *backends_.front();
  if (const VisionFile* const file = file_.vision()) {
    WeightLoader loader(file->file(), backend);
    auto vision = VisionModel::load(file->spec(), loader, backend);
    if (!vision) return vision.error();
    vision_ = std::move(*vision);
  }
  if (const HearingFile* const file = file_.hearing()) {
    WeightLoader loader(file->file(), backend);
    auto hearing = HearingModel::load(file->spec(), loader, backend);
    if (!hearing) return hearing.error();
    hearing_ = std::move(*hearing);
  }
  return vision_ || hearing_ ? file_.check_unchanged() : Status();
}

// What stands in the text is looked up; what does not is left to the file's layer for that.
Result<std::unique_ptr<Drafter>> Engine::load_own_drafters(const EngineOptions& options) {
  auto lookup = paced<DraftLength>(std::make_unique<PromptLookup>(model_->spec().vocabulary));
  const auto& prediction = file_.prediction();
  if (!prediction) return prediction.error();
  if (!*prediction) return lookup;
  auto layer =
      PredictionDrafter::load(file_, **prediction, *model_, *backend_, options, kv_tokens_);
  if (!layer) return layer.error();
  std::vector<std::unique_ptr<Drafter>> drafters;
  drafters.push_back(std::move(lookup));
  drafters.push_back(paced(std::move(*layer), draft_worth(file_, file_.file(), **prediction)));
  return std::unique_ptr<Drafter>(new Drafters(std::move(drafters)));
}

// A model of its own, or one that reads what the model makes or keeps.
Result<std::unique_ptr<Drafter>> Engine::load_draft_model(const EngineOptions& options,
                                                          std::int64_t kv_tokens) {
  const std::int64_t promised =
      memory_.kv->size_bytes() + (memory_.states ? memory_.states->size_bytes() : 0);
  if (Status s = check_draft_fits(*draft_file_, file_, options, kv_tokens, promised); !s) {
    return s.error();
  }
  const ModelSpec& spec = draft_file_->spec();
  if (!spec.predicts()) {
    return DraftModel::load(*draft_file_, file_.spec(), *backend_, options, kv_tokens);
  }
  if (spec.prediction.kind == PredictionSpec::Kind::kReadsKeys) {
    return AssistantDrafter::load(*draft_file_, *model_, *memory_.kv, *backend_);
  }
  if (spec.prediction.kind == PredictionSpec::Kind::kBlock) {
    return BlockDrafter::load(*draft_file_, *model_, *backend_, options, kv_tokens);
  }
  return PredictionDrafter::load(*draft_file_, spec, *model_, *backend_, options, kv_tokens);
}

// Null if nothing is to be guessed.
Result<std::unique_ptr<Drafter>> Engine::load_drafter(const EngineOptions& options,
                                                      std::int64_t kv_tokens) {
  if (!options.speculate) return std::unique_ptr<Drafter>();
  if (!file_.spec().causal) {
    return Error{fmt::format("{}: its tokens see later ones, so that guesses can't be verified",
                             file_.file().path().string())};
  }
  if (Status status = model_->allow_trials(); !status) return status.error();
  if (!draft_file_) return load_own_drafters(options);
  auto model = load_draft_model(options, kv_tokens);
  if (!model) return model.error();
  return paced(std::move(*model), draft_worth(file_, draft_file_->file(), draft_file_->spec()));
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
    shares.back().available_bytes = *available;  // besides the weights, which are there already
  }
  memory_.slots = choose_state_slots(model_->spec(), shares);
  auto states = model_->make_state_store(memory_.slots);
  if (!states) return states.error();
  memory_.states = std::move(*states);
  return {};
}

}  // namespace linnet
