// Tiles that are one picture to a text model, against tests/data/vision/joined: what llama.cpp
// makes of the same tiles.

#include "vision/joined_tiles.hpp"

#include <gtest/gtest.h>

#include "support/encode_medium.hpp"
#include "support/golden_files.hpp"
#include "support/normalised_error.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"
#include "support/vision_case.hpp"
#include "vision/family.hpp"
#include "vision/vision_model.hpp"

namespace linnet {
namespace {

std::filesystem::path golden() { return test::in_repository("tests/data/vision/joined"); }

// Of tiles that lie one below the other behind an overview.
Pixels joined(const Pixels& stacked, Grid tiles) {
  const int side = stacked.size.width;
  Pixels pixels{{tiles.width * side, tiles.height * side}, {}};
  pixels.values.resize(static_cast<std::size_t>(3 * pixels.size.area()));
  for (int tile = 0; tile < tiles.area(); ++tile) {
    const int left = tile % tiles.width * side, top = tile / tiles.width * side;
    for (int y = 0; y < side; ++y) {
      const float* const from =
          stacked.values.data() + std::int64_t{3} * side * ((1 + tile) * side + y);
      std::copy_n(from, 3 * side,
                  pixels.values.data() + std::int64_t{3} * ((top + y) * pixels.size.width + left));
    }
  }
  return pixels;
}

class JoinedTilesTest : public testing::TestWithParam<std::string> {};

TEST_P(JoinedTilesTest, RowsAreTheGoldenOnes) {
  const auto json = test::read_json(golden() / (GetParam() + ".json"));
  test::VisionCase tower = test::VisionCase::read(json["tower"]);
  const test::TemporaryFolder folder;
  const Status written = tower.model.write(folder / "mmproj.gguf");
  ASSERT_TRUE(written) << written.error().message;
  const auto file = gguf::File::open(folder / "mmproj.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const auto backend = make_cpu_backend(2);
  WeightLoader loader(*file, *backend);
  auto spec = read_vision_spec(*file, loader);
  ASSERT_TRUE(spec) << spec.error().message;
  const auto model = VisionModel::load(std::move(*spec), loader, *backend);
  ASSERT_TRUE(model) << model.error().message;

  const Grid tiles{json["columns"], json["rows"]};
  tower.model.json["picture"]["height"] =
      tower.model.json["picture"]["width"].get<int>() * (1 + tiles.area());
  Pixels pixels = joined(tower.pixels(), tiles);
  const VisionSpec& s = (*model)->spec();
  const Grid merged = pixels.size / (s.patch_side * s.merge_side);
  pixels.bars = bars_of({json["original"][0], json["original"][1]}, merged);
  const auto rows = test::encode(**model, pixels);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->rows, rows_of(s, merged, pixels.bars));
  const std::vector<float> want = test::values_of(json["embedding"]["values"]);
  ASSERT_EQ(rows->values.size(), want.size());
  EXPECT_LE(test::normalised_error(rows->values, want), 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Golden, JoinedTilesTest, testing::ValuesIn(test::case_names(golden())),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
