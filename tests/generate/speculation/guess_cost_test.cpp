#include "generate/speculation/guess_cost.hpp"

#include <gtest/gtest.h>

#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/draft_file.hpp"
#include "support/assistant_case.hpp"
#include "support/dflash_case.hpp"
#include "support/eagle3_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

constexpr double kRow = 0.05;

// Bytes of the tensors that `is_read` wants.
double bytes(const gguf::File& file, const auto& is_read) {
  double bytes = 0.0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    if (is_read(tensor.name)) bytes += static_cast<double>(tensor.bytes.size());
  }
  return bytes;
}

// Of a model whose rows of tokens are only looked up.
double step_bytes(const gguf::File& file) {
  return bytes(file, [](std::string_view name) { return name != "token_embd.weight"; });
}

TEST(GuessCost, OfAModelLikeTheTargetIsAStepAndARow) {
  const test::TinyModel model("llama-dense");
  EXPECT_DOUBLE_EQ(guess_cost(model.file(), model.file().file(), model.file().spec()), 1.0 + kRow);
}

TEST(GuessCost, OfALayerInTheModelsFileIsThatAndTheProjection) {
  const test::PredictionCase oracle = test::PredictionCase::read("qwen35-dense");
  const test::TinyModel model(oracle.model);
  const gguf::File& file = model.file().file();
  const ModelSpec& layer = **model.file().prediction();
  const std::string prefix = "blk." + std::to_string(layer.first_block) + ".";
  const double read = bytes(file, [&](std::string_view name) {
    return name.starts_with(prefix) || name == "output.weight";
  });
  const double step = bytes(file, [&](std::string_view name) {
    return name != "token_embd.weight" && !name.starts_with(prefix);
  });
  EXPECT_DOUBLE_EQ(guess_cost(model.file(), file, layer), kRow + read / step);
}

TEST(GuessCost, OfExpertsIsThoseThatAreUsed) {
  const test::PredictionCase oracle = test::PredictionCase::read("glm4moe-moe");
  const test::TinyModel model(oracle.model);
  const ModelSpec& layer = **model.file().prediction();
  const MoeSpec& moe = layer.layers.front().moe;
  ASSERT_LT(moe.route.used, moe.experts);
  const double share = static_cast<double>(moe.route.used) / moe.experts;
  EXPECT_DOUBLE_EQ(expert_share(layer, "blk.1.ffn_up_exps.weight"), share);
  EXPECT_DOUBLE_EQ(expert_share(layer, "blk.1.ffn_up_exps.weight", 2), share * (2.0 - share));
  EXPECT_DOUBLE_EQ(expert_share(layer, "blk.1.attn_q.weight"), 1.0);
}

// A second row reads experts that the first did not choose.
TEST(GuessCost, HasTheExpertsThatTheGuessChooses) {
  const test::TinyModel model("qwen3moe-moe");
  const ModelFile& file = model.file();
  const MoeSpec& moe = file.spec().layers.back().moe;
  ASSERT_LT(moe.route.used, moe.experts);
  const double share = static_cast<double>(moe.route.used) / moe.experts;
  const double all = bytes(file.file(), [](std::string_view name) {
    return name.find("_exps.") != std::string_view::npos;
  });
  const double step = step_bytes(file.file()) - all + share * all;
  const double more = share * (1.0 - share) * all;
  EXPECT_NEAR(guess_cost(file, file.file(), file.spec()), kRow + 1.0 + more / step, 1e-12);
}

TEST(GuessCost, OfEagle3IsItsLayerAndTheProjection) {
  for (const auto& [name, shares] : {std::pair{"own-tables", false}, {"shared-tables", true}}) {
    const test::Eagle3Case oracle = test::Eagle3Case::read(name);
    const test::TinyModel model(oracle.target);
    const test::TemporaryFolder folder;
    ASSERT_TRUE(oracle.eagle.write(folder / "eagle3.gguf"));
    const auto draft = open_draft((folder / "eagle3.gguf").string(), model.file());
    ASSERT_TRUE(draft) << draft.error().message;
    const gguf::File& own = (*draft)->file();
    const double read = bytes(own, [](auto tensor) { return tensor.starts_with("blk."); }) +
                        bytes(shares ? model.file().file() : own,
                              [](auto tensor) { return tensor == "output.weight"; });
    EXPECT_DOUBLE_EQ(guess_cost(model.file(), (*draft)->file(), (*draft)->spec()),
                     kRow + read / step_bytes(model.file().file()))
        << name;
  }
}

// A guess costs the row that verifies it, and in a chain what it adds to the next one.
TEST(GuessCost, OfDflashIsThatOfItsBlock) {
  constexpr double kAll = 1.0, kNone = 0.0;
  const auto is_table = [](std::string_view name) { return name == "token_embd.weight"; };
  const auto is_chain = [](std::string_view name) { return name.starts_with("markov_w"); };
  for (const auto& [name, shares, table] : {std::tuple{"shared-tables", kAll, kNone},
                                            {"own-tables", kNone, kNone},
                                            {"causal", kNone, kAll},
                                            {"chained", kAll, kNone}}) {
    const test::DflashCase oracle = test::DflashCase::read(name);
    const test::TinyModel model(oracle.target);
    const test::TemporaryFolder folder;
    ASSERT_TRUE(oracle.drafter.write(folder / "dflash.gguf"));
    const auto draft = open_draft((folder / "dflash.gguf").string(), model.file());
    ASSERT_TRUE(draft) << draft.error().message;
    const gguf::File &own = (*draft)->file(), &target = model.file().file();
    const double block =
        bytes(own, [&](auto tensor) { return !is_table(tensor) && !is_chain(tensor); }) +
        table * bytes(own, is_table) +
        shares * bytes(target, [](auto tensor) { return tensor == "output.weight"; });
    const double next = bytes(own, [](auto tensor) { return tensor == "markov_w2.weight"; });
    const double step = step_bytes(target);
    EXPECT_DOUBLE_EQ(block_cost(model.file(), own, (*draft)->spec()), block / step) << name;
    EXPECT_DOUBLE_EQ(guess_cost(model.file(), own, (*draft)->spec()), kRow + next / step) << name;
  }
}

TEST(GuessCost, OnlyOfDflashIsThatOfABlock) {
  const test::TinyModel model("llama-dense");
  EXPECT_EQ(block_cost(model.file(), model.file().file(), model.file().spec()), 0.0);
}

TEST(GuessCost, OfAnAssistantIsItsFile) {
  const test::AssistantCase oracle = test::AssistantCase::read();
  const test::TinyModel model(oracle.target);
  const test::TemporaryFolder folder;
  ASSERT_TRUE(oracle.assistant.write(folder / "assistant.gguf"));
  const auto draft = open_draft((folder / "assistant.gguf").string(), model.file());
  ASSERT_TRUE(draft) << draft.error().message;
  const double read = bytes((*draft)->file(), [](auto) { return true; });
  const double step = bytes(model.file().file(), [](std::string_view name) {
    return name != "token_embd.weight" && name != "per_layer_token_embd.weight";
  });
  EXPECT_DOUBLE_EQ(guess_cost(model.file(), (*draft)->file(), (*draft)->spec()),
                   kRow + read / step);
}

}  // namespace
}  // namespace linnet
