#include "generate/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backend/kv_pages.hpp"
#include "base/mapped_file.hpp"
#include "generate/session/model_hash.hpp"
#include "generate/step/batch_rows.hpp"

namespace linnet {
namespace {

// Positions are numbered with 32 bits, with some room after them.
constexpr std::int64_t kLongestText = Hyperparameters::kLargestCount;

}  // namespace

std::int64_t Engine::longest_text() const {
  const std::int64_t rows = model_->spec().position_rows;
  const std::int64_t longest = std::min({rows > 0 ? rows : kLongestText, kLongestText, kv_tokens_});
  return model_->spec().causal ? longest : std::min(longest, model_->limits().rows);
}

Status Engine::check_tokens(std::span<const TokenId> tokens, const Media& media) const {
  if (tokens.empty()) return Error{"the prompt has no tokens"};
  return check_media(tokens, model_->spec().vocabulary, media);
}

Status Engine::check_input(std::span<const TokenId> input) const {
  const ModelSpec& spec = model_->spec();
  const bool needed = spec.input.layers > 0;
  if (needed != input.empty()) return needed ? check_tokens(input) : Status();
  return Error{fmt::format("{}: {} models {} beside the tokens of their text",
                           file_.file().path().string(), spec.architecture,
                           needed ? "need an input (--input)" : "have no input")};
}

Status Engine::check_strengths(std::span<const float> strengths) const {
  if (strengths.size() != usual_strengths_.size()) {
    return Error{fmt::format("the request has strengths of {} adapters, but the model has {}",
                             strengths.size(), usual_strengths_.size())};
  }
  const auto is_wrong = [](float value) { return !(std::abs(value) <= gguf::kLargestStrength); };
  const auto wrong = std::ranges::find_if(strengths, is_wrong);
  if (wrong == strengths.end()) return {};
  return Error{fmt::format("the strength of an adapter is {}, expected {} to {}", *wrong,
                           -gguf::kLargestStrength, gguf::kLargestStrength)};
}

Status Engine::check_rows(const Media& media) const {
  for (const auto& medium : media) {
    if (Status status = check_rows(*medium); !status) return status;
  }
  return {};
}

Status Engine::check_rows(const Medium& medium) const {
  if (medium.is_sound()) {
    return hearing_ ? Status()
                    : Error{"the model hears no sounds: it was loaded without an encoder"};
  }
  if (!vision_) return Error{"the model reads no pictures: it was loaded without an encoder"};
  const bool come_at_once = vision_->spec().see_each_other != SeeEachOther::kNo;
  const auto is_too_large = [&](const MarkedTokens::Part& part) {
    return come_at_once && std::ssize(part.ids) > model_->limits().rows;
  };
  const auto large = std::ranges::find_if(medium.tokens.parts, is_too_large);
  if (large == medium.tokens.parts.end()) return {};
  return Error{fmt::format(
      "a picture takes {} tokens, which must be computed in one step, but a step holds {}; "
      "--image-tokens makes it smaller",
      large->ids.size(), model_->limits().rows)};
}

Status Engine::submit(GenerateRequest request) {
  if (Status status = check_rows(request.media); !status) return status;
  if (Status status = check_tokens(request.prompt, request.media); !status) return status;
  if (request.adapter_strengths.empty()) request.adapter_strengths = usual_strengths_;
  if (Status status = check_strengths(request.adapter_strengths); !status) return status;
  if (request.on_hidden) {
    request.max_tokens = 0;
  } else if (Status status = check_makes_text(file_); !status) {
    return status;
  }
  if (request.max_tokens < 0) return Error{"max_tokens must be at least 0"};
  if (request.on_prompt_logprobs) {
    if (Status status = check_scores_prompts(file_.spec()); !status) return status;
    if (!request.media.empty()) {
      return Error{"there are no log probabilities of prompts with pictures or sounds"};
    }
  }
  const auto prompt_tokens = static_cast<std::int64_t>(request.prompt.size());
  // After an input stands a first token, also if nothing is generated.
  const bool has_text = file_.spec().input.layers > 0 && !request.on_hidden;
  const std::int64_t most = std::max<std::int64_t>(request.max_tokens, has_text ? 1 : 0);
  if (Status status = check_context(prompt_tokens, most, longest_text()); !status) return status;
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
  if (!model_hash_) model_hash_ = hash_model(file_);
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
  return write_session(path, session_identity(), scheduler_->cache(), tokens, usual_root(), text);
}

bool Engine::can_save(const GenerateRequest& request) const {
  const auto& strengths = request.adapter_strengths;
  return strengths.empty() || strengths == usual_strengths_;
}

Result<Engine::Session> Engine::load_session(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) return file.error();
  const auto identity = read_session_identity(file->bytes(), path.string());
  if (!identity) return identity.error();
  if (Status s = check_identity(*identity, session_identity(), path.string()); !s) return s.error();
  auto view = parse_session(file->bytes(), path.string());
  if (!view) return view.error();
  Session session;
  session.cached_tokens = scheduler_->cache().restore(view->image, usual_root());
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
    if (!causal && stored.slot) memory_.states->clear_slot(*stored.slot);  // it begins anew
    rows.clear();
    rows.add_sequence(stored, begin, end - begin, behind);
    rows.adapt(usual_strengths_);
    for (std::int64_t i = begin; i < end; ++i) {
      rows.add_row(all[i], is_wanted && i >= next && i < last);
    }
    const View results = model_->forward(rows.batch(), *memory_.kv, memory_.states.get());
    if (!is_wanted) continue;
    logits.resize(static_cast<std::size_t>((last - next) * model_->spec().vocabulary));
    backend_->download(results, logits.data());
    if (Status status = model_->status(); !status) return status;
    if (Status status = file_.check_lazy_weights(); !status) return status;
    if (Status status = take(logits); !status) return status;
  }
  return {};
}

}  // namespace linnet
