// Control vectors that are added to the residual stream while a model runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "generate/session/model_hash.hpp"
#include "support/model_copy.hpp"
#include "support/normalised_error.hpp"
#include "support/tensor_file.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

constexpr std::size_t kWidth = 64;

class ControlVectors : public testing::Test {
 protected:
  // The golden model whose second and last layer adds `bias` to all columns at the end.
  std::filesystem::path model(float bias) const {
    const auto path = folder_ / "model.gguf";
    EXPECT_TRUE(test::OracleCase::read("llama-dense").write(folder_ / "golden.gguf"));
    const Status written = test::ModelCopy()
                               .fill("blk.1.ffn_down.bias", bias, 0, kWidth)
                               .drop_tensor("blk.1.ffn_down.scale")  // of the bias, too
                               .write(path, folder_ / "golden.gguf");
    EXPECT_TRUE(written) << written.error().message;
    return path;
  }
  static std::vector<float> row(float value) { return std::vector<float>(kWidth, value); }
  // A control vector of that layer.
  static void make(test::TensorFile& file, const std::vector<float>& direction,
                   const std::string& name = "direction.1") {
    file.metadata().add_string("general.architecture", "controlvector");
    file.tensor(name, {std::ssize(direction)}, direction);
    file.file();
  }

  struct Use {
    std::string path;
    float strength;
  };
  std::unique_ptr<ModelFile> open(float bias, const std::vector<Use>& uses = {}) const {
    auto file = std::move(*ModelFile::open(model(bias)));
    for (const Use& use : uses) {
      const Status added = file->add_control_vector(use.path, use.strength);
      EXPECT_TRUE(added) << added.error().message;
    }
    return file;
  }
  static std::vector<float> logits(const ModelFile& file) {
    const auto engine = std::move(*Engine::load(file, test::TinyModel::options(), 256));
    return *test::all_logits(*engine, std::vector<TokenId>{3, 1, 4, 1, 5, 9, 2, 6});
  }
  std::string refusal(const std::string& path) const {
    const Status added = open(0.0f)->add_control_vector(path, 1.0f);
    return added ? std::string() : added.error().message;
  }

  const test::TemporaryFolder folder_;
};

TEST_F(ControlVectors, AreAddedBehindTheirLayer) {
  test::TensorFile one, other;
  make(one, row(0.25f));
  make(other, row(1.0f));
  const auto want = logits(*open(1.0f));
  EXPECT_LE(test::normalised_error(logits(*open(0.0f, {{one.path(), 4.0f}})), want), 1e-10);
  EXPECT_LE(test::normalised_error(logits(*open(0.0f, {{one.path(), 8.0f}, {other.path(), -1.0f}})),
                                   want),
            1e-10)
      << "several add up";
  EXPECT_GT(test::normalised_error(logits(*open(0.0f, {{one.path(), 0.0f}})), want), 1e-3);
}

TEST_F(ControlVectors, TellAModelFromOthers) {
  test::TensorFile one;
  make(one, row(0.25f));
  const std::uint64_t with = sample_model(*open(0.0f, {{one.path(), 1.0f}}));
  EXPECT_NE(with, sample_model(*open(0.0f)));
  EXPECT_NE(with, sample_model(*open(0.0f, {{one.path(), 2.0f}})));
  EXPECT_EQ(with, sample_model(*open(0.0f, {{one.path(), 1.0f}})));
}

TEST_F(ControlVectors, OfOtherModelsAreRefused) {
  const auto refused = [&](const std::vector<float>& direction, const std::string& name) {
    test::TensorFile file;
    make(file, direction, name);
    std::string message = refusal(file.path());
    EXPECT_TRUE(message.starts_with(file.path().string() + ": ")) << message;
    return message.substr(message.find(": ") + 2);
  };
  EXPECT_EQ(refused(row(1.0f), "direction.2"),
            "has no direction of a layer from 1 on of the model, which has 2 layers");
  EXPECT_THAT(refused(row(1.0f), "direction.0"), HasSubstr("is no direction of a layer"));
  EXPECT_THAT(refused(row(1.0f), "output.weight"), HasSubstr("is no direction of a layer"));
  EXPECT_EQ(refused(std::vector<float>(32), "direction.1"),
            "tensor direction.1 is F32 of shape [32], expected F32 of [64]");
  EXPECT_EQ(
      refused(row(std::numeric_limits<float>::infinity()), "direction.1"),
      "tensor direction.1 holds, times its scale, a value that is not finite or beyond 1e+15");
  EXPECT_THAT(refused(row(2e15f), "direction.1"), HasSubstr("beyond 1e+15"));
  EXPECT_THAT(refusal(model(0.0f)),
              HasSubstr("is no control vector: general.architecture is \"llama\", expected "
                        "\"controlvector\""));
  test::TensorFile twice;
  twice.tensor("direction.01", {kWidth}, row(1.0f));
  make(twice, row(1.0f));
  EXPECT_THAT(refusal(twice.path()),
              HasSubstr("tensor direction.1 is a second direction of layer 1"));
  test::TensorFile empty;
  empty.metadata().add_string("general.architecture", "controlvector");
  empty.file();
  EXPECT_EQ(refusal(empty.path()), empty.path().string() + ": has no tensors");
}

TEST_F(ControlVectors, OfMoreLayersLeaveOutThoseThatTheModelLacks) {
  test::TensorFile one, more;
  make(one, row(0.25f));
  more.tensor("direction.2", {kWidth}, row(1.0f))
      .tensor("direction.31", {32}, std::vector<float>(32));
  make(more, row(0.25f));
  const auto file = open(0.0f, {{more.path(), 4.0f}});
  ASSERT_EQ(file->control_vectors().size(), 1u);
  EXPECT_EQ(file->control_vectors().front().directions().size(), 1u);
  EXPECT_EQ(logits(*file), logits(*open(0.0f, {{one.path(), 4.0f}})));
}

TEST_F(ControlVectors, NeedOneResidualStream) {
  test::TensorFile one;
  make(one, row(0.25f));
  const test::TinyModel several("gemma3n-dense");
  const Status added =
      std::move(*ModelFile::open(several.path()))->add_control_vector(one.path(), 1.0f);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().message, one.path().string() +
                                       ": control vectors are for models with one residual "
                                       "stream, which gemma3n models are not");
}

}  // namespace
}  // namespace linnet
