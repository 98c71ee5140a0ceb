#include "model/weight_loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using Values = std::vector<float>;

class WeightLoaderTest : public testing::Test {
 protected:
  WeightLoader& loader() {
    if (!loader_) loader_ = std::make_unique<WeightLoader>(file_.file(), file_.backend());
    return *loader_;
  }
  // Of a loader, without the file that it names.
  std::string error() {
    const Status status = loader().finish();
    if (status) return "";
    const std::string file = file_.path().string() + ": ";
    EXPECT_TRUE(status.error().message.starts_with(file)) << status.error().message;
    return status.error().message.substr(file.size());
  }
  // All rows of a matrix, and all of a buffer.
  Values values_of(const Matrix& matrix) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(matrix.rows()));
    std::iota(ids.begin(), ids.end(), 0);
    Values values(static_cast<std::size_t>(matrix.rows() * matrix.columns()));
    file_.backend().embed_rows(matrix, ids,
                               {values.data(), matrix.rows(), matrix.columns(), matrix.columns()});
    return values;
  }
  Values values_of(const std::unique_ptr<Buffer>& buffer) {
    if (!buffer) return {};
    Values values(static_cast<std::size_t>(buffer->size()));
    file_.backend().download({buffer->data(), 1, buffer->size(), buffer->size()}, values.data());
    return values;
  }

  test::TensorFile file_;
  std::unique_ptr<WeightLoader> loader_;
};

TEST_F(WeightLoaderTest, AProjectionWithAllThatBelongsToIt) {
  file_.tensor("up.weight", {3, 2}, {1, 2, 3, 4, 5, 6})
      .tensor("up.bias", {2}, {7, 8})
      .tensor("up.scale", {1}, {0.5f})
      .tensor("up.input_min", {1}, {-1})
      .tensor("up.output_max", {1}, {2});
  const Linear up = loader().linear("up", 3, 2);
  ASSERT_TRUE(up);
  EXPECT_EQ(up.weight->columns(), 3);
  EXPECT_EQ(up.weight->rows(), 2);
  EXPECT_THAT(values_of(*up.weight), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(values_of(up.bias), ElementsAre(7, 8));
  EXPECT_EQ(up.scale, 0.5f);
  ASSERT_TRUE(up.clip);
  EXPECT_EQ(up.clip->in.least, -1.0f);
  EXPECT_EQ(up.clip->in.most, std::numeric_limits<float>::max());
  EXPECT_EQ(up.clip->out.least, std::numeric_limits<float>::lowest());
  EXPECT_EQ(up.clip->out.most, 2.0f);
  EXPECT_EQ(loader().clipped_columns(), 5);
  EXPECT_EQ(error(), "");
}

TEST_F(WeightLoaderTest, AFactorOnProductAndBiasIsOnTheBiasToo) {
  file_.tensor("up.weight", {1, 2}).tensor("up.bias", {2}, {7, 8}).tensor("up.scale", {1}, {0.5f});
  const Linear up = loader().linear("up", 1, 2, Presence::kRequired, ScaleOrder::kAfterBias);
  EXPECT_THAT(values_of(up.bias), ElementsAre(3.5f, 4.0f));
  EXPECT_EQ(up.scale, 0.5f);
}

TEST_F(WeightLoaderTest, WhatTheFileLacksIsMissing) {
  file_.tensor("up.weight", {3, 2});
  const Linear up = loader().linear("up", 3, 2);
  EXPECT_EQ(up.bias, nullptr);
  EXPECT_EQ(up.scale, 1.0f);
  EXPECT_FALSE(up.clip);
  EXPECT_FALSE(up.adapter);
  EXPECT_FALSE(loader().linear("gate", 3, 2, Presence::kOptional));
  EXPECT_FALSE(loader().norm("norm", 3, Presence::kOptional));
  EXPECT_FALSE(loader().head_norm("norm", 1, 3));
  EXPECT_FALSE(loader().experts("experts", 3, 2, 4, Presence::kOptional));
  EXPECT_TRUE(loader().slices("slices", 3, 2, 4, Presence::kOptional).empty());
  EXPECT_EQ(loader().vector("vector", 3, Presence::kOptional), nullptr);
  EXPECT_TRUE(loader().values("values", 3, Presence::kOptional).empty());
  EXPECT_EQ(loader().transposed("matrix", 3, 2, Presence::kOptional), nullptr);
  EXPECT_EQ(loader().rows("gate"), 0);
  EXPECT_EQ(loader().elements("gate"), 0);
  EXPECT_EQ(loader().upload(Values{}), nullptr);
  EXPECT_EQ(error(), "");
}

TEST_F(WeightLoaderTest, TypesAreUnpacked) {
  const Values values = {1, -2, 0.5f, 4};
  file_.tensor("half", {4}, values, "F16").tensor("whole", {4}, values, "F32");
  Values many(32, 3.0f);
  file_.tensor("quantised", {32}, many, "Q8_0");
  EXPECT_EQ(loader().values("half", 4), values);
  EXPECT_EQ(loader().values("whole", 4), values);
  EXPECT_THAT(loader().values("quantised", 32), testing::Each(testing::FloatNear(3.0f, 0.01f)));
}

TEST_F(WeightLoaderTest, VectorsHaveAnyShapeAndOnesDoNotCount) {
  file_.tensor("vector", {2, 3}, {1, 2, 3, 4, 5, 6}).tensor("up.weight", {3, 1, 2});
  EXPECT_EQ(loader().values("vector", 6).size(), 6u);
  EXPECT_TRUE(loader().linear("up", 3, 2));
  EXPECT_EQ(error(), "");
}

TEST_F(WeightLoaderTest, TransposedHasColumnsOutermost) {
  file_.tensor("matrix", {3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(values_of(loader().transposed("matrix", 3, 2)), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST_F(WeightLoaderTest, APartOfTheRowsWithItsBias) {
  file_.tensor("qkv.weight", {2, 3}, {1, 2, 3, 4, 5, 6}).tensor("qkv.bias", {3}, {7, 8, 9});
  const Linear part = loader().linear_part("qkv", 2, 3, 1, 2);
  EXPECT_THAT(values_of(*part.weight), ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(values_of(part.bias), ElementsAre(8, 9));
}

TEST_F(WeightLoaderTest, RowsInAnotherOrderWithTheirBias) {
  file_.tensor("qkv.weight", {2, 3}, {1, 2, 3, 4, 5, 6}).tensor("qkv.bias", {3}, {7, 8, 9});
  const std::int64_t order[] = {2, 0, 2};
  const Linear part = loader().reordered("qkv", 2, 3, order);
  EXPECT_THAT(values_of(*part.weight), ElementsAre(5, 6, 1, 2, 5, 6));
  EXPECT_THAT(values_of(part.bias), ElementsAre(9, 7, 9));
}

TEST_F(WeightLoaderTest, SlicesAreProjections) {
  file_.tensor("up.weight", {2, 1, 3}, {1, 2, 3, 4, 5, 6});
  const std::vector<Linear> slices = loader().slices("up", 2, 1, 3);
  ASSERT_EQ(slices.size(), 3u);
  EXPECT_THAT(values_of(*slices[0].weight), ElementsAre(1, 2));
  EXPECT_THAT(values_of(*slices[2].weight), ElementsAre(5, 6));
}

TEST_F(WeightLoaderTest, ExpertsAreOneMatrix) {
  file_.tensor("up.weight", {2, 1, 3}, {1, 2, 3, 4, 5, 6})
      .tensor("up.bias", {1, 3}, {7, 8, 9})
      .tensor("up.scale", {3}, {1, 2, 3})
      .tensor("low.lora_a", {2, 1, 3});
  const Linear up = loader().experts("up", 2, 1, 3);
  ASSERT_TRUE(up);
  EXPECT_EQ(up.weight->slices(), 3);
  EXPECT_THAT(values_of(up.bias), ElementsAre(7, 8, 9));
  EXPECT_THAT(values_of(up.expert_scales), ElementsAre(1, 2, 3));
  EXPECT_TRUE(loader().experts("low.lora_a", 2, 1, 3));  // without the suffix
  EXPECT_EQ(error(), "");
}

TEST_F(WeightLoaderTest, NormsMayLackTheSuffix) {
  file_.tensor("norm.weight", {2}, {1, 2}).tensor("norm.bias", {2}, {3, 4});
  file_.tensor("bare", {2}, {5, 6});
  const Norm norm = loader().norm("norm", 2);
  EXPECT_THAT(values_of(norm.weight), ElementsAre(1, 2));
  EXPECT_THAT(values_of(norm.bias), ElementsAre(3, 4));
  EXPECT_THAT(values_of(loader().norm("bare", 2).weight), ElementsAre(5, 6));
  EXPECT_EQ(error(), "");
}

TEST_F(WeightLoaderTest, HeadNormsComeInFourShapes) {
  file_.tensor("one.weight", {2}, {1, 2})
      .tensor("own.weight", {2, 3}, {1, 2, 3, 4, 5, 6})
      .tensor("all.weight", {6}, {1, 2, 3, 4, 5, 6})
      .tensor("number.weight", {1, 3}, {1, 2, 3});
  const HeadNorm one = loader().head_norm("one", 3, 2);  // of every head
  EXPECT_THAT(values_of(one.norm.weight), ElementsAre(1, 2));
  EXPECT_EQ(one.group, 2);
  EXPECT_FALSE(one.per_column);
  const HeadNorm own = loader().head_norm("own", 3, 2);  // of each head
  EXPECT_THAT(values_of(own.norm.weight), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(own.group, 2);
  EXPECT_TRUE(own.per_column);
  const HeadNorm all = loader().head_norm("all", 3, 2);  // of all columns together
  EXPECT_EQ(all.group, 6);
  EXPECT_FALSE(all.per_column);
  const HeadNorm number = loader().head_norm("number", 3, 2);  // one number for each head
  EXPECT_THAT(values_of(number.norm.weight), ElementsAre(1, 1, 2, 2, 3, 3));
  EXPECT_EQ(number.group, 2);
  EXPECT_TRUE(number.per_column);
  EXPECT_EQ(error(), "");
}

TEST_F(WeightLoaderTest, IntegersAreUploadedAsSuch) {
  file_.tensor("unused", {1});
  const std::vector<std::int32_t> buckets = {7, -1, 1 << 30};
  const std::unique_ptr<Buffer> buffer = loader().upload(buckets);
  ASSERT_NE(buffer, nullptr);
  EXPECT_EQ(buffer->size(), 3);
  const std::int32_t* const got = as_integers(buffer->data());  // of the reference: host memory
  EXPECT_EQ(std::vector<std::int32_t>(got, got + 3), buckets);
}

TEST_F(WeightLoaderTest, ExtentsAreThoseOfTheFile) {
  file_.tensor("up.weight", {3, 2, 4});
  EXPECT_TRUE(loader().has("up.weight"));
  EXPECT_FALSE(loader().has("up"));
  EXPECT_EQ(loader().columns("up"), 3);
  EXPECT_EQ(loader().rows("up"), 2);
  EXPECT_EQ(loader().elements("up"), 24);
}

TEST_F(WeightLoaderTest, ProgressCountsEachTensorOnce) {
  file_.tensor("a", {2}).tensor("b", {3}).tensor("unused", {5});
  std::vector<std::pair<std::int64_t, std::int64_t>> told;
  WeightLoader loader(file_.file(), file_.backend(), [&](std::int64_t done, std::int64_t total) {
    told.emplace_back(done, total);
  });
  loader.values("a", 2);
  loader.values("a", 2);
  loader.values("b", 3);
  EXPECT_THAT(told, ElementsAre(std::pair{8, 40}, std::pair{8, 40}, std::pair{20, 40}));
}

TEST_F(WeightLoaderTest, AMissingTensorIsNamed) {
  file_.tensor("up.weight", {3, 2});
  EXPECT_FALSE(loader().linear("down", 3, 2));
  EXPECT_EQ(error(), "missing tensor down.weight");
}

TEST_F(WeightLoaderTest, AWrongShapeIsNamedWithTheExpectedOne) {
  file_.tensor("up.weight", {3, 2});
  EXPECT_FALSE(loader().linear("up", 2, 3));
  EXPECT_EQ(error(), "tensor up.weight has shape [3, 2], expected [2, 3]");
}

TEST_F(WeightLoaderTest, AVectorOfAnotherSizeIsNamed) {
  file_.tensor("vector", {3, 2});
  EXPECT_EQ(loader().vector("vector", 5), nullptr);
  EXPECT_EQ(error(), "tensor vector has shape [3, 2], expected [5]");
}

TEST_F(WeightLoaderTest, AWrongNumberOfExpertsIsNamed) {
  file_.tensor("up.weight", {3, 2, 4});
  EXPECT_FALSE(loader().experts("up", 3, 2, 8));
  EXPECT_EQ(error(), "tensor up.weight has shape [3, 2, 4], expected [3, 2, 8]");
}

TEST_F(WeightLoaderTest, RowsAreWholeBlocksOfTheirType) {
  file_.tensor("up.weight", {32}, Values(32, 1.0f), "Q8_0");
  EXPECT_FALSE(loader().linear("up", 1, 32));
  EXPECT_EQ(error(), "tensor up.weight has rows of 1 values, expected a multiple of 32");
}

TEST_F(WeightLoaderTest, APartBehindTheLastRowIsRefused) {
  file_.tensor("qkv.weight", {2, 3});
  EXPECT_FALSE(loader().linear_part("qkv", 2, 3, 2, 2));
  EXPECT_EQ(error(), "tensor qkv.weight has 3 rows, expected at least 4");
}

TEST_F(WeightLoaderTest, BoundsTheWrongWayRoundAreRefused) {
  file_.tensor("up.weight", {3, 2})
      .tensor("up.input_min", {1}, {2})
      .tensor("up.input_max", {1}, {1});
  loader().linear("up", 3, 2);
  EXPECT_EQ(error(), "tensor up.input_min has 2, expected at most the 1 of up.input_max");
}

TEST_F(WeightLoaderTest, ValuesThatAreNoNumbersAreDamage) {
  file_.tensor("vector", {2}, {1, std::nanf("")});
  loader().vector("vector", 2);
  EXPECT_EQ(error(), "tensor vector has values that are NaN: the file is damaged");
}

TEST_F(WeightLoaderTest, ATensorThatNobodyAskedForIsAnError) {
  file_.tensor("up.weight", {3, 2}).tensor("odd.weight", {4});
  loader().linear("up", 3, 2);
  EXPECT_EQ(error(),
            "tensor odd.weight [4] has no place in this architecture, so the model would be "
            "computed wrongly");
  loader().load_part();  // unless this is only a part of the file
  EXPECT_EQ(error(), "");
}

TEST_F(WeightLoaderTest, IgnoredTensorsAreAsIfTheyWereNotThere) {
  file_.tensor("blk.0.up.weight", {3, 2})
      .tensor("blk.0.up.input_scale", {1})  // which converters leave
      .tensor("blk.1.up.weight", {3, 2})
      .tensor("blk.0.odd_norm", {3});
  loader().ignore("blk.1.");
  loader().ignore("*_norm");
  EXPECT_TRUE(loader().linear("blk.0.up", 3, 2));
  EXPECT_FALSE(loader().linear("blk.1.up", 3, 2, Presence::kOptional));
  EXPECT_TRUE(loader().has("blk.1.up.weight"));
  EXPECT_EQ(error(), "");
  EXPECT_FALSE(loader().linear("blk.1.up", 3, 2));
  EXPECT_EQ(error(), "missing tensor blk.1.up.weight");
}

TEST_F(WeightLoaderTest, TheScaleOfAWeightInNvfp4IsNoneOfTheIgnoredOnes) {
  const std::vector<std::byte> packed(
      static_cast<std::size_t>(find_format("NVFP4")->size_bytes(64)));
  file_.packed_tensor("blk.0.q.weight", {64, 1}, packed, "NVFP4")
      .tensor("blk.0.q.scale", {1}, {3})
      .tensor("blk.0.k.weight", {64, 1})
      .tensor("blk.0.k.scale", {1}, {3})
      .packed_tensor("blk.1.q.weight", {64, 1}, packed, "NVFP4")
      .tensor("blk.1.q.scale", {1}, {3});
  loader().ignore("*.q.scale");
  loader().ignore("*.k.scale");
  loader().ignore("blk.1.");
  EXPECT_EQ(loader().linear("blk.0.q", 64, 1).scale, 3.0f);
  EXPECT_EQ(loader().linear("blk.0.k", 64, 1).scale, 1.0f);
  EXPECT_FALSE(loader().linear("blk.1.q", 64, 1, Presence::kOptional));
  EXPECT_EQ(error(), "");
}

TEST_F(WeightLoaderTest, TheFirstErrorIsKeptAndNothingIsLoadedAfterIt) {
  file_.tensor("up.weight", {3, 2});
  EXPECT_FALSE(loader().failed());
  loader().fail("first");
  loader().fail("second");
  EXPECT_TRUE(loader().failed());
  EXPECT_FALSE(loader().linear("up", 3, 2));
  EXPECT_TRUE(loader().values("up.weight", 6).empty());
  EXPECT_EQ(error(), "first");
}

// An adapter of `up.weight` [3, 2] with rank 1.
class AdaptedLoaderTest : public WeightLoaderTest {
 protected:
  void SetUp() override {
    file_.metadata().add_string("general.architecture", "llama");
    file_.tensor("up.weight", {3, 2}, {1, 2, 3, 4, 5, 6});
    lora_.metadata().add_string("general.type", "adapter");
    lora_.metadata().add_string("general.architecture", "llama");
    lora_.metadata().add_string("adapter.type", "lora");
    lora_.metadata().add_number("adapter.lora.alpha", gguf::ValueType::kFloat32, 2.0);
    lora_.tensor("up.weight.lora_a", {3, 1}, {1, 0, -1}).tensor("up.weight.lora_b", {1, 2}, {3, 4});
  }
  void adapt() {
    lora_.file();  // is written
    auto adapter = gguf::Lora::open(lora_.path(), file_.file(), /*strength=*/0.5f);
    ASSERT_TRUE(adapter) << adapter.error().message;
    adapters_.push_back(std::move(*adapter));
    loader().adapt(adapters_);
  }

  test::TensorFile lora_;
  std::vector<gguf::Lora> adapters_;
};

TEST_F(AdaptedLoaderTest, FactorsStandBesideTheWeight) {
  adapt();
  const Linear up = loader().linear("up", 3, 2);
  ASSERT_TRUE(up.adapter);
  EXPECT_THAT(values_of(*up.weight), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(values_of(*up.adapter.low), ElementsAre(1, 0, -1));
  EXPECT_THAT(values_of(*up.adapter.high), ElementsAre(6, 8));  // times alpha / rank
  EXPECT_EQ(loader().adapter_rank(), 1);
  EXPECT_EQ(error(), "");
}

TEST_F(AdaptedLoaderTest, RanksOfSeveralAddUp) {
  adapt();
  adapt();
  const Linear up = loader().linear("up", 3, 2);
  ASSERT_TRUE(up.adapter);
  EXPECT_THAT(values_of(*up.adapter.low), ElementsAre(1, 0, -1, 1, 0, -1));
  EXPECT_THAT(values_of(*up.adapter.high), ElementsAre(6, 6, 8, 8));
  EXPECT_EQ(loader().adapter_rank(), 2);
}

TEST_F(AdaptedLoaderTest, APartHasItsRowsOfTheFactors) {
  adapt();
  const Linear part = loader().linear_part("up", 3, 2, 1, 1);
  ASSERT_TRUE(part.adapter);
  EXPECT_THAT(values_of(*part.adapter.high), ElementsAre(8));
}

TEST_F(AdaptedLoaderTest, WhatIsNoProjectionCannotBeAdapted) {
  adapt();
  EXPECT_EQ(loader().table("up", 3, 2), nullptr);
  const Status status = loader().finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            lora_.path().string() +
                ": changes tensor up.weight, which can't be adapted while a model runs; `linnet "
                "quantize --lora` merges the adapter into the model");
}

}  // namespace
}  // namespace linnet
