#include "vision/vision_file.hpp"

#include <gtest/gtest.h>

#include "gguf/gguf_writer.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

TEST(VisionFile, CountsConvolutionsAsTheyAreHeld) {
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
  EXPECT_EQ(encoder_weight_bytes(*file, /*of_sounds=*/false), 3 * 4 * kConvolution + 2 * kMatrix);
  EXPECT_EQ(encoder_weight_bytes(*file, /*of_sounds=*/true), 3 * 4 * kOfSounds);
}

}  // namespace
}  // namespace linnet
