// Text models that read a picture between two texts: the logits behind it against llama.cpp's, and
// that they do not depend on how the prompt is cut into batches.

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "architectures/architecture.hpp"
#include "generate/batch_rows.hpp"
#include "generate/prompt_pictures.hpp"
#include "support/normalised_error.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"
#include "support/vision_case.hpp"
#include "vision/family.hpp"
#include "vision/vision_model.hpp"

namespace linnet {
namespace {

class PictureChainTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(tower_.model.write(folder_ / "mmproj.gguf"));
    ASSERT_TRUE(chain_.model.write(folder_ / "model.gguf"));
  }

  // The logits behind the picture, the prompt given in batches of at most `chunk` rows, or more
  // where a picture comes whole.
  std::vector<float> logits(Backend& backend, std::int64_t chunk) {
    const auto file = gguf::File::open(folder_ / "model.gguf");
    const auto vision_file = gguf::File::open(folder_ / "mmproj.gguf");
    WeightLoader loader(*file, backend), vision_loader(*vision_file, backend);
    auto spec = read_model_spec(*file, loader);
    auto vision_spec = read_vision_spec(*vision_file, vision_loader);
    if (!spec || !vision_spec) return ADD_FAILURE() << "metadata", std::vector<float>{};
    auto model = Model::load(std::move(*spec), loader, backend, BatchLimits{64, 64});
    auto vision = VisionModel::load(std::move(*vision_spec), vision_loader, backend);
    if (!model || !vision) return ADD_FAILURE() << "weights", std::vector<float>{};
    auto rows = (*vision)->encode(tower_.pixels());
    if (!rows) return ADD_FAILURE() << rows.error().message, std::vector<float>{};
    put_picture((*model)->spec().vocabulary, (*vision)->spec(), rows->rows);
    PromptPictures pictures((*vision)->spec(), prompt_, {picture_});
    return evaluate(**model, backend, pictures, *rows, chunk);
  }

  void put_picture(std::int64_t vocabulary, const VisionSpec& spec, std::int64_t rows) {
    auto picture = std::make_shared<Picture>();
    picture->size = tower_.pixels().size / (spec.patch_side * spec.merge_side);
    picture->tokens.ids.resize(static_cast<std::size_t>(rows));
    std::iota(picture->tokens.ids.begin(), picture->tokens.ids.end(),
              static_cast<TokenId>(vocabulary));
    prompt_ = chain_.before();
    prompt_.insert(prompt_.end(), picture->tokens.ids.begin(), picture->tokens.ids.end());
    const auto after = chain_.after();
    prompt_.insert(prompt_.end(), after.begin(), after.end());
    picture_ = std::move(picture);
  }

  std::vector<float> evaluate(Model& model, Backend& backend, PromptPictures& pictures,
                              const PictureRows& made, std::int64_t chunk) {
    StoredSequence stored;
    stored.pages = {0, 1, 2, 3};
    auto kv = model.make_kv_store(KvType::kF32, 4);
    auto states = model.make_state_store(1);
    if (state_bytes(model.spec()) > 0) stored.slot = 0;
    const auto total = std::ssize(prompt_), first_after = total - std::ssize(chain_.after());
    std::vector<float> all;
    BatchRows rows;
    for (std::int64_t begin = 0, count = 0; begin < total; begin += count) {
      count = pictures.rows_without_cut(begin, std::min(chunk, total - begin));
      if (count < 1) count = pictures.rows_without_cut(begin, total - begin);
      rows.clear();
      const auto given =
          pictures.given(begin, count, 0, [&](const Picture&) { return Result(made); });
      for (const GivenRows& run : *given) rows.add_given(run);
      rows.add_sequence(stored, begin, count);
      for (std::int64_t i = begin; i < begin + count; ++i) {
        rows.add_row(prompt_[i] < model.spec().vocabulary ? prompt_[i] : 0, i >= first_after);
        if (pictures.has_places()) rows.place_row(pictures.place(i));
      }
      const View logits = model.forward(rows.batch(), **kv, states->get());
      std::vector<float> part(static_cast<std::size_t>(logits.rows * logits.columns));
      backend.download(logits, part.data());
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

  const test::TemporaryFolder folder_;
  const test::VisionChain chain_ = test::VisionChain::read(GetParam());
  const test::VisionCase tower_ = test::VisionCase::read(chain_.tower());
  std::vector<TokenId> prompt_;
  std::shared_ptr<const Picture> picture_;
};

TEST_P(PictureChainTest, ReferenceBackendGivesTheGoldenLogits) {
  EXPECT_LE(test::normalised_error(logits(*make_reference_backend(), 64), chain_.logits()), 1e-6);
}

TEST_P(PictureChainTest, CpuBackendGivesTheGoldenLogits) {
  EXPECT_LE(test::normalised_error(logits(*make_cpu_backend(2), 64), chain_.logits()), 1e-6);
}

TEST_P(PictureChainTest, LogitsDoNotDependOnHowThePromptIsCut) {
  const std::vector<float> whole = logits(*make_cpu_backend(2), 64);
  for (const std::int64_t chunk : {1, 3, 7}) {
    EXPECT_EQ(logits(*make_cpu_backend(1), chunk), whole) << chunk;
  }
}

TEST_P(PictureChainTest, APlacedRopeIsThePlainOneWhereThereIsNoPicture) {
  prompt_ = chain_.before();
  // Nothing is asserted of models whose rows have no places.
  const auto backend = make_cpu_backend(1);
  const auto file = gguf::File::open(folder_ / "model.gguf");
  WeightLoader loader(*file, *backend);
  auto spec = read_model_spec(*file, loader);
  if (!spec || spec->layers.back().attention.placed_ropes.empty()) GTEST_SKIP();
  auto model = Model::load(std::move(*spec), loader, *backend, BatchLimits{64, 64});
  StoredSequence stored;
  stored.pages = {0, 1, 2, 3};
  if (state_bytes((*model)->spec()) > 0) stored.slot = 0;
  std::vector<float> results[2];
  for (const bool is_placed : {false, true}) {
    auto kv = (*model)->make_kv_store(KvType::kF32, 4);
    auto states = (*model)->make_state_store(1);
    BatchRows rows;
    rows.add_sequence(stored, 0, std::ssize(prompt_));
    for (std::int32_t i = 0; i < std::ssize(prompt_); ++i) {
      rows.add_row(prompt_[i], true);
      if (is_placed) rows.place_row({i, i, i});
    }
    const View logits = (*model)->forward(rows.batch(), **kv, states->get());
    results[is_placed].resize(static_cast<std::size_t>(logits.rows * logits.columns));
    backend->download(logits, results[is_placed].data());
  }
  EXPECT_EQ(results[0], results[1]);
}

INSTANTIATE_TEST_SUITE_P(Golden, PictureChainTest, testing::ValuesIn(test::vision_chain_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
