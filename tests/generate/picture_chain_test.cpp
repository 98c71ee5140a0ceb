// Text models that read a picture between two texts: the logits behind it against llama.cpp's, and
// that they do not depend on how the prompt is cut into batches.

#include "support/picture_chain.hpp"

#include <gtest/gtest.h>

#include "architectures/architecture.hpp"
#include "generate/step/batch_rows.hpp"
#include "support/normalised_error.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class PictureChainTest : public testing::TestWithParam<std::string> {
 protected:
  std::vector<float> logits(Backend& backend, std::int64_t chunk) const {
    auto logits = chain_.logits(backend, chunk);
    if (!logits) return ADD_FAILURE() << logits.error().message, std::vector<float>{};
    return std::move(*logits);
  }

  const test::PictureChain chain_{GetParam()};
};

TEST_P(PictureChainTest, ReferenceBackendGivesTheGoldenLogits) {
  const auto got = logits(*make_reference_backend(), 64);
  EXPECT_LE(test::normalised_error(got, chain_.golden().logits()), 1e-6);
}

TEST_P(PictureChainTest, CpuBackendGivesTheGoldenLogits) {
  const auto got = logits(*make_cpu_backend(2), 64);
  EXPECT_LE(test::normalised_error(got, chain_.golden().logits()), 1e-6);
}

TEST_P(PictureChainTest, LogitsDoNotDependOnHowThePromptIsCut) {
  const std::vector<float> whole = logits(*make_cpu_backend(2), 64);
  for (const std::int64_t chunk : {1, 3, 7}) {
    EXPECT_EQ(logits(*make_cpu_backend(1), chunk), whole) << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, PictureChainTest, testing::ValuesIn(test::vision_chain_names()),
                         test::test_name<std::string>);

// Places that are the position come to the same, bit for bit: a text's logits don't depend on
// whether there is a picture beside it in the batch.
class PlacedRopeTest : public testing::TestWithParam<const char*> {};

TEST_P(PlacedRopeTest, IsThePlainOneWhereThereIsNoPicture) {
  const test::PictureChain chain(GetParam());
  const auto backend = make_cpu_backend(1);
  const auto file = gguf::File::open(chain.model_path());
  WeightLoader loader(*file, *backend);
  auto spec = read_model_spec(*file, loader);
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_GE(spec->layers.back().attention.placed_ropes.size(), 3u);
  const auto model = Model::load(std::move(*spec), loader, *backend, BatchLimits{64, 64});
  const std::vector<std::int32_t> tokens = chain.golden().before();
  StoredSequence stored;
  stored.pages = {0};
  if (state_bytes((*model)->spec()) > 0) stored.slot = 0;
  std::vector<float> results[2];
  for (const bool is_placed : {false, true}) {
    const auto kv = (*model)->make_kv_store(KvType::kF32, 1);
    const auto states = (*model)->make_state_store(1);
    BatchRows rows;
    rows.add_sequence(stored, 0, std::ssize(tokens));
    for (std::int32_t i = 0; i < std::ssize(tokens); ++i) {
      rows.add_row(tokens[i], true);
      if (is_placed) rows.place_row({i, i, i, i});
    }
    const View logits = (*model)->forward(rows.batch(), **kv, states->get());
    results[is_placed].resize(static_cast<std::size_t>(logits.rows * logits.columns));
    backend->download(logits, results[is_placed].data());
  }
  EXPECT_EQ(results[0], results[1]);
}

INSTANTIATE_TEST_SUITE_P(Golden, PlacedRopeTest,
                         testing::Values("hunyuan_vl", "qwen2vl", "qwen3vl", "qwen35"),
                         test::test_name<const char*>);

}  // namespace
}  // namespace linnet
