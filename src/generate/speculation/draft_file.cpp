#include "generate/speculation/draft_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.hpp"
#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/draft_batches.hpp"
#include "model/blocks/prediction.hpp"

namespace linnet {
namespace {

// Files may pad their vocabulary: what both have must be the same.
Status check_vocabulary(const ModelFile& draft, const ModelFile& target) {
  const std::string& path = draft.file().path().string();
  const Tokenizer *own = draft.tokenizer(), *other = target.tokenizer();
  if (!own || !other) {
    if (draft.spec().vocabulary == target.spec().vocabulary) return {};
    return Error{fmt::format("{}: the draft model has {} tokens, expected the model's {}", path,
                             draft.spec().vocabulary, target.spec().vocabulary)};
  }
  const auto shared = std::min(own->vocabulary_size(), other->vocabulary_size());
  for (TokenId id = 0; id < shared; ++id) {
    if (own->piece(id) == other->piece(id)) continue;
    return Error{fmt::format(
        "{}: the draft model has another vocabulary: token {} is \"{}\", expected the model's "
        "\"{}\"",
        path, id, own->piece(id), other->piece(id))};
  }
  return {};
}

Status check_kind(const ModelFile& draft) {
  const char* const problem = state_bytes(draft.spec()) > 0 ? "keeps recurrent state"
                              : !draft.spec().causal && !draft.spec().predicts()
                                  ? "does not generate from left to right"
                                  : nullptr;
  if (!problem) return {};
  return Error{fmt::format("{}: a model of the architecture {} cannot be a draft model: it {}",
                           draft.file().path().string(), draft.spec().architecture, problem)};
}

Error of_another_model(const ModelFile& draft, const std::string& problem) {
  return Error{
      fmt::format("{}: guesses for another model: {}", draft.file().path().string(), problem)};
}

// Whether the target has the keys that `draft` reads.
Status check_target_keys(const ModelFile& draft, const ModelSpec& target) {
  const auto shape = [](const AttentionSpec& a) {
    return fmt::format("{} heads of {} and {} columns", a.kv_heads, a.key_width, a.value_width);
  };
  for (const LayerSpec& layer : draft.spec().layers) {
    const AttentionSpec& reader = layer.attention;
    const bool slides = reader.span == AttentionSpan::kSliding;
    const int read = read_kv_layer(target, reader.span);
    if (read < 0) {
      return of_another_model(draft, fmt::format("it reads keys of {} layers, which {} has not",
                                                 slides ? "sliding" : "full", target.architecture));
    }
    const AttentionSpec& owner = target.layers[static_cast<std::size_t>(read)].attention;
    if (shape(owner) == shape(reader)) continue;
    return of_another_model(draft, fmt::format("the keys of its layers have {}, expected the {} of "
                                               "layer {} of the model",
                                               shape(reader), shape(owner), read));
  }
  return {};
}

// Whether the target has the layers that `draft` reads.
Status check_target_layers(const ModelFile& draft, const ModelSpec& target) {
  const PredictionSpec& prediction = draft.spec().prediction;
  const auto fail = [&](const std::string& problem) { return of_another_model(draft, problem); };
  if (!target.has_one_stream()) {
    return fail(
        fmt::format("layers of {} have more than one residual stream", target.architecture));
  }
  const auto layers = static_cast<int>(target.layers.size());
  if (prediction.target_layers.back() >= layers) {
    return fail(fmt::format("it reads the result of layer {} (from 0), and the model has {} layers",
                            prediction.target_layers.back(), layers));
  }
  TokenId highest = prediction.mask_token;
  for (const TokenId id : prediction.tokens) highest = std::max(highest, id);
  if (highest < target.vocabulary) return {};
  return fail(
      fmt::format("it has the token {}, and the model has {} tokens", highest, target.vocabulary));
}

// Whether layers for multi-token prediction stand after those of the target.
Status check_target_end(const ModelFile& draft, const ModelSpec& target) {
  const ModelSpec& spec = draft.spec();
  if (spec.architecture != target.architecture) {
    return of_another_model(draft, fmt::format("its architecture is {}, expected the model's {}",
                                               spec.architecture, target.architecture));
  }
  const auto layers = static_cast<int>(target.layers.size());
  if (spec.first_block == layers) return {};
  return of_another_model(draft, fmt::format("it stands behind {} layers, expected the model's {}",
                                             spec.first_block, layers));
}

Status check_target(const ModelFile& draft, const ModelSpec& target) {
  const PredictionSpec& prediction = draft.spec().prediction;
  if (!draft.spec().predicts()) return {};
  const bool stands_behind = prediction.kind == PredictionSpec::Kind::kJoined;
  if (stands_behind) {
    if (Status s = check_target_end(draft, target); !s) return s;
  }
  const std::int64_t columns = stands_behind ? target.result_columns() : target.width;
  if (prediction.target_width != columns) {
    return of_another_model(draft,
                            fmt::format("its states have {} columns, expected the model's {}",
                                        prediction.target_width, columns));
  }
  if (stands_behind) return {};
  return prediction.kind == PredictionSpec::Kind::kReadsKeys ? check_target_keys(draft, target)
                                                             : check_target_layers(draft, target);
}

Status check_memory(const ModelFile& draft, const ModelFile& target, const EngineOptions& options,
                    std::int64_t kv_tokens, std::int64_t promised_bytes) {
  const BatchLimits limits = batch_limits(target.spec(), options, target.vision());
  const MemoryShare share{
      .weights_bytes = weights_bytes(draft.file(), draft.spec(), {options.backend, {}}),
      .kv_bytes_per_token = kv_bytes_per_token(draft.spec(), options.kv_type),
      .guessing_bytes = draft_workspace_bytes(draft.spec(), options, limits)};
  const std::int64_t need = share.bytes(kv_tokens);
  const auto free = available_bytes(options.backend);
  if (!free) return free.error();
  const std::int64_t available = *free;
  // What was allocated on a GPU is not free any more; the machine gives memory when it is touched.
  if (options.backend == BackendKind::kCuda) promised_bytes = 0;
  if (options.force || available == 0 || saturating_add(need, promised_bytes) <= available) {
    return {};
  }
  return Error{fmt::format(
      "{}: the draft model needs {} MiB of memory and {} MiB are left beside the model; --force "
      "loads it anyway",
      draft.file().path().string(), need / kMiB,
      std::max<std::int64_t>(0, available - promised_bytes) / kMiB)};
}

Status check_positions(const ModelFile& draft, const ModelFile& target,
                       const EngineOptions& options, std::int64_t kv_tokens) {
  const std::int64_t rows = draft.spec().position_rows;
  const std::int64_t context = options.context > 0 ? options.context : target.spec().context_length;
  const std::int64_t longest = std::min(context, kv_tokens);
  if (rows == 0 || rows >= longest) return {};
  return Error{fmt::format("{}: the draft model knows {} positions, and texts may have {} tokens",
                           draft.file().path().string(), rows, longest)};
}

}  // namespace

Result<std::unique_ptr<ModelFile>> open_draft(const std::string& path, const ModelFile& target) {
  auto file = ModelFile::open_draft(path);
  if (!file) return file.error();
  if (Status s = check_kind(**file); !s) return s.error();
  if (Status s = check_vocabulary(**file, target); !s) return s.error();
  if (Status s = check_target(**file, target.spec()); !s) return s.error();
  return file;
}

Status check_draft_fits(const ModelFile& draft, const ModelFile& target,
                        const EngineOptions& options, std::int64_t kv_tokens,
                        std::int64_t promised_bytes) {
  if (Status s = check_positions(draft, target, options, kv_tokens); !s) return s;
  return check_memory(draft, target, options, kv_tokens, promised_bytes);
}

}  // namespace linnet
