#include "synth/synthesise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "support/temporary_folder.hpp"
#include "synth/random_weights.hpp"

namespace linnet::synth {
namespace {

using test::read_file;
using test::TemporaryFolder;

TEST(RandomWeights, HaveTheWantedDeviationInEveryType) {
  constexpr std::int64_t kElements = 1 << 18;
  RandomWeights weights(1);
  int types = 0;
  for (const Format& format : all_formats()) {
    if (!can_fill(format)) continue;
    ++types;
    std::vector<std::byte> blocks(static_cast<std::size_t>(format.size_bytes(kElements)));
    weights.fill(format, 1.0f / 32.0f, blocks);
    std::vector<float> values(kElements);
    format.dequantize(blocks.data(), values.data(), kElements);
    double sum = 0.0, squares = 0.0;
    for (const float value : values) {
      sum += value;
      squares += double{value} * value;
    }
    const double deviation = std::sqrt(squares / kElements);
    EXPECT_NEAR(deviation, 1.0 / 32.0, 0.3 / 32.0) << format.name;
    EXPECT_LT(std::fabs(sum / kElements), 0.5 * deviation) << format.name;
  }
  EXPECT_EQ(types, 28);
}

TEST(Synthesise, EveryTypeMakesAReadableFileOfItsType) {
  const TemporaryFolder folder;
  for (const Format& format : all_formats()) {
    if (!can_fill(format)) continue;
    const auto types = find_types(format.name);
    ASSERT_TRUE(types);
    const auto path = folder / "model.gguf";
    const Status written = write_model(*find_shape("tiny"), *types, 0, path);
    ASSERT_TRUE(written) << written.error().message;
    const auto file = gguf::File::open(path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->find_tensor("blk.1.ffn_down.weight")->format, &format);
    EXPECT_EQ(file->find_tensor("blk.1.ffn_norm.weight")->format->type, TensorType::kF32);
  }
}

TEST(Synthesise, AMixKeepsSensitiveTensorsPrecise) {
  const TemporaryFolder folder;
  const auto path = folder / "model.gguf";
  ASSERT_TRUE(write_model(*find_shape("tiny"), *find_types("q4_k_m"), 0, path));
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->find_tensor("output.weight")->format->type, TensorType::kQ6_K);
  EXPECT_EQ(file->find_tensor("blk.0.attn_q.weight")->format->type, TensorType::kQ4_K);
  EXPECT_EQ(file->find_tensor("blk.1.ffn_down.weight")->format->type, TensorType::kQ6_K);
}

TEST(Synthesise, TheSeedDecidesTheBytes) {
  const TemporaryFolder folder;
  const auto make = [&](std::uint64_t seed) {
    const auto path = folder / "model.gguf";
    EXPECT_TRUE(write_model(*find_shape("tiny-moe"), *find_types("IQ2_XS"), seed, path));
    return read_file(path);
  };
  const std::string first = make(7);
  EXPECT_EQ(make(7), first);
  EXPECT_NE(make(8), first);
}

TEST(Synthesise, ProgressEndsAtTheWhole) {
  const TemporaryFolder folder;
  std::int64_t last = 0, whole = -1;
  ASSERT_TRUE(write_model(*find_shape("tiny"), *find_types("F16"), 0, folder / "m.gguf",
                          [&](std::int64_t done, std::int64_t total) {
                            EXPECT_GT(done, last);
                            last = done;
                            whole = total;
                            return true;
                          }));
  EXPECT_EQ(last, whole);
}

TEST(Synthesise, UnknownNamesAreRefused) {
  EXPECT_EQ(find_shape("gpt-5"), nullptr);
  const auto types = find_types("I32");
  ASSERT_FALSE(types);
  EXPECT_THAT(types.error().message, testing::HasSubstr("Q4_K_M"));
  EXPECT_FALSE(write_model(*find_shape("tiny"), *find_types("F16"), 0, "/nowhere/m.gguf"));
}

}  // namespace
}  // namespace linnet::synth
