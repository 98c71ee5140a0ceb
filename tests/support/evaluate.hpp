#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <span>
#include <vector>

#include "architectures/architecture.hpp"
#include "model/model.hpp"

namespace linnet::test {

struct Evaluation {
  std::vector<float> logits;  ///< [tokens, columns]; of an encoder the hidden states
  std::int64_t columns = 0;
  bool causal = true;
};

/// The logits of all positions of one sequence, its tokens given in batches of `chunk` rows; its
/// pages and its state slot are not the first ones.
inline Result<Evaluation> evaluate(const std::filesystem::path& path,
                                   std::span<const LayerPlace> places,
                                   std::span<const std::int32_t> tokens, std::int64_t chunk) {
  Backend& backend = *places.back().backend;
  auto file = gguf::File::open(path);
  if (!file) return file.error();
  WeightLoader loader(*file, backend);
  auto spec = read_model_spec(*file, loader);
  if (!spec) return spec.error();
  auto model = Model::load(std::move(*spec), loader, places, {chunk, chunk});
  if (!model) return model.error();
  const auto count = static_cast<std::int64_t>(tokens.size());
  auto kv = (*model)->make_kv_store(KvType::kF32, 2 + count / kPageTokens);
  if (!kv) return kv.error();
  auto states = (*model)->make_state_store(2);
  if (!states) return states.error();
  const std::int32_t slot = 1;
  std::vector<std::int32_t> pages(2 + count / kPageTokens);
  std::iota(pages.rbegin(), pages.rend(), 0);
  const std::span<const std::int32_t> page_table(pages);

  Evaluation result;
  result.causal = (*model)->spec().causal;
  const bool encoder = (*model)->spec().encoder;
  result.columns = encoder ? (*model)->spec().width : (*model)->spec().vocabulary;
  result.logits.resize(static_cast<std::size_t>(count * result.columns));
  for (std::int64_t first = 0; first < count; first += chunk) {
    const std::int64_t rows = std::min(chunk, count - first);
    std::vector<std::int32_t> positions(rows), sequences(rows, 0), outputs(encoder ? 0 : rows);
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
    std::iota(outputs.begin(), outputs.end(), 0);
    const auto length = static_cast<std::int32_t>(first + rows);
    const Batch batch{tokens.subspan(first, rows),
                      {positions, sequences, {&page_table, 1}, {&length, 1}, {&slot, 1}},
                      outputs,
                      /*keeps_hidden=*/encoder};
    const View logits = (*model)->forward(batch, **kv, states->get());
    backend.download(encoder ? (*model)->hidden() : logits,
                     result.logits.data() + first * result.columns);
  }
  return result;
}

/// The same, all layers in one backend.
inline Result<Evaluation> evaluate(const std::filesystem::path& path, Backend& backend,
                                   std::span<const std::int32_t> tokens, std::int64_t chunk) {
  const LayerPlace place{&backend};
  return evaluate(path, {&place, 1}, tokens, chunk);
}

}  // namespace linnet::test
