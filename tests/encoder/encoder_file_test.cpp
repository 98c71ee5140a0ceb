#include "encoder/encoder_file.hpp"

#include <gtest/gtest.h>

#include "backend/cpu/weight_bytes.hpp"
#include "gguf/gguf_writer.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

TEST(EncoderFile, SaysWhichEncodersItHas) {
  const Format& f32 = *find_format(TensorType::kF32);
  gguf::Writer writer;
  writer.add_string("general.architecture", kEncoderArchitecture);
  writer.add_bool("clip.has_audio_encoder", true);
  writer.add_tensor("a.position_embd.weight", f32, std::vector<std::int64_t>{1});
  const test::TemporaryFolder folder;
  ASSERT_TRUE(writer.write(folder / "mmproj.gguf", [](std::size_t, const gguf::Writer::Sink& sink) {
    return sink(std::vector<std::byte>(4));
  }));
  const auto file = gguf::File::open(folder / "mmproj.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(has_encoder(*file, EncoderKind::kAudio));
  EXPECT_FALSE(has_encoder(*file, EncoderKind::kVision));
}

TEST(EncoderFile, CountsConvolutionsAsTheyAreHeld) {
  constexpr std::int64_t kConvolution = 2 * 2 * 3 * 5, kMatrix = 4 * 6, kOfSounds = 3 * 2 * 7;
  const Format& f16 = *find_format(TensorType::kF16);
  gguf::Writer writer;
  writer.add_tensor("v.patch_embd.weight", f16, std::vector<std::int64_t>{2, 2, 3, 5});
  writer.add_tensor("v.blk.0.ffn_up.weight", f16, std::vector<std::int64_t>{4, 6});
  writer.add_tensor("a.conv1d.1.weight", f16, std::vector<std::int64_t>{3, 2, 7});
  const std::int64_t elements[] = {kConvolution, kMatrix, kOfSounds};
  const test::TemporaryFolder folder;
  const auto zeros = [&](std::size_t index, const gguf::Writer::Sink& sink) {
    return sink(std::vector<std::byte>(static_cast<std::size_t>(2 * elements[index])));
  };
  ASSERT_TRUE(writer.write(folder / "mmproj.gguf", zeros));
  const auto file = gguf::File::open(folder / "mmproj.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(encoder_weight_bytes(*file, EncoderKind::kVision),
            3 * 4 * kConvolution + cpu_weight_bytes(f16, 4, 6));
  EXPECT_EQ(encoder_weight_bytes(*file, EncoderKind::kAudio), 3 * 4 * kOfSounds);
}

// Convolutions over single places, and experts.
TEST(EncoderFile, CountsMatricesOfMoreDimensionsAsSuch) {
  constexpr std::int64_t kPointwise = 40 * 6, kExperts = 40 * 6 * 3;
  const Format& f16 = *find_format(TensorType::kF16);
  gguf::Writer writer;
  writer.add_tensor("v.blk.0.0.conv_pwl.weight", f16, std::vector<std::int64_t>{1, 1, 40, 6});
  writer.add_tensor("v.blk.0.ffn_up_exps.weight", f16, std::vector<std::int64_t>{40, 6, 3});
  const std::int64_t elements[] = {kPointwise, kExperts};
  const test::TemporaryFolder folder;
  const auto zeros = [&](std::size_t index, const gguf::Writer::Sink& sink) {
    return sink(std::vector<std::byte>(static_cast<std::size_t>(2 * elements[index])));
  };
  ASSERT_TRUE(writer.write(folder / "mmproj.gguf", zeros));
  const auto file = gguf::File::open(folder / "mmproj.gguf");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(encoder_weight_bytes(*file, EncoderKind::kVision), cpu_weight_bytes(f16, 40, 6 + 18));
}

}  // namespace
}  // namespace linnet
