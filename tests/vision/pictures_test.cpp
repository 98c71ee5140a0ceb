// How pictures are resized and cut, against tests/data/vision/pictures: what llama.cpp makes of
// the same bytes.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "support/golden_files.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"
#include "support/vision_case.hpp"
#include "vision/family.hpp"
#include "vision/picture_pieces.hpp"
#include "vision/pixels.hpp"
#include "vision/vision_sizes.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

fs::path golden() { return test::in_repository("tests/data/vision/pictures"); }

// Of these llama.cpp puts pictures between black bars or resamples by another filter; Linnet does
// what the models' own processors do. Only the sizes are the same.
bool is_stretched(const std::string& name) {
  const std::vector<std::string> names = {
      "hunyuanvl", "dots_ocr", "gemma3",         "gemma4uv", "gemma4v", "glm4v",  "janus_pro",
      "paddleocr", "phi4",     "pixtral-merger", "pixtral",  "qwen2vl", "qwen3vl"};
  return std::ranges::find(names, name) != names.end();
}

class PicturesTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    case_ = test::read_json(golden() / (GetParam() + ".json"));
    const std::string tower = GetParam() == "llava-grid" ? "llava" : GetParam();
    test::OracleCase file = test::VisionCase::read(tower).model;
    file.json["metadata"] = case_["metadata"];
    for (auto& tensor : file.json["tensors"]) {  // of which real ones have many
      const bool is_pair =
          tensor["name"] == "v.position_embd.weight" && tensor["shape"].size() == 3;
      if (is_pair) tensor["shape"][1] = 4096;
    }
    const test::TemporaryFolder folder;
    const fs::path path = folder / "mmproj.gguf";
    const Status written = file.write(path);
    ASSERT_TRUE(written) << written.error().message;
    const auto opened = gguf::File::open(path);
    ASSERT_TRUE(opened) << opened.error().message;
    const auto backend = make_reference_backend();
    auto spec = read_vision_spec(*opened, WeightLoader(*opened, *backend));
    ASSERT_TRUE(spec) << spec.error().message;
    spec_ = std::move(*spec);
  }

  Image picture(int width, int height) const {
    const std::uint64_t start =
        test::fnv1a("picture") ^ (case_["seed"].get<std::uint64_t>() * 0x9e3779b97f4a7c15u);
    Image image = filled(width, height, kWhite);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      const double unit = test::weight_element(start, i, 0.5, 0.5);
      image.pixels[i] = static_cast<std::uint8_t>(std::min(unit * 256.0, 255.0));
    }
    return image;
  }

  // Half way between two sizes llama.cpp takes the larger one, the models' processors the even one.
  bool is_half_way(int length) const {
    const int unit = spec_.patch_side * spec_.merge_side;
    return 2 * length % (2 * unit) == unit;
  }

  void expect_golden(const Json& expected, const Image& image) const {
    ASSERT_EQ(image.width, expected["width"]);
    ASSERT_EQ(image.height, expected["height"]);
    if (is_stretched(GetParam())) return;
    const Pixels pixels = pixels_of(spec_, image);
    const double sum = std::accumulate(pixels.values.begin(), pixels.values.end(), 0.0);
    EXPECT_NEAR(sum, expected["sum"].get<double>(), 0.005);  // half of what one byte makes
    const Json& samples = expected["samples"];
    const std::size_t step = pixels.values.size() / samples.size();
    for (std::size_t i = 0; i < samples.size(); ++i) {
      EXPECT_NEAR(pixels.values[i * step], samples[i].get<float>(), 1e-5) << "sample " << i;
    }
  }

  Json case_;
  VisionSpec spec_;
};

TEST_P(PicturesTest, PiecesAreTheGoldenOnes) {
  for (const Json& result : case_["results"]) {
    const int width = result["width"], height = result["height"];
    SCOPED_TRACE(std::to_string(width) + " x " + std::to_string(height));
    const bool is_rounded = is_stretched(GetParam()) || GetParam() == "minimax_m3";
    if (is_rounded && (is_half_way(width) || is_half_way(height))) continue;
    const Image image = picture(width, height);
    const auto grid = grid_of_tiles(spec_, {width, height});
    const Grid tiles = grid.value_or(Grid{0, 0});
    EXPECT_EQ(tiles.width, result["grid"][0]);
    EXPECT_EQ(tiles.height, result["grid"][1]);
    std::vector<Image> pieces;
    for (PicturePiece& piece : pieces_of(spec_, image).pieces) {
      pieces.push_back(std::move(piece.image));
    }
    if (spec_.tiling.overview_first) std::rotate(pieces.begin(), pieces.begin() + 1, pieces.end());
    std::vector<Json> expected = result["pictures"];
    if (!result["overview"].is_null()) expected.push_back(result["overview"]);
    ASSERT_EQ(pieces.size(), expected.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      SCOPED_TRACE("piece " + std::to_string(i));
      expect_golden(expected[i], pieces[i]);
    }
  }
}

// Of extreme shapes, too, every piece is one that the encoder can take.
TEST_P(PicturesTest, PiecesOfAnyShapeAreWholePatches) {
  const int unit = spec_.patch_side * spec_.merge_side;
  for (const auto& [width, height] :
       {std::pair{1, 1}, {1, 5000}, {5000, 1}, {3000, 40}, {17, 513}}) {
    SCOPED_TRACE(std::to_string(width) + " x " + std::to_string(height));
    for (const PicturePiece& piece : pieces_of(spec_, filled(width, height, kWhite)).pieces) {
      const PictureSize size{piece.image.width, piece.image.height};
      EXPECT_EQ(size.width % unit, 0);
      EXPECT_EQ(size.height % unit, 0);
      EXPECT_GE(size.area(), unit * unit);
      EXPECT_LE((size / spec_.patch_side).area(), most_patches(spec_));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, PicturesTest, testing::ValuesIn(test::case_names(golden())),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
