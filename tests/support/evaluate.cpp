#include "support/evaluate.hpp"

#include <algorithm>
#include <numeric>

#include "architectures/architecture.hpp"

namespace linnet::test {

Result<Evaluation> evaluate(const std::filesystem::path& path, std::span<const LayerPlace> places,
                            std::span<const std::int32_t> tokens, std::int64_t chunk,
                            std::span<const std::int32_t> input,
                            std::span<const gguf::Lora> adapters) {
  Backend& backend = *places.back().backend;
  auto file = gguf::File::open(path);
  if (!file) return file.error();
  WeightLoader loader(*file, backend);
  auto spec = read_model_spec(*file, loader);
  if (!spec) return spec.error();
  loader.adapt(adapters);
  const auto input_length = static_cast<std::int32_t>(input.size());
  auto model = Model::load(std::move(*spec), loader, places, {input_length + chunk, chunk});
  if (!model) return model.error();
  const auto count = static_cast<std::int64_t>(tokens.size());
  std::vector<std::int32_t> all(input.begin(), input.end());
  all.insert(all.end(), tokens.begin(), tokens.end());
  const std::int64_t page_count = 2 + std::ssize(all) / kPageTokens;
  auto kv = (*model)->make_kv_store(KvType::kF32, page_count);
  if (!kv) return kv.error();
  auto states = (*model)->make_state_store(2);
  if (!states) return states.error();
  const std::int32_t slot = 1;
  std::vector<std::int32_t> pages(page_count);
  std::iota(pages.rbegin(), pages.rend(), 0);
  const std::span<const std::int32_t> page_table(pages);

  Evaluation result;
  result.can_be_cut = (*model)->spec().causal || (*model)->spec().input.layers > 0;
  const bool encoder = (*model)->spec().encoder;
  result.columns = encoder ? (*model)->spec().width : (*model)->spec().vocabulary;
  result.logits.resize(static_cast<std::size_t>(count * result.columns));
  for (std::int64_t first = 0; first < count; first += chunk) {
    const std::int64_t texts = std::min(chunk, count - first);
    const std::int64_t begin = first == 0 ? 0 : input_length + first;
    const std::int64_t rows = input_length + first + texts - begin;
    std::vector<std::int32_t> positions(rows), sequences(rows, 0), outputs(encoder ? 0 : texts);
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(begin));
    std::iota(outputs.begin(), outputs.end(), static_cast<std::int32_t>(rows - texts));
    const auto length = static_cast<std::int32_t>(begin + rows);
    std::vector<float> strengths;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (const gguf::Lora& adapter : adapters) strengths.push_back(adapter.strength());
    }
    const Batch batch{.tokens = std::span<const std::int32_t>(all).subspan(begin, rows),
                      .layout = {positions, sequences, {&page_table, 1}, {&length, 1}, {&slot, 1}},
                      .outputs = outputs,
                      .keeps_hidden = encoder,
                      .inputs = {&input_length, 1},
                      .adapter_strengths = strengths};
    const View logits = (*model)->forward(batch, **kv, states->get());
    backend.download(encoder ? (*model)->hidden() : logits,
                     result.logits.data() + first * result.columns);
  }
  return result;
}

Result<Evaluation> evaluate(const std::filesystem::path& path, Backend& backend,
                            std::span<const std::int32_t> tokens, std::int64_t chunk,
                            std::span<const std::int32_t> input,
                            std::span<const gguf::Lora> adapters) {
  const LayerPlace place{&backend};
  return evaluate(path, {&place, 1}, tokens, chunk, input, adapters);
}

}  // namespace linnet::test
