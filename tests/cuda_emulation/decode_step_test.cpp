// Which kernels a step of one token takes: each costs some microseconds, a step of an 8B model one
// thousand of them.

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "architectures/architecture.hpp"
#include "cuda/cuda_rows.hpp"
#include "cuda/dense_shape.hpp"
#include "emulation.hpp"
#include "model/model.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_engine.hpp"
#include "synth/synthesise.hpp"

namespace linnet {
namespace {

using test::kDense;
using testing::ElementsAreArray;

class CudaDecodeStepTest : public test::CudaTest {
 protected:
  // Of the second step of so many texts, at a depth at which the keys of a row are split.
  std::vector<std::string> kernels_of_a_step(const synth::Shape& shape, std::string_view type,
                                             int texts = 1) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "model.gguf";
    const Status written = synth::write_model(shape, *synth::find_types(type), 1, path);
    if (!written) return {written.error().message};
    return kernels_of_a_step(path, texts, 2);
  }

  // Of the last of so many steps.
  std::vector<std::string> kernels_of_a_step(const std::filesystem::path& path, int texts,
                                             int steps) {
    auto file = gguf::File::open(path);
    WeightLoader loader(*file, *cuda_);
    auto spec = read_model_spec(*file, loader);
    const LayerPlace place{cuda_.get()};
    auto model = Model::load(std::move(*spec), loader, {&place, 1}, {texts, texts});
    if (!model) return {model.error().message};
    constexpr int kPages = 10;
    auto kv = (*model)->make_kv_store(KvType::kF16, kPages * texts);
    auto states = (*model)->make_state_store(texts);
    std::vector<std::int32_t> pages(kPages * texts), sequences(texts), tokens(texts, 5);
    std::iota(pages.begin(), pages.end(), 0);
    std::iota(sequences.begin(), sequences.end(), 0);
    std::vector<std::span<const std::int32_t>> tables;
    for (int text = 0; text < texts; ++text) {
      tables.push_back(std::span(pages).subspan(kPages * text, kPages));
    }
    for (std::int32_t position = 300; position < 300 + steps; ++position) {
      const std::vector<std::int32_t> positions(texts, position), lengths(texts, position + 1);
      EXPECT_TRUE(cuda_->status());
      emulation::launched_kernels();
      graphs_ = emulation::graph_launches();
      const BatchLayout layout{positions, sequences, tables, lengths, sequences};
      (*model)->forward({tokens, layout, sequences}, **kv, states->get());
    }
    EXPECT_TRUE(cuda_->status());
    graphs_ = emulation::graph_launches() - graphs_;
    return emulation::launched_kernels();
  }

  // Norms of heads in the first layer don't wait for RoPE, which sends the step's positions.
  static std::vector<std::string> step_of(const std::vector<std::string>& layer,
                                          bool has_head_norms = false) {
    std::vector<std::string> all = {"embed_codes"};
    for (int i = 0; i < 2; ++i) all.insert(all.end(), layer.begin(), layer.end());
    if (has_head_norms) all.insert(all.begin() + 3, "prepare_heads");
    all.insert(all.end(), {"for_elements", "normalise_rows", "multiply_few"});
    return all;
  }

  std::size_t graphs_ = 0;  // of the last step
};

TEST_F(CudaDecodeStepTest, NineKernelsALayer) {
  EXPECT_THAT(kernels_of_a_step(kDense, "Q4_K"),
              ElementsAreArray(step_of({"normalise_rows", "multiply_few", "prepare_heads",
                                        "attend_rows", "add_splits", "multiply_few",
                                        "normalise_rows", "multiply_gated", "multiply_few"})));
}

TEST_F(CudaDecodeStepTest, FloatsTakeNoMore) {
  std::vector<std::string> step = step_of(
      {"normalise_rows", "multiply_few_floats", "prepare_heads", "attend_rows", "add_splits",
       "multiply_few_floats", "normalise_rows", "multiply_gated_floats", "multiply_few_floats"});
  step.front() = "embed_floats";
  step.back() = "multiply_few_floats";
  EXPECT_THAT(kernels_of_a_step(kDense, "BF16"), ElementsAreArray(step));
}

TEST_F(CudaDecodeStepTest, NormsOfHeadsTakeNoMore) {
  synth::Shape shape = kDense;
  shape.architecture = "qwen3";
  shape.head_norms = synth::HeadNorms::kEachHead;
  EXPECT_THAT(kernels_of_a_step(shape, "Q4_K"),
              ElementsAreArray(step_of(
                  {"normalise_rows", "multiply_few", "prepare_heads", "attend_rows", "add_splits",
                   "multiply_few", "normalise_rows", "multiply_gated", "multiply_few"},
                  true)));
}

synth::Shape shape_of_experts() {
  synth::Shape shape = kDense;
  shape.architecture = "qwen3moe";
  shape.head_norms = synth::HeadNorms::kEachHead;
  shape.experts = 4;
  shape.experts_used = 2;
  return shape;
}

TEST_F(CudaDecodeStepTest, TwelveKernelsALayerOfExperts) {
  EXPECT_THAT(kernels_of_a_step(shape_of_experts(), "Q4_K"),
              ElementsAreArray(
                  step_of({"normalise_rows", "multiply_few", "prepare_heads", "attend_rows",
                           "add_splits", "multiply_few", "normalise_rows", "multiply_few_floats",
                           "choose_experts", "multiply_gated", "multiply_few", "for_elements"},
                          true)));
}

// The router has its small kernel, and what the norm wrote in binary16 is still there for the
// experts.
TEST_F(CudaDecodeStepTest, RoutedTextsSideBySide) {
  std::vector<std::string> step =
      step_of({"normalise_rows", "multiply_warpgroups", "prepare_heads", "attend_rows",
               "rows_to_half", "multiply_warpgroups", "normalise_rows", "multiply_few_floats",
               "choose_experts", "group_picks", "multiply_warpgroups", "activate_to_half",
               "multiply_warpgroups", "for_elements"},
              true);
  step.back() = "multiply_warpgroups";
  EXPECT_THAT(kernels_of_a_step(shape_of_experts(), "Q4_K", 40), ElementsAreArray(step));
}

// Weights that share their inputs are one launch, gate and up, too, and what norms and activations
// write is turned to binary16 there.
TEST_F(CudaDecodeStepTest, TextsSideBySide) {
  std::vector<std::string> step =
      step_of({"normalise_rows", "multiply_warpgroups", "prepare_heads", "attend_rows",
               "rows_to_half", "multiply_warpgroups", "normalise_rows", "multiply_warpgroups",
               "activate_to_half", "multiply_warpgroups"});
  step.back() = "multiply_warpgroups";
  EXPECT_THAT(kernels_of_a_step(kDense, "Q4_K", 24), ElementsAreArray(step));
}

// The keys that an indexer picks stay on the device, so that nothing waits in the middle of a step:
// it is the graphs that its kernels were the step before.
TEST_F(CudaDecodeStepTest, PickedKeysWaitForNothing) {
  for (const char* name : {"deepseek32-moe", "deepseek4-own", "hy_v4-own"}) {
    const test::TinyModel model(name);
    const auto kernels = kernels_of_a_step(model.path(), 1, 3);
    EXPECT_THAT(kernels, testing::Contains("mark_picked_keys"));
    EXPECT_GE(graphs_, 2u) << name;
  }
}

}  // namespace
}  // namespace linnet
