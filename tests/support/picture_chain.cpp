#include "support/picture_chain.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "architectures/architecture.hpp"
#include "generate/media/prompt_media.hpp"
#include "generate/step/batch_rows.hpp"
#include "support/encode_medium.hpp"
#include "vision/family.hpp"

namespace linnet::test {
namespace {

struct Vision {
  gguf::File file;
  std::unique_ptr<VisionModel> model;
};

Result<Vision> load_vision(const std::filesystem::path& path, const VisionCase& golden,
                           Backend& backend) {
  auto file = gguf::File::open(path);
  if (!file) return file.error();
  WeightLoader loader(*file, backend);
  auto spec = read_vision_spec(*file, loader);
  if (!spec) return spec.error();
  golden.take_activation_of_llama_cpp(*spec);
  auto model = VisionModel::load(std::move(*spec), loader, backend);
  if (!model) return model.error();
  return Vision{std::move(*file), std::move(*model)};
}

// `ids` between the texts of a chain.
std::vector<TokenId> prompt_of(const VisionChain& chain, const std::vector<TokenId>& ids) {
  std::vector<TokenId> prompt = chain.before();
  prompt.insert(prompt.end(), ids.begin(), ids.end());
  const std::vector<std::int32_t> after = chain.after();
  prompt.insert(prompt.end(), after.begin(), after.end());
  return prompt;
}

// The keys, values and states of one sequence.
struct Memory {
  std::unique_ptr<KvStore> kv;
  std::unique_ptr<StateStore> states;
  StoredSequence stored;
};

Result<Memory> allocate(const Model& model) {
  constexpr std::int64_t kPages = 4;
  auto kv = model.make_kv_store(KvType::kF32, kPages);
  if (!kv) return kv.error();
  auto states = model.make_state_store(1);
  if (!states) return states.error();
  Memory memory{std::move(*kv), std::move(*states), {}};
  memory.stored.pages.resize(kPages);
  std::iota(memory.stored.pages.begin(), memory.stored.pages.end(), 0);
  if (state_bytes(model.spec()) > 0) memory.stored.slot = 0;
  return memory;
}

}  // namespace

PictureChain::PictureChain(const std::string& name)
    : chain_(VisionChain::read(name)), tower_(VisionCase::read(chain_.tower())) {
  EXPECT_TRUE(tower_.model.write(folder_ / "mmproj.gguf"));
  EXPECT_TRUE(chain_.model.write(model_path()));
}

Result<EncodedRows> PictureChain::rows(Backend& backend) const {
  const auto vision = load_vision(folder_ / "mmproj.gguf", tower_, backend);
  if (!vision) return vision.error();
  return encode(*vision->model, tower_.pixels());
}

Result<std::vector<float>> PictureChain::logits(Backend& backend, std::int64_t chunk) const {
  const auto vision = load_vision(folder_ / "mmproj.gguf", tower_, backend);
  if (!vision) return vision.error();
  const VisionSpec& vision_spec = vision->model->spec();
  const auto made = encode(*vision->model, tower_.pixels());
  if (!made) return made.error();
  const auto file = gguf::File::open(model_path());
  WeightLoader loader(*file, backend);
  auto spec = read_model_spec(*file, loader);
  if (!spec) return spec.error();
  const auto model = Model::load(std::move(*spec), loader, backend, BatchLimits{64, 64});
  if (!model) return model.error();
  const std::int64_t vocabulary = (*model)->spec().vocabulary;

  std::vector<TokenId> ids(static_cast<std::size_t>(made->rows));
  std::iota(ids.begin(), ids.end(), static_cast<TokenId>(vocabulary));
  const std::vector<TokenId> prompt = prompt_of(chain_, ids);
  auto picture = std::make_shared<Medium>();
  const int side = vision_spec.patch_side * vision_spec.merge_side;
  picture->pieces.push_back({.content = Image{},
                             .size = tower_.pixels().size / side,
                             .see_each_other = vision_spec.see_each_other,
                             .row_places = vision_spec.row_places});
  picture->tokens.parts.push_back({"", std::move(ids)});
  PromptMedia pictures(prompt, {picture});
  pictures.give_rows(0, *made);
  auto memory = allocate(**model);
  if (!memory) return memory.error();

  const auto total = std::ssize(prompt), first_after = total - std::ssize(chain_.after());
  std::vector<float> all;
  BatchRows rows;
  for (std::int64_t begin = 0, count = 0; begin < total; begin += count) {
    count = pictures.rows_ready(begin, std::min(chunk, total - begin));
    if (count < 1) count = pictures.rows_ready(begin, total - begin);
    rows.clear();
    for (const GivenRows& run : pictures.given(begin, count, 0)) rows.add_given(run);
    rows.add_sequence(memory->stored, begin, count);
    for (std::int64_t i = begin; i < begin + count; ++i) {
      rows.add_row(prompt[i] < vocabulary ? prompt[i] : 0, i >= first_after);
      if (pictures.has_places()) rows.place_row(pictures.place(i));
    }
    const View logits = (*model)->forward(rows.batch(), *memory->kv, memory->states.get());
    const std::size_t before = all.size();
    all.resize(before + static_cast<std::size_t>(logits.rows * logits.columns));
    backend.download(logits, all.data() + before);
  }
  if (Status s = backend.status(); !s) return s.error();
  return all;
}

}  // namespace linnet::test
